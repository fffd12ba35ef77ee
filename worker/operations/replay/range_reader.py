"""Reads ranges of offsets outside the workers' group, and commits its position in a group of its own.

Partitions are assigned explicitly, so no group is joined and nobody is rebalanced.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from worker.domain.errors import FatalError, TransientError
from worker.kafka.cluster.admin import KafkaAdmin
from worker.kafka.connections import admin_of, client_connection, prepare_reading
from worker.kafka.patience import patiently
from worker.kafka.peek import RawRecord, stop_consumer
from worker.operations.replay.plan import Range
from worker.settings.connected import KafkaSettings

_POLL_MS: Final = 200


class RangeReader:
    """``lost`` is the number of offsets that retention deleted before they could be read."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        admin: KafkaAdmin,
        ranges: Mapping[TopicPartition, Range],
        positions: Mapping[TopicPartition, int],
        *,
        patience_s: float,
    ) -> None:
        self._consumer = consumer
        self._admin = admin
        self._ranges = ranges
        self._positions = dict(positions)
        self._patience_s = patience_s
        self.lost = 0

    @property
    def remaining(self) -> int:
        """The number of offsets still to be read."""
        return sum(one.end - self._positions[place] for place, one in self._ranges.items())

    async def fetch(self, most: int) -> Sequence[RawRecord]:
        """Return up to ``most`` of the next records; none when the rest of a range holds no visible record.

        Raises FatalError when Kafka returns nothing for too long, or when the log was truncated.
        """
        records: list[RawRecord] = []
        before, since = self.remaining, time.monotonic()
        while not records and self.remaining == before and before:
            records = await self._poll(most)
            await self._advance()
            if time.monotonic() - since > self._patience_s:
                raise FatalError(
                    f"Kafka has returned no record of the range for {self._patience_s:g} s"
                )
        return records

    async def commit(self) -> None:
        """Commit that everything fetched so far is done. Raises TransientError."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._consumer.commit(self._positions)
        except (KafkaError, TimeoutError) as error:
            raise TransientError(
                f"the offsets of the replay could not be committed: {error!r}"
            ) from error

    async def _poll(self, most: int) -> list[RawRecord]:
        try:
            fetched = await self._consumer.getmany(
                *self._unfinished(), timeout_ms=_POLL_MS, max_records=most
            )
        except OffsetOutOfRangeError as error:
            await self._go_on_after_retention(list(error.args[0]))
            return []
        except KafkaError as error:
            raise TransientError(f"Kafka returns no records: {error!r}") from error
        return [
            record
            for place, records in fetched.items()
            for record in records
            if record.offset < self._ranges[place].end
        ]

    def _unfinished(self) -> list[TopicPartition]:
        return [place for place, one in self._ranges.items() if self._positions[place] < one.end]

    async def _advance(self) -> None:
        """Follow the consumer's position, which skips transaction markers; pause finished ranges."""
        for place in self._unfinished():
            end = self._ranges[place].end
            self._positions[place] = min(await self._consumer.position(place), end)
            if self._positions[place] == end:
                self._consumer.pause(place)

    async def _go_on_after_retention(self, places: Sequence[TopicPartition]) -> None:
        starts = await self._admin.log_starts(places)
        for place, start in starts.items():
            position, end = self._positions[place], self._ranges[place].end
            if start <= position:
                raise FatalError(
                    f"the log of {place.topic} [{place.partition}] ends before {position}"
                )
            self.lost += min(start, end) - position
            self._positions[place] = min(start, end)
            self._consumer.seek(place, start)


@asynccontextmanager
async def range_reader(
    settings: KafkaSettings, ranges: Sequence[Range], group: str
) -> AsyncIterator[RangeReader]:
    """Open a reader that continues from the commits of ``group``. Raises TransientError or FatalError.

    FatalError: a topic of the ranges was deleted, or deleted and created again.
    """
    admin = admin_of(settings)
    wanted = {TopicPartition(*one.place): one for one in ranges}
    patience_s = settings.admin_timeout_s
    await patiently(lambda: check_topics(admin, ranges), patience_s=patience_s)
    committed = await patiently(lambda: admin.committed(group, wanted), patience_s=patience_s)
    positions = {
        place: min(max(one.first, committed[place].offset), one.end)
        if place in committed
        else one.first
        for place, one in wanted.items()
    }
    consumer = _consumer(settings, group)
    try:
        await _start(consumer, positions, patience_s)
        yield RangeReader(consumer, admin, wanted, positions, patience_s=settings.publish_timeout_s)
    finally:
        await stop_consumer(consumer)


async def check_topics(admin: KafkaAdmin, ranges: Sequence[Range]) -> None:
    """Check the topics' ids. Raises FatalError when one is not that of the ranges, or TransientError."""
    now = await admin.topics({one.topic for one in ranges})
    for one in ranges:
        if one.topic not in now or now[one.topic].topic_id != one.topic_id:
            raise FatalError(f"the topic {one.topic} was deleted, or deleted and created again")


def _consumer(settings: KafkaSettings, group: str) -> AIOKafkaConsumer:
    prepare_reading(settings)
    return AIOKafkaConsumer(
        **client_connection(settings),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
        fetch_max_bytes=settings.batch_max_bytes,
        max_partition_fetch_bytes=settings.max_message_bytes,
    )


async def _start(
    consumer: AIOKafkaConsumer, positions: Mapping[TopicPartition, int], timeout_s: float
) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await consumer.start()
    except (KafkaError, TimeoutError) as error:
        raise TransientError(f"the consumer cannot reach Kafka: {error!r}") from error
    consumer.assign(sorted(positions))
    for place, position in positions.items():
        consumer.seek(place, position)
