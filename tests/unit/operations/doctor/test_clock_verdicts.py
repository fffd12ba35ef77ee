"""What the doctor says of clocks."""

from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import TopicPartition

from worker.operations.doctor.clock_verdicts import judge_database_clock, judge_record_times

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOON_MS = round(NOON.timestamp() * 1000)
ROUND_TRIP = timedelta(seconds=3)


@pytest.mark.parametrize(
    ("ahead_s", "level", "said"),
    [
        (0, "OK", "agree"),
        (3, "OK", "agree"),  # within the round trip
        (3.9, "OK", "agree"),
        (-0.9, "OK", "agree"),
        (5, "WARNING", "2.0 s ahead of"),
        (-2, "WARNING", "2.0 s behind"),
        (63, "FAILURE", "60.0 s ahead of"),
        (-3600, "FAILURE", "3600.0 s behind"),
    ],
)
def test_clocks_differ_by_what_the_round_trip_does_not_explain(
    ahead_s: float, level: str, said: str
) -> None:
    (finding,) = judge_database_clock(NOON, NOON + timedelta(seconds=ahead_s), NOON + ROUND_TRIP)
    assert (finding.level, said in finding.message) == (level, True), finding


def test_records_of_the_past_say_nothing_about_clocks() -> None:
    (finding,) = judge_record_times({TopicPartition("t", 0): NOON_MS - 3_600_000}, NOON_MS)
    assert finding.level == "OK"


def test_the_record_furthest_in_the_future_is_named() -> None:
    newest = {TopicPartition("t", 0): NOON_MS + 2000, TopicPartition("t", 1): NOON_MS + 90_000}
    (finding,) = judge_record_times(newest, NOON_MS)
    assert (finding.level, finding.message) == (
        "WARNING",
        "t [1] has a record 90.0 s from the future",
    )
