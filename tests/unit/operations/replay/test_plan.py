import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.operations.replay.plan import (
    ASSUMED_RATE,
    LogFacts,
    Range,
    RangeSample,
    Window,
    as_documents,
    from_documents,
    plan,
    ranges,
)
from worker.storage.columns.json_columns import UnusableJson

TOPIC = "observations.sportybet"
PLACE = (TOPIC, 0)
NOON = 1_795_348_800_000
OFFSETS = st.integers(0, 1000)


def log(
    start: int = 0, end: int = 100, at_from: int | None = 40, at_to: int | None = None
) -> LogFacts:
    return LogFacts("id", start, end, at_from, at_to)


def only(facts: LogFacts) -> tuple[int, int]:
    (found,) = ranges({PLACE: facts})
    return found.first, found.end


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (log(), (40, 100)),
        (log(at_to=70), (40, 70)),
        (log(at_to=None), (40, 100)),
        (log(at_from=None), (100, 100)),
        (log(start=60, at_from=60), (60, 100)),
        (log(at_from=99, at_to=20), (20, 20)),
        (log(start=100, at_from=None), (100, 100)),
        (log(at_from=100, end=90), (90, 90)),
    ],
)
def test_a_range_is_from_the_first_record_of_the_time_to_the_end(
    facts: LogFacts, expected: tuple[int, int]
) -> None:
    assert only(facts) == expected


@LAWS
@given(OFFSETS, OFFSETS, st.none() | OFFSETS, st.none() | OFFSETS)
def test_a_range_lies_within_the_log(
    start: int, size: int, at_from: int | None, at_to: int | None
) -> None:
    first, end = only(LogFacts("id", start, start + size, at_from, at_to))
    assert start <= first <= end <= start + size


def test_ranges_come_by_topic_and_number() -> None:
    facts = {("b", 1): log(), ("b", 0): log(), ("a", 2): log()}
    assert [one.place for one in ranges(facts)] == [("a", 2), ("b", 0), ("b", 1)]


def test_bytes_are_those_of_the_sample_in_proportion() -> None:
    found = plan(Window(NOON, None), {PLACE: log()}, {PLACE: RangeSample(3, 30_000, NOON)})
    assert (found.records, found.about_bytes) == (60, 600_000)


def test_bytes_are_not_known_when_a_range_could_not_be_sampled() -> None:
    facts = {PLACE: log(), (TOPIC, 1): log(at_from=None)}
    assert plan(Window(NOON, None), facts, {}).about_bytes is None
    assert plan(Window(NOON, None), {(TOPIC, 1): log(at_from=None)}, {}).about_bytes == 0


def test_time_is_by_the_rate_asked_for_or_by_the_assumed_one() -> None:
    facts, window = {PLACE: log()}, Window(NOON, None)
    assert plan(window, facts, {}, rate=20).seconds == pytest.approx(3)
    assert plan(window, facts, {}).seconds == pytest.approx(60 / ASSUMED_RATE)


@pytest.mark.parametrize(
    ("facts", "sample", "has_hole"),
    [
        (log(start=0, at_from=0), RangeSample(1, 1, NOON + 60_000), False),
        (log(start=50, at_from=50), RangeSample(1, 1, NOON + 60_000), True),
        (log(start=50, at_from=51), RangeSample(1, 1, NOON + 60_000), False),
        (log(start=50, at_from=50), RangeSample(1, 1, NOON), False),
        (log(start=100, at_from=None), None, True),
        (log(start=50, at_from=None), None, True),
    ],
    ids=[
        "nothing was ever deleted",
        "what is left begins after the window",
        "an older record than the window is left",
        "what is left begins with the window",
        "all is deleted",
        "what is left is older than the window, or was not sampled",
    ],
)
def test_a_hole_is_where_retention_may_have_deleted_records_of_the_window(
    facts: LogFacts, sample: RangeSample | None, has_hole: bool
) -> None:
    found = plan(Window(NOON, None), {PLACE: facts}, {PLACE: sample} if sample else {})
    assert [each.has_hole for each in found.partitions] == [has_hole]


def test_ranges_come_back_from_their_documents() -> None:
    found = [Range(TOPIC, "id", 3, 7, 9)]
    assert from_documents(as_documents(found)) == found


@pytest.mark.parametrize(
    "documents",
    [
        UnusableJson("a value that is too long"),
        [7],
        [{}],
        [{"topic": "x", "topic_id": "y", "partition": 0, "first": "0", "end": 1}],
        [{"topic": "x", "topic_id": "y", "partition": 0, "first": 0, "end": 1, "more": 1}],
    ],
)
def test_ranges_that_somebody_else_wrote_are_refused(documents: object) -> None:
    with pytest.raises(ValueError, match="its ranges cannot be read"):
        from_documents(documents)
