"""What batches may do with the partitions that are held for them, until they are revoked.

A claim holds all partitions while one batch after the other is published, and the one before it is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from aiokafka import TopicPartition

from worker.ingest.partitions.marks import BrakeState, mark
from worker.ingest.partitions.owned import OpenPartition, StoppedPartition
from worker.kafka.record import Committed, Partition, Record, size_of


class OwnedPartitions(Protocol):
    """The owner of the partitions. ``epoch`` changes with every rebalance."""

    epoch: int

    @property
    def draining(self) -> bool: ...

    @property
    def is_waited_for(self) -> bool: ...

    async def until_drained(self) -> None: ...

    async def commit(self, offsets: Mapping[TopicPartition, Committed], epoch: int) -> None: ...

    def stop(self, stopped: StoppedPartition, epoch: int) -> None: ...


class PartitionClaim:
    """The records that may be processed, while their partitions are held.

    ``first`` are those that it begins with. More of these partitions may be added, in the order of their
    logs. ``count`` and ``size`` (bytes of values) are of those that are not released.
    """

    def __init__(
        self,
        assignment: OwnedPartitions,
        epoch: int,
        owned: Iterable[OpenPartition],
        records: Sequence[Record],
    ) -> None:
        self.first = records
        self.count = 0
        self.size = 0
        self._assignment = assignment
        self._epoch = epoch
        self._partitions = {(one.partition.topic, one.partition.partition): one for one in owned}
        self.add(records)

    def add(self, records: Sequence[Record]) -> None:
        """Take more records in, each of a partition that is held and after those that are taken in."""
        self.count += len(records)
        self.size += size_of(records)
        ends = {(record.topic, record.partition): record.offset + 1 for record in records}
        for place, end in ends.items():
            self._partitions[place].taken_to = end

    def release(self, records: Sequence[Record]) -> None:
        """Nothing more is to be done with these records."""
        self.count -= len(records)
        self.size -= size_of(records)

    async def until_over(self) -> None:
        """Return when nothing more of it is to be begun."""
        await self._assignment.until_drained()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be begun: the partitions are being revoked, or are no longer ours."""
        return self._assignment.draining or self._assignment.epoch != self._epoch

    @property
    def is_wanted_back(self) -> bool:
        """Whether no further record is to be taken in: it is over, or somebody waits for its end."""
        return self.is_over or self._assignment.is_waited_for

    def partition_of(self, record: Record) -> Partition:
        return self._partitions[record.topic, record.partition].partition

    def positions(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int] | None:
        """The offsets after the records of these partitions; None if one of them is not held."""
        found: dict[TopicPartition, int] = {}
        for place in places:
            held = self._partitions.get(place)
            if held is None:
                return None
            found[place] = held.next_offset
        return found

    def taken_brakes(self) -> dict[Partition, BrakeState]:
        """What the brake knew of partitions that it had stopped, once after each opening."""
        found: dict[Partition, BrakeState] = {}
        for owned in self._partitions.values():
            if owned.brake is not None:
                found[owned.partition], owned.brake = owned.brake, None
        return found

    def position_of(self, at: Partition) -> int:
        return self._partitions[at.topic, at.partition].position

    def watermarks(self, of: Iterable[Partition]) -> dict[Partition, int]:
        return {at: self._partitions[at.topic, at.partition].watermark for at in of}

    def watermarks_are(self, current: dict[Partition, int]) -> None:
        """Take over where the watermarks are now.

        A replay under way is extended to there: what another worker counted meanwhile, it may have published
        before the replay was asked for.
        """
        for at, watermark in current.items():
            owned = self._partitions[at.topic, at.partition]
            owned.watermark = watermark
            if owned.position < owned.replay_to:
                owned.replay_to = max(owned.replay_to, watermark)

    async def commit(self, ends: Mapping[Partition, int], records: Sequence[Record]) -> None:
        """Commit the offsets after the records of a batch, each with our mark."""
        newest = {(record.topic, record.partition): record for record in records}
        offsets = {}
        for at, end in ends.items():
            owned = self._partitions[at.topic, at.partition]
            owned.position = end
            owned.last_timestamp_ms = newest[at.topic, at.partition].timestamp
            metadata = mark(at.topic_id, end, owned.replay_to)
            offsets[TopicPartition(at.topic, at.partition)] = Committed(end, metadata)
        await self._assignment.commit(offsets, self._epoch)

    async def stop(self, at: Partition, sentence: str, brake: BrakeState) -> None:
        """Stop reading a partition over its dead letters, at its position.

        What the brake knows is committed, so that the next owner comes to the same verdict.
        """
        owned = self._partitions[at.topic, at.partition]
        metadata = mark(at.topic_id, owned.position, owned.replay_to, brake=brake)
        place = TopicPartition(at.topic, at.partition)
        await self._assignment.commit({place: Committed(owned.position, metadata)}, self._epoch)
        self._assignment.stop(StoppedPartition(at, "BRAKE", sentence), self._epoch)
