import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.ingest.marks import Committed, Start, mark, start_of

OFFSETS = st.integers(0, 2**63 - 1)
FOREIGN = st.sampled_from(["", "someone", "mmw1:", "mmw1:replay<", "mmw1:replay<x", "mmw1:replay<-1", "mmw2"])


def start(committed: Committed | None, watermark: int, log_start: int = 0) -> Start:
    return start_of(committed, watermark, log_start)


@LAWS
@given(OFFSETS, OFFSETS)
def test_our_own_commit_resumes_where_counting_ended(offset: int, watermark: int) -> None:
    found = start(Committed(offset, mark(offset, 0)), watermark)
    assert (found.position, found.replay_to) == (max(offset, watermark), 0)


@LAWS
@given(OFFSETS, OFFSETS, st.integers(1, 2**32))
def test_a_replay_under_way_goes_on_where_it_was_and_as_far_as_it_was_to_go(
    offset: int, watermark: int, left: int
) -> None:
    found = start(Committed(offset, mark(offset, offset + left)), watermark)
    assert found == Start(offset, offset + left, "REPLAY_GOES_ON")


@LAWS
@given(OFFSETS, OFFSETS, FOREIGN)
def test_a_commit_that_is_not_ours_is_an_operator_s_and_republishes_up_to_the_watermark(
    offset: int, watermark: int, metadata: str
) -> None:
    found = start(Committed(offset, metadata), watermark)
    assert found.position == offset
    assert found.replay_to == (watermark if offset < watermark else 0)


@LAWS
@given(OFFSETS, OFFSETS)
def test_without_any_commit_reading_starts_at_the_watermark_and_not_before_the_log(
    watermark: int, log_start: int
) -> None:
    found = start(None, watermark, log_start)
    assert (found.position, found.replay_to) == (max(watermark, log_start), 0)


@LAWS
@given(st.none() | st.builds(Committed, OFFSETS, FOREIGN | st.builds(mark, OFFSETS, OFFSETS)), OFFSETS)
def test_a_record_that_is_not_counted_is_never_skipped_by_our_own_doing(
    committed: Committed | None, watermark: int
) -> None:
    found = start(committed, watermark)
    assert found.position <= watermark or (committed is not None and found.position == committed.offset)


@LAWS
@given(OFFSETS, OFFSETS)
def test_a_replay_s_mark_ends_with_the_replay(offset: int, replay_to: int) -> None:
    assert (mark(offset, replay_to) == mark(0, 0)) is (offset >= replay_to)


@pytest.mark.parametrize(
    ("committed", "watermark", "case"),
    [
        (None, 0, "FIRST_START"),
        (None, 5, "AFTER_CRASH"),
        (Committed(5, "mmw1"), 5, "RESUME"),
        (Committed(3, "mmw1"), 5, "AFTER_CRASH"),
        (Committed(3, "mmw1:replay<9"), 5, "REPLAY_GOES_ON"),
        (Committed(9, "mmw1:replay<9"), 9, "RESUME"),
        (Committed(3, ""), 5, "RESET_BACK"),
        (Committed(5, ""), 5, "RESUME"),
        (Committed(9, ""), 5, "SKIP_FORWARD"),
    ],
)
def test_each_start_says_which_case_it_is(committed: Committed | None, watermark: int, case: str) -> None:
    assert start(committed, watermark).case == case


@pytest.mark.parametrize("metadata", ["mmw1:replay<99999999999999999999", "mmw1:replay<٩", "mmw1 ", "mmw1\n"])
def test_metadata_that_only_looks_like_ours_is_not_ours(metadata: str) -> None:
    assert start(Committed(3, metadata), 5).case == "RESET_BACK"
