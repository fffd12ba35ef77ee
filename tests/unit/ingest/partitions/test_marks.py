import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from tests.support.records import TOPIC_ID
from worker.ingest.partitions.marks import CommitMark, mark, read_mark

OFFSETS = st.integers(0, 2**63 - 1)


@LAWS
@given(OFFSETS, OFFSETS, st.none() | OFFSETS)
def test_what_is_written_is_read_again(
    offset: int, replay_to: int, truncated_at: int | None
) -> None:
    found = read_mark(mark(TOPIC_ID, offset, replay_to, truncated_at))
    assert found == CommitMark(TOPIC_ID, replay_to if offset < replay_to else 0, truncated_at)


@LAWS
@given(OFFSETS, OFFSETS)
def test_a_replay_s_mark_ends_with_the_replay(offset: int, replay_to: int) -> None:
    assert (mark(TOPIC_ID, offset, replay_to) == mark(TOPIC_ID, 0)) is (offset >= replay_to)


def test_the_mark_is_short_and_can_be_read_by_people() -> None:
    assert mark(TOPIC_ID, 3) == f"mmw1:{TOPIC_ID}"
    assert mark(TOPIC_ID, 3, 9) == f"mmw1:{TOPIC_ID}:replay<9"
    assert mark(TOPIC_ID, 3, 9, 5) == f"mmw1:{TOPIC_ID}:replay<9:truncated@5"


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "someone",
        "mmw1",
        "mmw1:",
        f"mmw2:{TOPIC_ID}",
        f"mmw1:{TOPIC_ID[:-1]}",
        f"mmw1:{TOPIC_ID} ",
        f"mmw1:{TOPIC_ID}\n",
        f"mmw1:{TOPIC_ID}:replay<",
        f"mmw1:{TOPIC_ID}:replay<-1",
        f"mmw1:{TOPIC_ID}:replay<٩",
        f"mmw1:{TOPIC_ID}:replay<99999999999999999999",
        f"mmw1:{TOPIC_ID}:truncated@5:replay<9",
    ],
)
def test_metadata_that_only_looks_like_ours_is_not_ours(metadata: str) -> None:
    assert read_mark(metadata) is None
