"""The time that a board takes to judge is in proportion to its lines, of which there may be thousands."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.support.boards import INDEX
from tests.support.growth import MOST_TIMES, TIMES_LARGER
from tests.support.meanings import MEANINGS
from worker.insight.boards import Board, Sold, read
from worker.insight.goal_model import FittedModels
from worker.insight.judging import Judge
from worker.insight.proofs import proofs, proofs_about

SMALL = 800
TOTAL = "over_under_ft"

pytestmark = pytest.mark.usefixtures("frozen")


def board(lines: int) -> Board:
    """A result, and totals that agree with it, at lines that no bookmaker has."""
    rows = [
        Sold("1", None, None, {"Home": 1.9, "Draw": 3.6, "Away": 4.2}, 0),
        Sold("29", None, None, {"Yes": 1.85, "No": 1.95}, 0),
    ]
    for place in range(1, lines + 1):
        line, over = f"2.{place:06d}", 1.6 + place % 7 / 50
        rows.append(
            Sold("18", f"total={line}", None, {f"Over {line}": over, f"Under {line}": 2.27}, 0)
        )
    return Board("e", "sportybet", None, tuple(rows))


def seconds(work: Callable[[Board, Judge], object], lines: int) -> float:
    """The least CPU time of two; the bets are known, and no model."""
    one, judge, found = board(lines), Judge.of(MEANINGS), []
    work(one, judge)
    for _ in range(2):
        fresh = replace(judge, models=FittedModels())
        since = time.process_time()
        work(one, fresh)
        found.append(time.process_time() - since)
    return min(found)


def reading(one: Board, judge: Judge) -> None:
    assert judge.reading(one, INDEX).model is not None


def contradictions(one: Board, judge: Judge) -> None:
    proofs(one, INDEX, judge)


def contradictions_of_one(one: Board, judge: Judge) -> None:
    proofs_about(TOTAL, one, read(one, INDEX), INDEX, judge)


@pytest.mark.parametrize("work", [reading, contradictions, contradictions_of_one])
def test_time_is_in_proportion_to_the_lines(work: Callable[[Board, Judge], object]) -> None:
    seconds(work, 10)
    small = seconds(work, SMALL)
    assert seconds(work, SMALL * TIMES_LARGER) <= MOST_TIMES * max(small, 0.01)
