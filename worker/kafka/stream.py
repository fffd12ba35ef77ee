"""Reads what is committed in a topic, a fetch at a time, up to where it ends now. Outside of any group.

Only one fetch is held, however much there is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from worker.domain.errors import TransientError
from worker.kafka.connections import admin_of, client_connection, prepare_reading
from worker.kafka.peek import RawRecord, stop_consumer
from worker.kafka.topics import largest_output
from worker.settings.connected import KafkaSettings

_FETCH_BYTES: Final = 16 * 1024 * 1024
_POLL_MS: Final = 500


class TopicStream:
    """``total`` offsets are to be read, ``done`` of them are."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        starts: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
        *,
        patience_s: float,
    ) -> None:
        self._consumer = consumer
        self._positions = {place: min(start, ends[place]) for place, start in starts.items()}
        self._ends = ends
        self._patience_s = patience_s
        self.total = self._left
        self.bytes = 0

    @property
    def done(self) -> int:
        return self.total - self._left

    async def batches(self) -> AsyncIterator[Sequence[RawRecord]]:
        """The records, in order within a partition. Raises TransientError when Kafka gives none for long."""
        while self._left:
            yield await self._fetch()

    @property
    def _left(self) -> int:
        return sum(self._ends[place] - position for place, position in self._positions.items())

    async def _fetch(self) -> Sequence[RawRecord]:
        left = self._left
        try:
            async with asyncio.timeout(self._patience_s):
                while True:
                    records = await self._poll()
                    if records or self._left < left:
                        return records
        except (KafkaError, TimeoutError) as error:
            raise TransientError(f"Kafka does not give the records: {error!r}") from error

    async def _poll(self) -> list[RawRecord]:
        waiting = [
            place for place, position in self._positions.items() if position < self._ends[place]
        ]
        fetched = await self._consumer.getmany(*waiting, timeout_ms=_POLL_MS)
        for place in waiting:  # it passes over the markers of transactions, which are no records
            self._positions[place] = min(await self._consumer.position(place), self._ends[place])
        return [
            record
            for place, some in fetched.items()
            for record in some
            if self._is_before_end(record)
        ]

    def _is_before_end(self, record: RawRecord) -> bool:
        return bool(record.offset < self._ends[TopicPartition(record.topic, record.partition)])


@asynccontextmanager
async def topic_stream(
    settings: KafkaSettings,
    topic: str,
    *,
    since_ms: int | None = None,
    first: tuple[int, int] | None = None,
) -> AsyncIterator[TopicStream]:
    """From the topic's start, or the first record from ``since_ms`` on; or one partition from an offset on.

    Raises TransientError when the topic does not exist or the cluster does not answer.
    """
    prepare_reading(settings)
    consumer = AIOKafkaConsumer(
        **client_connection(settings),
        isolation_level="read_committed",
        auto_offset_reset="earliest",  # retention may take records away while they are read
        fetch_max_bytes=_FETCH_BYTES,
        max_partition_fetch_bytes=largest_output(settings),
    )
    try:
        partitions = await _partitions(settings, topic)
        if first is not None:
            partitions = [place for place in partitions if place.partition == first[0]]
        try:
            async with asyncio.timeout(settings.admin_timeout_s):
                await consumer.start()
                stream = await _placed(
                    consumer, partitions, since_ms, first, settings.publish_timeout_s
                )
        except (KafkaError, TimeoutError) as error:
            raise TransientError(f"Kafka does not answer: {error!r}") from error
        yield stream
    finally:
        await stop_consumer(consumer)


async def read_topic(settings: KafkaSettings, topic: str) -> list[RawRecord]:
    """Every committed record of a topic, by its full name; order holds within a partition.

    Raises TransientError when the topic does not exist or the cluster does not answer.
    """
    async with topic_stream(settings, topic) as stream:
        return [record async for batch in stream.batches() for record in batch]


async def _partitions(settings: KafkaSettings, topic: str) -> list[TopicPartition]:
    admin = admin_of(settings)
    await admin.topic_ids([topic])
    return [
        TopicPartition(topic, n) for n in range((await admin.topics([topic]))[topic].partitions)
    ]


async def _placed(
    consumer: AIOKafkaConsumer,
    partitions: list[TopicPartition],
    since_ms: int | None,
    first: tuple[int, int] | None,
    patience_s: float,
) -> TopicStream:
    consumer.assign(partitions)
    ends = await consumer.end_offsets(partitions)
    starts = await consumer.beginning_offsets(partitions)
    if since_ms is not None:
        found = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
        starts = {
            place: found[place].offset if found[place] else ends[place] for place in partitions
        }
    if first is not None:
        starts = {place: max(start, first[1]) for place, start in starts.items()}
    for place, start in starts.items():
        consumer.seek(place, min(start, ends[place]))
    return TopicStream(consumer, starts, ends, patience_s=patience_s)
