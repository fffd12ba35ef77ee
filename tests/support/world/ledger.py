"""The ledger in memory: watermarks and counts that move together or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime

from worker.storage.errors import StorageRefused
from worker.storage.ledger import Counted, MissRow, Overflow, _check
from worker.storage.watermarks import (
    KnownWatermark,
    WatermarkConflict,
    WatermarkKey,
    WatermarkMove,
    Watermarks,
)

_LARGEST_INTEGER = 2**31 - 1
_LONGEST_ID = 100

MissKey = tuple[str, str]


@dataclass
class Quota:
    """Of one source and hour."""

    new_markets: int = 0
    overflowed: int = 0


@dataclass
class Tables:
    """What is stored: ``watermarks`` of every group, and the misses that the groups share."""

    watermarks: dict[tuple[str, str, int], int] = field(default_factory=dict)
    misses: dict[MissKey, MissRow] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)
    quotas: dict[tuple[str, datetime], Quota] = field(default_factory=dict)
    hour: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def copy(self) -> Tables:
        return deepcopy(self)


class FakeLedger:
    """One group's view of the tables; takes and refuses what the real one does."""

    def __init__(self, tables: Tables, consumer_group: str, *, most_new: int = 0) -> None:
        self.tables = tables
        self._group = consumer_group
        self._most_new = most_new

    async def open_partitions(self, partitions: Sequence[WatermarkKey]) -> Watermarks:
        return self.opened(partitions)

    async def commit(self, moves: Sequence[WatermarkMove], misses: Sequence[MissRow]) -> Counted:
        return self.committed(moves, misses)

    async def known(self, topics: Iterable[str]) -> Sequence[KnownWatermark]:
        return self.known_under(topics)

    async def set_back(
        self, partition: WatermarkKey, expected: int, next_offset: int, *, actor: str, reason: str
    ) -> None:
        if next_offset >= expected:
            raise ValueError("set_back moves a watermark back")
        self.changed(partition, expected, next_offset)

    async def skip_to(
        self, partition: WatermarkKey, expected: int, next_offset: int, *, actor: str, reason: str
    ) -> None:
        if next_offset <= expected:
            raise ValueError("skip_to moves a watermark forwards")
        self.changed(partition, expected, next_offset)

    def known_under(self, topics: Iterable[str]) -> Sequence[KnownWatermark]:
        names = set(topics)
        return [
            KnownWatermark(self.tables.topics[topic_id], topic_id, partition, next_offset)
            for (group, topic_id, partition), next_offset in self.tables.watermarks.items()
            if group == self._group and self.tables.topics[topic_id] in names
        ]

    def changed(self, at: WatermarkKey, expected: int, next_offset: int) -> None:
        """A watermark that somebody moves on purpose, in either direction."""
        self._compare([WatermarkMove(at.topic_id, at.topic, at.partition, expected, next_offset)])
        self.tables.watermarks[self._group, at.topic_id, at.partition] = next_offset

    def opened(self, partitions: Sequence[WatermarkKey]) -> Watermarks:
        for at in partitions:
            self.tables.topics[at.topic_id] = at.topic
            self.tables.watermarks.setdefault((self._group, at.topic_id, at.partition), 0)
        return {
            (at.topic_id, at.partition): self.tables.watermarks[
                self._group, at.topic_id, at.partition
            ]
            for at in partitions
        }

    def committed(self, moves: Sequence[WatermarkMove], misses: Sequence[MissRow]) -> Counted:
        """The transaction itself."""
        _check(moves, misses)
        self._compare(moves)
        merged = {(miss.source, miss.external_market_id): self._added(miss) for miss in misses}
        fresh = [miss for miss in misses if miss[:2] not in self.tables.misses]
        left_out = self._left_out(fresh) if self._most_new else []
        self.tables.misses |= merged
        for miss in left_out:
            del self.tables.misses[miss[:2]]
        for move in moves:
            self.tables.topics[move.topic_id] = move.topic
            self.tables.watermarks[self._group, move.topic_id, move.partition] = move.next_offset
        return Counted(len(fresh) - len(left_out), self._overflows(left_out))

    def _left_out(self, fresh: Iterable[MissRow]) -> list[MissRow]:
        """Those without a place in this hour; what comes often takes places first."""
        left_out = []
        for miss in sorted(
            fresh, key=lambda miss: (-miss.occurrence_count, miss.external_market_id)
        ):
            quota = self.tables.quotas.setdefault((miss.source, self.tables.hour), Quota())
            if quota.new_markets < self._most_new:
                quota.new_markets += 1
            else:
                quota.overflowed += miss.occurrence_count
                left_out.append(miss)
        return left_out

    def _overflows(self, left_out: Iterable[MissRow]) -> tuple[Overflow, ...]:
        occurrences: Counter[str] = Counter()
        for miss in left_out:
            occurrences[miss.source] += miss.occurrence_count
        return tuple(
            Overflow(source, self.tables.hour, times)
            for source, times in sorted(occurrences.items())
        )

    def _compare(self, moves: Sequence[WatermarkMove]) -> None:
        asked = [(move.topic_id, move.partition) for move in moves]
        stored = self.tables.watermarks
        current = {
            place: stored[self._group, *place] for place in asked if (self._group, *place) in stored
        }
        if any(current.get((move.topic_id, move.partition)) != move.expected for move in moves):
            raise WatermarkConflict(current)

    def _added(self, miss: MissRow) -> MissRow:
        if "\x00" in miss.external_market_id or len(miss.external_market_id) > _LONGEST_ID:
            raise StorageRefused("the id does not fit", "22001")
        known = self.tables.misses.get((miss.source, miss.external_market_id))
        if known is None:
            return miss
        total = known.occurrence_count + miss.occurrence_count
        if total > _LARGEST_INTEGER:
            raise StorageRefused("integer out of range", "22003")
        newer = miss if miss.last_seen_at >= known.last_seen_at else known
        return newer._replace(
            occurrence_count=total,
            first_seen_at=min(known.first_seen_at, miss.first_seen_at),
            last_seen_at=max(known.last_seen_at, miss.last_seen_at),
        )
