"""The time that a board takes is in proportion to its size; that of a suggestion does not grow beyond bounds.

CPU time of one and of one four times as large. What takes the square of its size takes sixteen times as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import pytest

from tests.support.boards import INDEX, JUDGE, generated_boards
from tests.support.growth import MOST_TIMES, TIMES_LARGER
from tests.support.markets import CATALOGUE
from worker.domain.books.rows import ParsedRow, Selection
from worker.domain.labels import Teams
from worker.insight.boards import Board, Sold, board_of_rows
from worker.insight.likeness import likeness
from worker.insight.targets import MOST_ROWS
from worker.insight.watching.judgement import EventVerdicts
from worker.insight.watching.stored import pack, pack_together, unpack
from worker.insight.watching.window import EventWindow, SeenBoard, WatchedEvent

NOON: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEAMS: Final = Teams("reds", "blues")
ROUNDS: Final = 2
MISSED: Final = "987654"
MAPPINGS: Final = 100
Long = Literal["label", "name", "qualifier", "team"]

pytestmark = pytest.mark.usefixtures("frozen")


def least_s(work: Callable[[], object]) -> float:
    found = []
    for _ in range(ROUNDS):
        since = time.process_time()
        work()
        found.append(time.process_time() - since)
    return min(found)


def taken(parts: int) -> WatchedEvent:
    """An event of which one bookmaker's board came in so many parts of 100 rows."""
    window = EventWindow(most_bytes=1 << 26, max_age=timedelta(hours=1))
    for part in range(1, parts + 1):
        rows = tuple(Sold(f"{part}", f"total={n}", None, {"Over": 1.9}, 0) for n in range(100))
        board = Board("e", "sportybet", TEAMS, rows)
        assert window.take(SeenBoard("e", "Reds", "Blues", NOON, NOON, part, board))
    (event,) = window.events()
    return event


def test_taking_storing_and_unpacking_the_parts_of_a_board_is_in_proportion_to_their_number() -> (
    None
):
    def work(parts: int) -> None:
        event = taken(parts)
        pack_together(event.boards)
        assert len(unpack("e", "sportybet", event.boards["sportybet"]).rows) == 100 * parts

    work(1)
    small, large = (least_s(lambda n=n: work(n)) for n in (20, 20 * TIMES_LARGER))  # type: ignore[misc]
    assert large <= MOST_TIMES * max(small, 0.005)


def selections(*labels: str) -> list[Selection]:
    return [Selection(label, None, "2.5", active=True) for label in labels]


def with_text(long: Long, length: int) -> WatchedEvent:
    """An event on which a market is missed that has a long text."""
    text = "".join(f"{word} Over {word}.5 Xor " for word in range(length))[:length]
    row = ParsedRow(
        MISSED,
        f"a={text}" if long == "qualifier" else None,
        text if long == "name" else "Both or Draw",
        selections("XorGG", "1orNG", *[text] * (long == "label")),
    )
    return with_missed([row], Teams(text, "blues") if long == "team" else TEAMS)


def with_rows(rows: int) -> WatchedEvent:
    """An event on which a market is missed that has many lines."""
    labels = selections("Over", "Under")
    return with_missed(
        [ParsedRow(MISSED, f"total={n}.5", "Goals", labels) for n in range(rows)], TEAMS
    )


def with_labels(labels: int) -> WatchedEvent:
    """An event on which a market is missed that has many labels."""
    each = selections(*(f"Over {n} x" for n in range(labels)))
    return with_missed([ParsedRow(MISSED, None, "Goals", each)], TEAMS)


def with_missed(rows: list[ParsedRow], names: Teams) -> WatchedEvent:
    boards = {one.platform: one for one in generated_boards(seed=3, events=1)}
    own = boards["sportybet"]
    sold = board_of_rows("e", "sportybet", names, rows).rows
    boards["sportybet"] = replace(own, teams=names, rows=(*own.rows, *sold))
    stored = {platform: pack(one, NOON) for platform, one in boards.items()}
    return WatchedEvent("e", "Reds", "Blues", None, stored)


def seconds(event: WatchedEvent) -> float:
    """CPU time of a suggestion for the missed market."""
    mappings = {one.canonical_id: one for one in CATALOGUE[:MAPPINGS]}
    verdicts = EventVerdicts(JUDGE, INDEX, mappings, [event])
    for name in verdicts.update([event]):
        verdicts.look(name)
    found = []
    for _ in range(ROUNDS):
        likeness.cache_clear()
        since = time.process_time()
        verdicts.suggest(("sportybet", MISSED))
        found.append(time.process_time() - since)
    return min(found)


@pytest.mark.parametrize("long", ["label", "name", "qualifier", "team"])
def test_a_suggestion_takes_no_longer_however_long_a_text_is(long: Long) -> None:
    short, large = (seconds(with_text(long, length)) for length in (250, 32_000))
    assert large <= TIMES_LARGER * max(short, 0.05)


@pytest.mark.parametrize("make", [with_rows, with_labels])
def test_a_suggestion_takes_no_longer_however_many_rows_or_labels_a_market_has(
    make: Callable[[int], WatchedEvent],
) -> None:
    small, large = (seconds(make(number)) for number in (MOST_ROWS, 10 * MOST_ROWS))
    assert large <= TIMES_LARGER * max(small, 0.05)
