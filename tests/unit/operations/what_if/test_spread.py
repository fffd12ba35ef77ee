"""Slices that are spread over long ranges."""

from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.operations.replay.plan import Range
from worker.operations.what_if.spread import SLICE, rounds

LENGTHS = st.lists(st.integers(0, 5000), min_size=1, max_size=6)


def ranges(lengths: list[int]) -> list[Range]:
    return [Range("t", "id", n, 10 * n, 10 * n + length) for n, length in enumerate(lengths)]


def test_few_records_are_read_in_one_go() -> None:
    (together,) = rounds(ranges([30, 0, 70]), 100)
    assert [one.records for one in together] == [30, 70]


def test_nothing_is_read_of_nothing() -> None:
    assert list(rounds(ranges([0, 0]), 100)) == []


def test_slices_reach_from_the_start_to_the_end() -> None:
    slices = [one for together in rounds(ranges([10_000]), 200) for one in together]
    assert [one.records for one in slices] == [SLICE] * 4
    assert (slices[0].first, slices[-1].end) == (0, 10_000)


def test_one_slice_is_the_newest() -> None:
    ((one,),) = rounds(ranges([10_000]), 1)
    assert (one.first, one.end) == (9_999, 10_000)


@LAWS
@given(LENGTHS, st.integers(1, 3000))
def test_slices_are_in_order_and_never_read_a_record_twice(lengths: list[int], most: int) -> None:
    whole = {one.place: one for one in ranges(lengths)}
    read: dict[tuple[str, int], int] = {}
    total = 0
    for together in rounds(whole.values(), most):
        assert len({one.place for one in together}) == len(together)
        for one in together:
            assert read.get(one.place, whole[one.place].first) <= one.first < one.end
            assert one.end <= whole[one.place].end
            read[one.place] = one.end
            total += one.records
    filled = [one for one in whole.values() if one.records]
    assert total <= most + len(filled)
    assert read.keys() == {one.place for one in filled}


@LAWS
@given(LENGTHS)
def test_without_a_limit_everything_is_read(lengths: list[int]) -> None:
    read = [one for together in rounds(ranges(lengths), None) for one in together]
    assert sum(one.records for one in read) == sum(lengths)
