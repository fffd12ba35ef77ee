from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.ingest.reading.clock import NO_GUARD, ClockGuard, age_at_arrival

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW_MS = round(NOW.timestamp() * 1000)
GUARD = ClockGuard(300, NOW.timestamp)
SECONDS = st.integers(-(10**6), 10**6)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize("timestamp_ms", [NOW_MS, -1, 0])
def test_up_to_the_limit_an_observation_may_be_ahead(timestamp_ms: int) -> None:
    assert GUARD.objection(NOW + seconds(300), timestamp_ms) is None
    assert GUARD.objection(NOW + seconds(301), timestamp_ms) is not None


def test_local_time_that_is_labelled_z_is_named_with_what_it_is_ahead_of() -> None:
    objection = GUARD.objection(NOW + seconds(3600), NOW_MS)
    assert objection is not None
    assert "2026-11-22T13:00:00Z is 3600 s ahead of" in objection
    assert "at most 300 s" in objection


def test_a_producer_that_sets_both_times_wrongly_is_caught_by_the_clock() -> None:
    far = NOW + timedelta(days=365 * 70)
    objection = GUARD.objection(far, round(far.timestamp() * 1000))
    assert objection is not None
    assert "ahead of the clock" in objection


def test_a_record_that_is_read_late_is_judged_by_its_kafka_timestamp() -> None:
    an_hour_ago_ms = NOW_MS - 3_600_000
    objection = GUARD.objection(NOW, an_hour_ago_ms)
    assert objection is not None
    assert "ahead of the record's Kafka timestamp" in objection


@LAWS
@given(st.integers(0, 10**9), SECONDS)
def test_a_replay_comes_to_the_verdict_that_the_kafka_timestamp_gave(
    later_s: int, ahead_s: int
) -> None:
    replay = ClockGuard(300, lambda: NOW.timestamp() + later_s)
    observed_at = NOW + seconds(ahead_s)
    verdicts = {guard.objection(observed_at, NOW_MS) is None for guard in (GUARD, replay)}
    assert verdicts == {ahead_s <= 300}


@LAWS
@given(SECONDS, st.integers(-1, 10**13))
def test_whoever_refuses_has_an_objection(ahead_s: int, timestamp_ms: int) -> None:
    guard = ClockGuard(300, NOW.timestamp)
    refuses = guard.refuses(NOW.timestamp() + ahead_s, timestamp_ms)
    assert refuses == (guard.objection(NOW + seconds(ahead_s), timestamp_ms) is not None)


@LAWS
@given(SECONDS, SECONDS)
def test_a_guard_that_is_off_objects_to_nothing(ahead_s: int, kafka_s: int) -> None:
    assert NO_GUARD.objection(NOW + seconds(ahead_s), NOW_MS + 1000 * kafka_s) is None


def test_the_age_is_taken_when_kafka_took_the_record() -> None:
    now_s = NOW.timestamp()
    assert age_at_arrival(now_s, NOW_MS + 1500) == 1.5
    assert age_at_arrival(now_s + 60, NOW_MS) == -60
    assert age_at_arrival(now_s, -1) is None
    assert age_at_arrival(now_s, 0) is None
