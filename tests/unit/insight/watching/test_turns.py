"""When a missed market is judged again."""

from __future__ import annotations

import pytest

from worker.insight.watching.steps import rest_after, timed, within
from worker.insight.watching.turns import Suggested, is_due


def events(*numbers: int) -> frozenset[str]:
    return frozenset(map(str, numbers))


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (events(*range(20)), False),  # the same
        (events(*range(1, 20)), False),  # one is no longer watched
        (events(*range(4, 24)), False),  # four of twenty are new
        (events(*range(5, 25)), True),
        (events(*range(100, 103)), True),
    ],
)
def test_a_market_is_judged_again_once_a_quarter_of_its_events_are_new(
    now: frozenset[str], due: bool
) -> None:
    assert is_due(Suggested(events(*range(20)), frozenset()), now) is due


def test_a_market_on_few_events_is_judged_with_each_new_one() -> None:
    assert is_due(Suggested(events(1, 2), frozenset()), events(1, 2, 3))
    assert is_due(None, events(1))


def test_work_that_takes_long_is_left_after_its_time_and_goes_on_where_it_was() -> None:
    work = iter(range(5))
    assert within(0, work) == 1
    assert within(60, work) == 4
    assert within(60, work) == 0


def test_half_of_the_share_is_for_one_kind_of_work() -> None:
    result, seconds = timed(lambda: sum(range(1000)))
    assert result == 499500
    assert seconds >= 0
    assert rest_after(1.0, 0.2) == pytest.approx(9)  # a tenth of the time
    assert rest_after(1.0, 1.0) == pytest.approx(1)
