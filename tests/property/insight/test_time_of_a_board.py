"""The time that a board takes to judge is in proportion to its lines, of which there may be thousands."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.support.boards import INDEX
from tests.support.growth import MOST_TIMES, TIMES_LARGER
from tests.support.meanings import MEANINGS
from worker.insight.boards import Board, Sold, read
from worker.insight.judging import Judge
from worker.insight.proofs import proofs, proofs_about

SMALL = 400
TOTAL = "over_under_ft"

pytestmark = pytest.mark.usefixtures("frozen")


def board(lines: int) -> Board:
    """A result, and totals at lines that no bookmaker has."""
    rows = [
        Sold("1", None, None, {"Home": 1.9, "Draw": 3.6, "Away": 4.2}, 0),
        Sold("29", None, None, {"Yes": 1.85, "No": 1.95}, 0),
    ]
    for place in range(1, lines + 1):
        line = f"2.{place:06d}"
        rows.append(
            Sold("18", f"total={line}", None, {f"Over {line}": 1.9, f"Under {line}": 1.9}, 0)
        )
    return Board("e", "sportybet", None, tuple(rows))


def seconds(work: Callable[[Board, Judge], object], lines: int) -> float:
    """The least CPU time of two; each time nothing is known of the board."""
    one, found = board(lines), []
    for _ in range(2):
        judge = Judge.of(MEANINGS)
        since = time.process_time()
        work(one, judge)
        found.append(time.process_time() - since)
    return min(found)


def reading(one: Board, judge: Judge) -> None:
    assert judge.reading(one, INDEX).model is not None


def contradictions(one: Board, judge: Judge) -> None:
    proofs(one, INDEX, judge)


def contradictions_of_one(one: Board, judge: Judge) -> None:
    proofs_about(TOTAL, one, read(one, INDEX), INDEX, judge)


def margins(one: Board, judge: Judge) -> None:
    judge.knowing([one], INDEX)


@pytest.mark.parametrize("work", [reading, contradictions, contradictions_of_one, margins])
def test_time_is_in_proportion_to_the_lines(work: Callable[[Board, Judge], object]) -> None:
    seconds(work, 10)
    small = seconds(work, SMALL)
    assert seconds(work, SMALL * TIMES_LARGER) <= MOST_TIMES * max(small, 0.01)
