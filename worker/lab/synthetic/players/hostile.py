"""Players whom a hostile scraper makes up: the worker publishes, misses or refuses them, and joins none.

An invented player with an id of the right form cannot be told from a real one, so it is published. One whose
id is no player's is a label that no mapping knows. Two names for one id, and an id of a player for a label
that names none, are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.lab.synthetic.expected import (
    INVALID_ODDS,
    NO_MATCHING_OUTCOMES,
    ExpectedOutcome,
    ExpectedParticipant,
    ExpectedPlayerMarket,
    ExpectedRejection,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.lab.synthetic.books.at_event import BookAtEvent, Json

_EVERY = 8
_FIRST = 4
_INVENTED = 25
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Ids that are no player's.
_NO_IDS = ("sr:player:", "sr:player:x1", "sr:team:7", "zzzz", None)


def is_hostile(book: BookAtEvent) -> bool:
    return book.fixture.serial % _EVERY == _FIRST


def invented_outcomes(book: BookAtEvent, external_id: str, *, is_open: bool) -> Iterator[Json]:
    """Outcomes to write after those of the real players of "anytime goalscorer"."""
    if not is_hostile(book):
        return
    yield from _published(book, external_id, is_open=is_open)
    yield from _missed(book, external_id)
    yield from _refused(book, external_id)


def _outcome(label: str, feed_id: str | None, odds: str) -> Json:
    return {"id": feed_id, "odds": odds, "isActive": 1, "desc": label}


def _published(book: BookAtEvent, external_id: str, *, is_open: bool) -> Iterator[Json]:
    for number in range(_INVENTED):
        name = f"Zz{_LETTERS[number]} Nobody"
        feed_id = _feed_id(book, number)
        participant = ExpectedParticipant(
            name, f"nobody zz{_LETTERS[number]}", None, feed_id=feed_id
        )
        truth = ExpectedOutcome("yes", 9.5, active=is_open)
        book.answers.players.append(
            ExpectedPlayerMarket("anytime_goalscorer_ft", None, participant, external_id, (truth,))
        )
        yield _outcome(name, f"sr:player:{feed_id}", "9.50")


def _missed(book: BookAtEvent, external_id: str) -> Iterator[Json]:
    book.answers.partial.add((external_id, None))
    for number, feed_id in enumerate(_NO_IDS):
        label = f"Xy{_LETTERS[number]} Unknown"
        book.answers.miss(external_id, NO_MATCHING_OUTCOMES, label)
        yield _outcome(label, feed_id, "12.00")


def _refused(book: BookAtEvent, external_id: str) -> Iterator[Json]:
    refused = ExpectedRejection(external_id, None, INVALID_ODDS)
    book.answers.rejected += [refused, refused]
    twice = f"sr:player:{_feed_id(book, _INVENTED)}"
    yield _outcome("Qq Somebody", twice, "15.00")
    yield _outcome("Rr Else", twice, "15.00")
    yield _outcome("No Goal", f"sr:player:{_feed_id(book, _INVENTED + 1)}", "15.00")


def _feed_id(book: BookAtEvent, number: int) -> str:
    return str(9_000_000 + book.fixture.serial * 100 + number)
