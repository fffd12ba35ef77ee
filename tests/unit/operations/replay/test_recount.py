import pytest
from aiokafka import TopicPartition

from worker.ingest.partitions.marks import mark
from worker.kafka.record import Committed
from worker.operations.replay.recount import (
    ResetPendingError,
    SetBack,
    refuse_pending_resets,
    set_backs,
)
from worker.storage.watermarks import KnownWatermark

PLACE = TopicPartition("t", 0)


def found(
    watermark: int, *, start: int = 0, wished: int = 10, topic_id: str = "now"
) -> list[SetBack]:
    known = [KnownWatermark("t", topic_id, 0, watermark)]
    return list(set_backs({PLACE: "now"}, known, {PLACE: start}, {PLACE: wished}))


def test_what_is_counted_beyond_the_wish_is_set_back_to_it() -> None:
    (one,) = found(50)
    assert (one.watermark, one.next_offset, one.records, one.deleted) == (50, 10, 40, 0)


def test_what_is_not_counted_that_far_stays() -> None:
    assert found(10) == found(3) == []


def test_what_is_deleted_cannot_be_counted_again() -> None:
    (one,) = found(50, start=30)
    assert (one.next_offset, one.records, one.deleted) == (30, 20, 20)
    assert found(50, start=60) == []


def test_the_counts_of_a_topic_that_had_the_name_before_stay() -> None:
    assert found(50, topic_id="before") == []


def test_a_partition_without_a_record_of_that_time_stays() -> None:
    known = [KnownWatermark("t", "now", 0, 50)]
    assert not set_backs({PLACE: "now"}, known, {PLACE: 0}, {})


OURS = mark("Wq3nVJ0iSkKZp2bK1yF0Bg", 50)


@pytest.mark.parametrize(
    "commit",
    [Committed(50, OURS), Committed(10, ""), Committed(3, ""), Committed(50, "", leader_epoch=0)],
)
def test_a_commit_that_no_worker_skips_over_the_range_with_is_no_hindrance(
    commit: Committed,
) -> None:
    refuse_pending_resets({PLACE: 10}, {PLACE: commit})


def test_a_reset_that_would_skip_the_range_is_refused() -> None:
    with pytest.raises(ResetPendingError, match="reset to 50"):
        refuse_pending_resets({PLACE: 10}, {PLACE: Committed(50, "")})
