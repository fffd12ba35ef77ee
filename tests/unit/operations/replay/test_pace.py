from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.operations.replay.pace import Pace


def test_without_a_rate_there_is_nothing_to_wait_for() -> None:
    assert Pace(None, 0.0).take(10**6, 0.0) == 0


def test_a_seconds_worth_passes_at_once_and_what_is_more_waits() -> None:
    pace = Pace(10, 100.0)
    assert pace.take(10, 100.0) == 0
    assert pace.take(5, 100.0) == pytest.approx(0.5)
    assert pace.take(10, 100.5) == pytest.approx(1.0)


def test_time_that_was_not_used_is_not_saved_up_beyond_a_second() -> None:
    pace = Pace(10, 0.0)
    assert pace.take(10, 3600.0) == 0
    assert pace.take(1, 3600.0) == pytest.approx(0.1)


@LAWS
@given(
    st.floats(0.1, 1000),
    st.lists(st.tuples(st.integers(0, 500), st.floats(0, 5)), min_size=1, max_size=50),
)
def test_whoever_waits_as_told_never_passes_more_than_the_rate(
    rate: float, steps: list[tuple[int, float]]
) -> None:
    pace, now, taken = Pace(rate, 0.0), 0.0, 0
    ends = [0.0]
    for records, idle_s in steps:
        taken += records
        now += pace.take(records, now)
        assert taken <= rate * (now + 1) * (1 + 1e-9) + 1e-6
        ends.append(now)
        now += idle_s
    assert all(earlier <= later for earlier, later in pairwise(ends))
