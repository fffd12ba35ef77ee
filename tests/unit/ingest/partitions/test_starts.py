from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from tests.support.records import TOPIC_ID
from worker.ingest.partitions.marks import mark
from worker.ingest.partitions.starts import Findings, OnTruncation, Start, WatermarkCause, start_of
from worker.kafka.record import Committed

OTHER_ID = "Zq3nVJ0iSkKZp2bK1yF0Bg"


def ours(offset: int, replay_to: int = 0, truncated_at: int | None = None) -> Committed:
    return Committed(offset, mark(TOPIC_ID, offset, replay_to, truncated_at))


def operators(offset: int) -> Committed:
    return Committed(offset, "")


def anothers(offset: int, metadata: str = "") -> Committed:
    return Committed(offset, metadata, leader_epoch=0)


def other_topics(offset: int) -> Committed:
    return Committed(offset, mark(OTHER_ID, offset))


def found(
    committed: Committed | None, watermark: int, start: int = 0, end: int = 1000, **before: bool
) -> Findings:
    return Findings(TOPIC_ID, committed, watermark, start, end, **before)


class Row(NamedTuple):
    """What is found, and where that is taken up."""

    name: str
    findings: Findings
    start: Start


RETENTION: WatermarkCause = "retention"
OPERATOR: WatermarkCause = "operator"
TRUNCATION: WatermarkCause = "truncation"
TABLE = [
    Row("nothing is known", found(None, 0), Start("FIRST_START", 0, 0)),
    Row(
        "older records are gone at the first start",
        found(None, 0, 50),
        Start("FIRST_START", 50, 50),
    ),
    Row("opened, and nothing read yet", found(ours(0), 0), Start("RESUME", 0, 0)),
    Row(
        "a partition was added",
        found(None, 0, 0, is_new=True, others_counted=True),
        Start("NEW_PARTITION", 0, 0),
    ),
    Row(
        "a partition was added to a topic that was once created again",
        found(None, 0, is_new=True, others_counted=True, had_other_id=True),
        Start("NEW_PARTITION", 0, 0),
    ),
    Row(
        "the topic was created again and Kafka forgot the commit",
        found(None, 0, is_new=True, had_other_id=True),
        Start("RECREATED", 0, 0),
    ),
    Row("the commit is of the topic before", found(other_topics(70), 0), Start("RECREATED", 0, 0)),
    Row(
        "the new topic has lost its first records",
        found(other_topics(70), 0, 20),
        Start("RECREATED", 20, 20),
    ),
    Row(
        "a zombie committed for the topic before",
        found(other_topics(70), 30),
        Start("AFTER_CRASH", 30, 30),
    ),
    Row("the ordinary restart", found(ours(100), 100), Start("RESUME", 100, 100)),
    Row(
        "a crash between counting and commit", found(ours(90), 100), Start("AFTER_CRASH", 100, 100)
    ),
    Row("the group's commits are gone", found(None, 100), Start("AFTER_CRASH", 100, 100)),
    Row("an operator goes back", found(operators(40), 100), Start("RESET_BACK", 40, 100, 100)),
    Row(
        "an operator goes back to records that are gone",
        found(operators(40), 100, 60),
        Start("RESET_BACK", 60, 100, 100),
    ),
    Row(
        "an operator goes back, and nothing is left up to the watermark",
        found(operators(40), 100, 100),
        Start("RESET_BACK", 100, 100),
    ),
    Row(
        "an operator goes back, and more is gone than was counted",
        found(operators(40), 100, 130),
        Start("RETENTION_GAP", 130, 130, 0, 30, RETENTION),
    ),
    Row("a replay is under way", found(ours(60, 100), 100), Start("REPLAY_GOES_ON", 60, 100, 100)),
    Row(
        "a zombie counted while the replay began",
        found(ours(60, 100), 120),
        Start("REPLAY_GOES_ON", 60, 120, 120),
    ),
    Row(
        "records are gone that a replay was to read",
        found(ours(60, 100), 100, 80),
        Start("REPLAY_GOES_ON", 80, 100, 100),
    ),
    Row(
        "records are gone that a replay was to read, and a zombie counted more",
        found(ours(60, 100), 120, 110),
        Start("REPLAY_GOES_ON", 110, 120, 120),
    ),
    Row(
        "all records are gone that a replay was to read, and more",
        found(ours(60, 100), 100, 110),
        Start("RETENTION_GAP", 110, 110, 0, 10, RETENTION),
    ),
    Row(
        "the counts went back during a replay",
        found(ours(60, 100), 80),
        Start("COUNTS_WENT_BACK", 60, 80, 80),
    ),
    Row(
        "the counts went back behind a replay",
        found(ours(60, 100), 50),
        Start("COUNTS_WENT_BACK", 50, 50),
    ),
    Row(
        "an operator skips",
        found(operators(150), 100),
        Start("SKIP_FORWARD", 150, 150, 0, 50, OPERATOR),
    ),
    Row(
        "an operator skips what is partly gone",
        found(operators(150), 100, 120),
        Start("SKIP_FORWARD", 150, 150, 0, 30, OPERATOR),
    ),
    Row(
        "an operator skips, and more is gone",
        found(operators(150), 100, 180),
        Start("RETENTION_GAP", 180, 180, 0, 30, RETENTION),
    ),
    Row(
        "an operator skips to the end of an open transaction",
        found(operators(1000), 100),
        Start("SKIP_FORWARD", 1000, 1000, 0, 900, OPERATOR),
    ),
    Row(
        "an operator resets to where counting is",
        found(operators(100), 100),
        Start("RESUME", 100, 100),
    ),
    Row(
        "an operator resets before the first start",
        found(operators(0), 0, is_new=True),
        Start("FIRST_START", 0, 0),
    ),
    Row(
        "another consumer has read beyond the watermark",
        found(anothers(150), 100),
        Start("FOREIGN_COMMIT", 100, 100),
    ),
    Row(
        "another consumer has read what is counted",
        found(anothers(40), 100),
        Start("FOREIGN_COMMIT", 100, 100),
    ),
    Row(
        "another consumer has read to where counting is",
        found(anothers(100), 100),
        Start("FOREIGN_COMMIT", 100, 100),
    ),
    Row(
        "another consumer writes metadata and no epoch",
        found(Committed(150, "someone"), 100),
        Start("FOREIGN_COMMIT", 100, 100),
    ),
    Row(
        "a worker of another version has committed",
        found(Committed(150, mark(TOPIC_ID, 150).replace("mmw1", "mmw2")), 100),
        Start("FOREIGN_COMMIT", 100, 100),
    ),
    Row(
        "another consumer has read to beyond the log's end of now",
        found(anothers(200), 70, 0, 80),
        Start("FOREIGN_COMMIT", 70, 70),
    ),
    Row(
        "another consumer has read, and records are gone that were not counted",
        found(anothers(150), 100, 120),
        Start("RETENTION_GAP", 120, 120, 0, 20, RETENTION),
    ),
    Row(
        "another consumer has read, and the log ends below what is counted",
        found(anothers(80), 100, 0, 80),
        Start("TRUNCATED", 80, 100, 0, 20, TRUNCATION, 80),
    ),
    Row(
        "another consumer had the group before the first start",
        found(anothers(150), 0, 120, is_new=True),
        Start("FOREIGN_COMMIT", 120, 120),
    ),
    Row("a backup was restored", found(ours(100), 70), Start("COUNTS_WENT_BACK", 70, 70)),
    Row(
        "a backup was restored, and records are gone",
        found(ours(100), 70, 90),
        Start("RETENTION_GAP", 90, 90, 0, 20, RETENTION),
    ),
    Row(
        "records were deleted before they were read",
        found(ours(100), 100, 130),
        Start("RETENTION_GAP", 130, 130, 0, 30, RETENTION),
    ),
    Row(
        "records were deleted after a crash between counting and commit",
        found(ours(90), 100, 95),
        Start("AFTER_CRASH", 100, 100),
    ),
    Row(
        "the log was emptied after the last record was read",
        found(ours(100), 100, 100, 100),
        Start("RESUME", 100, 100),
    ),
    Row(
        "the log ends below what is counted",
        found(ours(100), 100, 0, 80),
        Start("TRUNCATED", 80, 100, 0, 20, TRUNCATION, 80),
    ),
    Row(
        "the log has grown since it was found truncated",
        found(ours(80, 0, 80), 100, 0, 300),
        Start("TRUNCATED", 80, 100, 0, 20, TRUNCATION, 80),
    ),
    Row(
        "the watermark was set back to where the log was truncated",
        found(ours(80, 0, 80), 80, 0, 300),
        Start("RESUME", 80, 80),
    ),
    Row(
        "an operator's reset meets a truncated log",
        found(operators(40), 100, 0, 80),
        Start("TRUNCATED", 40, 100, 100, 20, TRUNCATION, 80),
    ),
    Row(
        "that reset goes on once the watermark was set back",
        found(ours(40, 100, 80), 80, 0, 300),
        Start("COUNTS_WENT_BACK", 40, 80, 80),
    ),
    Row(
        "an operator's commit is beyond the log's end",
        found(operators(200), 70, 0, 80),
        Start("TRUNCATED", 80, 70, 0, 10, OPERATOR, 80),
    ),
]
CONTINUED = [
    Row(
        "the log ends below what is counted",
        found(ours(100), 100, 0, 80),
        Start("TRUNCATED", 80, 80, 0, 20, TRUNCATION),
    ),
    Row(
        "the log has grown since the partition was stopped",
        found(ours(80, 0, 80), 100, 0, 300),
        Start("TRUNCATED", 80, 80, 0, 20, TRUNCATION),
    ),
    Row(
        "and has lost its start meanwhile",
        found(ours(80, 0, 80), 100, 90, 300),
        Start("RETENTION_GAP", 90, 90, 0, 10, RETENTION),
    ),
    Row(
        "an operator's reset meets a truncated log",
        found(operators(40), 100, 0, 80),
        Start("TRUNCATED", 40, 80, 80, 20, TRUNCATION),
    ),
    Row(
        "an operator's commit is beyond the log's end",
        found(operators(200), 70, 0, 80),
        Start("TRUNCATED", 80, 80, 0, 10, OPERATOR),
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_partition_is_taken_up_at(row: Row) -> None:
    assert start_of(row.findings) == row.start


@pytest.mark.parametrize("row", CONTINUED, ids=lambda row: row.name)
def test_a_truncated_partition_goes_on_when_it_is_told_to(row: Row) -> None:
    assert start_of(row.findings, "continue") == row.start


OFFSETS = st.integers(0, 60)
MARKS = st.builds(
    mark, st.sampled_from([TOPIC_ID, OTHER_ID]), OFFSETS, OFFSETS, st.none() | OFFSETS
)
EPOCHS = st.none() | st.integers(0, 9)
COMMITS = st.none() | st.builds(
    Committed, OFFSETS, MARKS | st.sampled_from(["", "someone"]), EPOCHS
)
FLAGS = st.booleans()


@st.composite
def findings(draw: st.DrawFn) -> Findings:
    log_start = draw(OFFSETS)
    log_end = log_start + draw(OFFSETS)
    flags = draw(st.tuples(FLAGS, FLAGS, FLAGS))
    return Findings(TOPIC_ID, draw(COMMITS), draw(OFFSETS), log_start, log_end, *flags)


POLICIES: st.SearchStrategy[OnTruncation] = st.sampled_from(["stop", "continue"])


def is_operators(committed: Committed | None) -> bool:
    return committed is not None and committed.leader_epoch is None and not committed.metadata


@LAWS
@given(findings(), POLICIES)
def test_reading_starts_within_the_log_unless_the_partition_is_stopped(
    found: Findings, policy: OnTruncation
) -> None:
    start = start_of(found, policy)
    assert start.is_stopped or found.log_start <= start.position <= found.log_end


@LAWS
@given(findings(), POLICIES)
def test_a_record_that_is_there_and_not_counted_is_skipped_by_an_operator_only(
    found: Findings, policy: OnTruncation
) -> None:
    start = start_of(found, policy)
    uncounted = max(found.watermark, found.log_start)
    assert start.is_stopped or start.position <= uncounted or is_operators(found.committed)


@LAWS
@given(findings(), POLICIES)
def test_what_is_skipped_is_told_to_the_record(found: Findings, policy: OnTruncation) -> None:
    start = start_of(found, policy)
    passed_over = max(0, start.position - max(found.watermark, found.log_start))
    assert start.is_stopped or passed_over == 0 or start.lost >= passed_over


@LAWS
@given(findings(), POLICIES)
def test_the_watermark_is_never_left_behind_the_position(
    found: Findings, policy: OnTruncation
) -> None:
    """Else our own next commit would be ahead of the watermark, and say that the counts went back."""
    start = start_of(found, policy)
    assert start.is_stopped or start.position <= start.watermark


@LAWS
@given(findings(), POLICIES)
def test_the_watermark_goes_back_only_when_a_truncated_log_is_to_go_on(
    found: Findings, policy: OnTruncation
) -> None:
    start = start_of(found, policy)
    assert start.watermark >= found.watermark or policy == "continue"


@LAWS
@given(findings(), POLICIES)
def test_a_replay_ends_at_the_watermark_at_the_latest_and_is_ahead(
    found: Findings, policy: OnTruncation
) -> None:
    start = start_of(found, policy)
    assert start.replay_to == 0 or start.position < start.replay_to <= start.watermark


@LAWS
@given(findings(), POLICIES)
def test_what_a_start_commits_leads_to_the_same_place_again(
    found: Findings, policy: OnTruncation
) -> None:
    start = start_of(found, policy)
    if start.is_stopped and start.cause == "operator":
        return  # nothing is committed
    metadata = mark(TOPIC_ID, start.position, start.replay_to, start.truncated_at)
    again = start_of(
        found._replace(committed=Committed(start.position, metadata), watermark=start.watermark)
    )
    assert (again.position, again.watermark, again.replay_to, again.is_stopped) == (
        start.position,
        start.watermark,
        start.replay_to,
        start.is_stopped,
    )


@LAWS
@given(findings())
def test_going_on_after_a_truncation_never_stops_again(found: Findings) -> None:
    assert not start_of(found, "continue").is_stopped


@LAWS
@given(findings(), st.integers(0, 60))
def test_a_stopped_partition_stays_so_however_the_log_grows(found: Findings, grown: int) -> None:
    """The records that are written in place of the lost ones have offsets that are counted already."""
    start = start_of(found)
    if not start.is_stopped or start.cause == "operator":
        return
    metadata = mark(TOPIC_ID, start.position, start.replay_to, start.truncated_at)
    later = found._replace(
        committed=Committed(start.position, metadata), log_end=found.log_end + grown
    )
    assert start_of(later).is_stopped
