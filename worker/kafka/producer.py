"""The producer: many records at once, every acknowledgement awaited.

Records are put into batches here, one after the other for each partition, and the client gets whole batches.
Its way for single records makes a future, looks at the metadata and hashes the key in Python for each record,
which takes longer than everything else that is done with a small one. What arrives is the same: a key has the
partition that Kafka's own clients give it, and a partition its records in their order.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError
from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder

from worker.domain.errors import FatalError
from worker.kafka.failures import in_words
from worker.kafka.record import Outgoing

log = structlog.get_logger()

# The client compresses lz4 at its level 9. On resolved events that takes four to seven times the CPU of zstd,
# and the result is a quarter to two thirds larger.
COMPRESSION: Final = "zstd"

# The client neither loses nor repeats records, and sends them at once.
PRODUCER: Final[dict[str, Any]] = {
    "acks": "all",
    "enable_idempotence": True,
    "linger_ms": 0,  # every batch would wait for it
    "max_batch_size": 1 << 20,
    "compression_type": COMPRESSION,
}
_STOP_S: Final = 3.0
_LONGEST_KNOWN_KEY: Final = 128  # events have shorter ones; a dead letter has that of its sender

_Place = tuple[str, int]


def clock_refused(records: int) -> str:
    """Return the message for a broker that refuses the times of records, which are this machine's clock."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return (
        f"Kafka refuses the times of {records} records (INVALID_TIMESTAMP): this machine's clock says {now}"
        " and differs from the broker's by more than the topic allows (message.timestamp.after.max.ms,"
        " .before.max.ms). Set the clock right"
    )


def partition_of(key: bytes, partitions: Sequence[int]) -> int:
    """The partition of a key, as Kafka's own clients choose it; ``partitions`` are all, ascending."""
    hashed = _known_hash(key) if len(key) <= _LONGEST_KNOWN_KEY else murmur2(key)
    return partitions[(hashed & 0x7FFFFFFF) % len(partitions)]


@lru_cache(maxsize=1 << 16)  # an event comes again and again
def _known_hash(key: bytes) -> int:
    hashed: int = murmur2(key)
    return hashed


class Outputs:
    """Publishes with acks=all and idempotence.

    A batch that is not acknowledged within ``timeout_s`` raises FatalError: the client cannot say which of
    its records arrived. The next process publishes the batch again under the same ids.
    """

    def __init__(self, connection: dict[str, Any], *, timeout_s: float) -> None:
        self._connection = connection
        self._timeout_s = timeout_s
        self._producer: AIOKafkaProducer | None = None
        self._turns = count()

    async def start(self) -> None:
        producer = AIOKafkaProducer(**self._connection, **PRODUCER)
        try:
            async with asyncio.timeout(self._timeout_s):
                await producer.start()
        except (KafkaError, TimeoutError) as error:
            await _stop(producer)
            raise FatalError(f"the producer cannot reach Kafka: {in_words(error)}") from error
        self._producer = producer

    async def send(self, outputs: Sequence[Outgoing]) -> None:
        producer = self._producer
        if producer is None:
            raise FatalError("the producer is not started")
        try:
            async with asyncio.timeout(self._timeout_s):
                by_place = await self._by_place(producer, outputs)
                await asyncio.gather(
                    *[_send_to(place, of_place, producer) for place, of_place in by_place.items()]
                )
        except InvalidTimestampError as error:
            raise FatalError(clock_refused(len(outputs))) from error
        except (KafkaError, TimeoutError) as error:
            raise FatalError(
                f"{len(outputs)} records are not acknowledged: {in_words(error)}"
            ) from error

    async def _by_place(
        self, producer: AIOKafkaProducer, outputs: Sequence[Outgoing]
    ) -> dict[_Place, list[Outgoing]]:
        """Sort records by topic and partition; those without a key take turns."""
        by_place: dict[_Place, list[Outgoing]] = defaultdict(list)
        partitions: dict[str, list[int]] = {}
        for output in outputs:
            topic = output.topic
            if topic not in partitions:
                partitions[topic] = sorted(await producer.partitions_for(topic))
            by_place[topic, self._partition(output, partitions[topic])].append(output)
        return by_place

    def _partition(self, output: Outgoing, partitions: Sequence[int]) -> int:
        if output.partition is not None:
            return output.partition
        if output.key is None:
            return partitions[next(self._turns) % len(partitions)]
        return partition_of(output.key, partitions)

    async def stop(self, timeout_s: float = _STOP_S) -> None:
        """Stop within ``timeout_s``; records that are not acknowledged by then are abandoned."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer, timeout_s)


async def _send_to(place: _Place, outputs: Sequence[Outgoing], producer: AIOKafkaProducer) -> None:
    """Send records to one partition in as few batches as they fit into, and await all acknowledgements.

    A record that is larger than a batch may be is one by itself. The client takes one batch of a partition
    at a time, so a full one waits until the one before it is on its way.
    """
    topic, partition = place
    acknowledged: list[asyncio.Future[Any]] = []

    async def send(batch: BatchBuilder) -> None:
        acknowledged.append(await producer.send_batch(batch, topic, partition=partition))

    batch = producer.create_batch()
    for output in outputs:
        if not _is_added(output, batch):
            await send(batch)
            batch = producer.create_batch()
            if not _is_added(output, batch):
                raise FatalError("the client does not take a record into an empty batch")
    await send(batch)
    await asyncio.gather(*acknowledged)


def _is_added(output: Outgoing, batch: BatchBuilder) -> bool:
    """Add a record, unless the batch is full."""
    # The client writes no record without key and value, so such a tombstone gets an empty value.
    value = b"" if output.value is None and output.key is None else output.value
    added = batch.append(timestamp=None, key=output.key, value=value, headers=output.headers)
    return added is not None


async def _stop(producer: AIOKafkaProducer, timeout_s: float = _STOP_S) -> None:
    """Stop within ``timeout_s``. The client may wait for ever for a broker that is unavailable.

    It may also swallow its cancellation, so nothing waits for the cancelled task.
    """
    stopping = asyncio.ensure_future(producer.stop())
    done, _ = await asyncio.wait({stopping}, timeout=timeout_s)
    if not done:
        stopping.cancel()
        log.warning("producer_not_stopped", error="its last records are not acknowledged")
    elif (error := stopping.exception()) is not None:
        log.warning("producer_not_stopped", error=repr(error))
