"""Bet9ja in play: LIVES_ keys of objects with the price in ``v``, and scores of the moment in params."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.lab.synthetic.books.at_event import made_up_chances, priced
from worker.lab.synthetic.expected import UNKNOWN_MARKET, ExpectedRejection
from worker.lab.synthetic.offers import load, offers_in
from worker.lab.synthetic.shapes.truths import close

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.lab.synthetic.books.at_event import BookAtEvent, Priced
    from worker.lab.synthetic.live.score import Score

LiveOdds = dict[str, dict[str, float]]
_NO_PRICE = 1
_SIGNED_KEY = "LIVES_12HNDN@+0.5_2H"
_SIGNED_SHARE = 0.3


def write(book: BookAtEvent, score: Score, *, is_suspended: bool) -> LiveOdds:
    """The odds object of an event in play; all prices are 1 when the event is suspended."""
    entries = [*_mapped(book), *_unmapped(book, score)]
    if book.pricer.opening.random() < _SIGNED_SHARE:
        refused = ExpectedRejection(_SIGNED_KEY, None, "INVALID_KEY_FORMAT")
        book.answers.rejected.append(refused)
        entries.append((_SIGNED_KEY, 1.9))
    if is_suspended:
        close(book.answers, lambda _market: True, shows_odds=False)
        entries = [(key, _NO_PRICE) for key, _price in entries]
    book.pricer.opening.shuffle(entries)
    return {key: {"v": price} for key, price in entries}


def _mapped(book: BookAtEvent) -> Iterator[tuple[str, float]]:
    for item in priced(book, offers_in("live", "bet9ja")):
        suffixes = {outcome: each.label for outcome, each in item.selections().items()}
        for quote in item.quoted.quotes:
            yield _key(item, suffixes[quote.outcome]), quote.price


def _key(item: Priced, suffix: str) -> str:
    """A line is written with one place at least: ``LIVES_OU@2.5_O``, ``LIVES_1X2HNDHN1@2.0_XH``."""
    if item.line is None:
        return f"{item.offer.external_id}_{suffix}"
    return f"{item.offer.external_id}@{float(item.line)}_{suffix}"


def _unmapped(book: BookAtEvent, score: Score) -> Iterator[tuple[str, float]]:
    for entry in load("unmapped_live.json"):
        book.answers.miss(entry["id"], UNKNOWN_MARKET)
        param = _param(entry, score)
        chances = made_up_chances(book.pricer.opening, len(entry["outcomes"]))
        for suffix, chance in zip(entry["outcomes"], chances, strict=True):
            yield f"{entry['id']}{param}_{suffix}", book.pricer.price(chance)


def _param(entry: dict[str, Any], score: Score) -> str:
    match entry["param"]:
        case "score":
            return f"@{score.home}:{score.away}"
        case "next":
            return f"@{score.goals + 1}"
        case "total":
            return "@74.5"
        case _:
            return ""
