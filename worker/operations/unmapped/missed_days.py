"""How often a market was missed on the last days, from counts taken at their beginnings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

from worker.storage.insight.miss_days import KEPT, CountTaken
from worker.storage.misses import QueuedMiss

# What is shorter is put together with what is next to it: a rate of a few minutes says nothing of a day.
_SHORTEST: Final = timedelta(hours=6)
_DAY: Final = timedelta(days=1)


class MissedSpan(NamedTuple):
    """How often a market was missed in a time of about a day."""

    begin: datetime
    end: datetime
    times: int

    @property
    def per_day(self) -> float:
        return self.times / ((self.end - self.begin) / _DAY)

    def as_json(self) -> dict[str, Any]:
        times = {"begin": self.begin.isoformat(), "end": self.end.isoformat()}
        return times | {"times": self.times, "per_day": round(self.per_day, 2)}


def spans_of(miss: QueuedMiss, taken: Sequence[CountTaken], now: datetime) -> Sequence[MissedSpan]:
    """The times between these counts of a market, and from the last of them to now."""
    return missed_spans(miss.first_seen_at, [*taken, CountTaken(now, miss.occurrence_count)])


def missed_spans(first_seen_at: datetime, counts: Sequence[CountTaken]) -> Sequence[MissedSpan]:
    """Return the times between counts, in order; none where one count is all that is known.

    A market that was first seen after the oldest row that may be kept had a count of 0 before. If a count is
    lower than the one before it, the market was counted again: nothing is said of the time between the two.
    """
    oldest = counts[-1].taken_at - KEPT
    if oldest <= first_seen_at < counts[0].taken_at:
        counts = [CountTaken(first_seen_at, 0), *counts]
    spans: list[MissedSpan] = []
    for part in _unbroken(counts):
        spans += [
            MissedSpan(one.taken_at, other.taken_at, other.occurrences - one.occurrences)
            for one, other in pairwise(_thinned(part))
        ]
    return spans


def _unbroken(counts: Sequence[CountTaken]) -> list[list[CountTaken]]:
    parts: list[list[CountTaken]] = [[]]
    for one in counts:
        if parts[-1] and one.occurrences < parts[-1][-1].occurrences:
            parts.append([])
        parts[-1].append(one)
    return parts


def _thinned(counts: Sequence[CountTaken]) -> list[CountTaken]:
    """The first and the last, and those between that are not soon after or before another one."""
    kept = [counts[0]]
    for one in counts[1:-1]:
        if one.taken_at - kept[-1].taken_at >= _SHORTEST:
            kept.append(one)
    last = counts[-1]
    if len(kept) > 1 and last.taken_at - kept[-1].taken_at < _SHORTEST:
        kept.pop()
    # A moment has no rate.
    return [*kept, last] if last.taken_at > kept[-1].taken_at else kept
