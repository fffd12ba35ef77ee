"""Reads a few records at an offset, outside of any group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from worker.domain.errors import TransientError
from worker.kafka.connections import client_connection, prepare_reading
from worker.settings.connected import KafkaSettings

RawRecord = ConsumerRecord[bytes | None, bytes | None]

_PEEK_BYTES: Final = 1024 * 1024
_POLL_MS: Final = 500
_STOP_S: Final = 5.0


class Stretch(NamedTuple):
    """Offsets from ``first`` up to but without ``end``."""

    first: int
    end: int


async def peek(
    settings: KafkaSettings,
    stretches: Mapping[TopicPartition, Stretch],
    *,
    most: int,
    timeout_s: float,
) -> dict[TopicPartition, list[RawRecord]]:
    """Up to ``most`` committed records from the start of each stretch; none where nothing shows in time.

    Raises TransientError when the cluster does not answer at all, FatalError for a batch that is broken.
    """
    found: dict[TopicPartition, list[RawRecord]] = {}
    waiting = {place: one for place, one in stretches.items() if one.first < one.end}
    if not waiting:
        return found
    try:
        async with asyncio.timeout(timeout_s), _peeking(settings, waiting) as consumer:
            while waiting:
                await _peek_once(consumer, waiting, found, most)
    except KafkaError as error:
        raise TransientError(f"Kafka does not give records: {error!r}") from error
    except TimeoutError:  # what was found by then will do
        pass
    return found


@asynccontextmanager
async def _peeking(
    settings: KafkaSettings, stretches: Mapping[TopicPartition, Stretch]
) -> AsyncIterator[AIOKafkaConsumer]:
    prepare_reading(settings)
    consumer = AIOKafkaConsumer(**client_connection(settings), **_PEEK)
    try:
        await consumer.start()
        consumer.assign(sorted(stretches))
        for place, stretch in stretches.items():
            consumer.seek(place, stretch.first)
        yield consumer
    finally:
        await stop_consumer(consumer)


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Stop within a bound, whatever the cluster does."""
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(_STOP_S):
            await consumer.stop()


# A fetch gives its first record whole, however large it is.
_PEEK: Final[dict[str, Any]] = {
    "max_partition_fetch_bytes": _PEEK_BYTES,
    "auto_offset_reset": "none",
    "isolation_level": "read_committed",
}


async def _peek_once(
    consumer: AIOKafkaConsumer,
    waiting: dict[TopicPartition, Stretch],
    found: dict[TopicPartition, list[RawRecord]],
    most: int,
) -> None:
    """One poll; partitions that have shown something, or have nothing to show, no longer wait."""
    try:
        fetched = await consumer.getmany(*waiting, timeout_ms=_POLL_MS)
    except OffsetOutOfRangeError as error:  # deleted meanwhile
        for place in error.args[0]:
            waiting.pop(place, None)
        return
    for place, records in fetched.items():
        within = [record for record in records if record.offset < waiting[place].end][:most]
        if within:
            found[place] = within
            del waiting[place]
    for place in [
        place for place, one in waiting.items() if await consumer.position(place) >= one.end
    ]:
        del waiting[place]
