"""How often a market was missed on its last days follows from counts at moments, and never from a guess."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.operations.unmapped.missed_days import missed_spans
from worker.storage.insight.miss_days import KEPT, CountTaken

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=100)
DAY = timedelta(days=1)


def at(days_ago: float, occurrences: int) -> CountTaken:
    return CountTaken(NOW - days_ago * DAY, occurrences)


def times(counts: list[CountTaken], first_seen_at: datetime = LONG_AGO) -> list[int]:
    return [one.times for one in missed_spans(first_seen_at, counts)]


def test_each_day_has_the_difference_of_the_counts_at_its_ends() -> None:
    assert times([at(2, 10), at(1, 15), at(0, 45)]) == [5, 30]


def test_a_time_without_a_process_is_one_long_span_with_its_rate() -> None:
    (span,) = missed_spans(LONG_AGO, [at(4, 10), at(0, 50)])
    assert (span.times, span.per_day) == (40, 10)


def test_a_market_that_is_new_begins_at_nothing() -> None:
    assert times([at(1, 7), at(0, 9)], NOW - 2 * DAY) == [7, 2]
    assert times([at(0, 9)], NOW - DAY) == [9]


def test_of_a_market_that_is_older_than_what_is_kept_nothing_before_the_first_count_is_said() -> (
    None
):
    assert times([at(1, 7), at(0, 9)], NOW - KEPT - DAY) == [2]
    assert times([at(0, 9)]) == []


def test_a_few_minutes_are_no_day_of_their_own() -> None:
    counts = [at(2, 10), at(1, 15), at(0.99, 16), at(0.01, 40), at(0, 45)]
    assert times(counts) == [5, 30]
    assert times([at(0, 3)], NOW) == []


def test_nothing_is_said_of_a_time_in_which_the_market_was_counted_anew() -> None:
    assert times([at(3, 100), at(2, 120), at(1, 30), at(0, 40)]) == [20, 10]


@LAWS
@given(
    st.lists(st.floats(0, 8, allow_nan=False), min_size=1, max_size=12, unique=True),
    st.lists(st.integers(0, 1000), min_size=12, max_size=12),
)
def test_no_miss_is_left_out_and_none_is_told_twice(
    days_ago: list[float], steps: list[int]
) -> None:
    total, counts = 1, []
    for ago, step in zip(sorted(days_ago, reverse=True), steps, strict=False):
        total += step
        counts.append(at(ago, total))
    spans = missed_spans(LONG_AGO, counts)
    if len(counts) > 1 and counts[0].taken_at < counts[-1].taken_at:
        assert sum(one.times for one in spans) == counts[-1].occurrences - counts[0].occurrences
        assert (spans[0].begin, spans[-1].end) == (counts[0].taken_at, counts[-1].taken_at)
    else:
        assert not spans
    assert all(one.end == other.begin for one, other in pairwise(spans))
    assert all(one.per_day >= 0 for one in spans)
