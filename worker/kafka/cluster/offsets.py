"""Where the logs of partitions begin and end, and which offset belongs to a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import confluent_kafka
from aiokafka import TopicPartition
from confluent_kafka import IsolationLevel
from confluent_kafka.admin import ListOffsetsResultInfo, OffsetSpec

from worker.kafka.cluster.librdkafka import Librdkafka

_NO_SUCH_OFFSET: Final = -1
_NO_RECORD: Final = -1

_FoundOffsets = dict[TopicPartition, ListOffsetsResultInfo]


class LogOffsets:
    """Every call may raise TransientError, and FatalError when the cluster refuses us."""

    def __init__(self, client: Librdkafka, *, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s

    async def log_starts(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset of the oldest record that is still in each log."""
        found = await self._list_offsets(partitions, OffsetSpec.earliest())
        return {place: each.offset for place, each in found.items()}

    async def log_ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The last stable offset: the one after the last record that a reader of committed records sees."""
        found = await self._list_offsets(partitions, OffsetSpec.latest())
        return {place: each.offset for place, each in found.items()}

    async def high_watermarks(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """The offset after the last record, committed or in an open transaction."""
        found = await self._list_offsets(
            partitions, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED
        )
        return {place: each.offset for place, each in found.items()}

    async def at_time(
        self, partitions: Iterable[TopicPartition], timestamp_ms: int
    ) -> dict[TopicPartition, int]:
        """The first offset whose record is of that time or later; a partition without one is left out."""
        found = await self._list_offsets(partitions, OffsetSpec.for_timestamp(timestamp_ms))
        return {
            place: each.offset for place, each in found.items() if each.offset > _NO_SUCH_OFFSET
        }

    async def newest_times(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The latest timestamp of any record, in ms; empty partitions are left out."""
        found = await self._list_offsets(partitions, OffsetSpec.max_timestamp())
        return {
            place: each.timestamp for place, each in found.items() if each.timestamp > _NO_RECORD
        }

    async def _list_offsets(
        self,
        partitions: Iterable[TopicPartition],
        spec: OffsetSpec,
        level: IsolationLevel = IsolationLevel.READ_COMMITTED,
    ) -> _FoundOffsets:
        return await self._client.call(self._list_offsets_now, sorted(partitions), spec, level)

    def _list_offsets_now(
        self, places: list[TopicPartition], spec: OffsetSpec, level: IsolationLevel
    ) -> _FoundOffsets:
        if not places:
            return {}
        futures = self._client.admin.list_offsets(
            {confluent_kafka.TopicPartition(*place): spec for place in places},
            isolation_level=level,
            request_timeout=self._timeout_s,
        )
        return {
            TopicPartition(place.topic, place.partition): future.result(self._timeout_s)
            for place, future in futures.items()
        }
