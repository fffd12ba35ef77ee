"""Which records of a long range are read: all of them, or slices that are spread evenly over it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from worker.operations.replay.plan import Range

SLICE: Final = 50


def rounds(ranges: Iterable[Range], most_records: int | None) -> Iterator[list[Range]]:
    """The ranges to read one after the other, each partition at most once in a round.

    Together they hold everything if that is no more than ``most_records``, which None never is. Otherwise
    each partition has its share of slices: the first at its start, the last at its end.
    """
    filled = [one for one in ranges if one.records]
    total = sum(one.records for one in filled)
    if most_records is None or total <= most_records:
        if filled:
            yield filled
        return
    sliced = [_slices(one, most_records * one.records // total) for one in filled]
    for place in range(max(map(len, sliced))):
        yield [slices[place] for slices in sliced if place < len(slices)]


def _slices(whole: Range, most: int) -> Sequence[Range]:
    """Slices of a range that do not overlap, with about ``most`` records together and one at least."""
    size = max(1, min(SLICE, most, whole.records))
    count = max(1, min(most, whole.records) // size)
    room = whole.records - count * size
    gaps = [0] if count == 1 else [room * n // (count - 1) for n in range(count)]
    firsts = [whole.first + gap + n * size for n, gap in enumerate(gaps)]
    if count == 1:
        firsts = [whole.end - size]  # the newest
    return [whole._replace(first=first, end=first + size) for first in firsts]
