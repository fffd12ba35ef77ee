"""Records that cannot be read because a sender's transaction is open.

A worker reads committed records only. While a transaction is open, all that comes after its first record
waits, whoever sent it. That is no stall of the worker, and nothing it could do would help: so it stays ready,
and says what it waits for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from aiokafka import TopicPartition

# A transaction is open for a moment; for this long, something is wrong with its sender.
_LONG_OPEN_S: Final = 5.0


class Held(NamedTuple):
    """``offsets`` wait from ``first`` on, where the log has ended for readers since ``since_s``."""

    first: int
    offsets: int
    since_s: float


class HeldBack:
    """What was held back at the last look, and since which look."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._held: dict[TopicPartition, Held] = {}

    def look(
        self,
        stable_ends: Mapping[TopicPartition, int],
        high_watermarks: Mapping[TopicPartition, int],
    ) -> None:
        """Compare up to where committed records can be read with where the logs end."""
        before, now_s = self._held, self._clock_s()
        self._held = {}
        for place, first in stable_ends.items():
            offsets = high_watermarks.get(place, first) - first
            if offsets > 0:
                earlier = before.get(place)
                is_same = earlier is not None and earlier.first == first
                since_s = earlier.since_s if earlier is not None and is_same else now_s
                self._held[place] = Held(first, offsets, since_s)

    def notes(self) -> list[str]:
        """A sentence for each partition that has waited for long."""
        now_s = self._clock_s()
        return [
            f"{place.topic}/{place.partition}: {held.offsets} offsets from {held.first} on have waited for "
            f"an open transaction of a sender for {now_s - held.since_s:.0f} s"
            for place, held in sorted(self._held.items())
            if now_s - held.since_s >= _LONG_OPEN_S
        ]
