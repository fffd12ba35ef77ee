"""What Kafka and the database know of partitions, behind one interface."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aiokafka import TopicPartition

from worker.ingest.partitions.opening import KnownStart
from worker.kafka.cluster.admin import KafkaAdmin
from worker.kafka.listed_offsets import ListedOffsets
from worker.kafka.record import Committed, Partition
from worker.runtime.counting import LedgerWriter


class PartitionLookup:
    """Facts of one consumer group. Each call may raise TransientError; FatalError if the database refuses."""

    def __init__(self, admin: KafkaAdmin, counting: LedgerWriter, group: str) -> None:
        self._admin = admin
        self._counting = counting
        self._group = group

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        return await self._admin.topics.ids(topics)

    async def committed(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, Committed]:
        return await self._admin.groups.committed(self._group, partitions)

    async def log_starts(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        return await self._admin.offsets.each_log_start(partitions)

    async def high_watermarks(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        return await self._admin.offsets.each_high_watermark(partitions)

    async def known(self, topics: Iterable[str]) -> Sequence[KnownStart]:
        return await self._counting.known(topics)

    async def watermarks(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        return await self._counting.watermarks(partitions)

    async def move_watermark(
        self, partition: Partition, expected: int, next_offset: int, reason: str
    ) -> None:
        await self._counting.move_watermark(partition, expected, next_offset, reason)
