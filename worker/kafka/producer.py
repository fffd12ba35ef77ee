"""The producer: many records at once, every acknowledgement awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError

from worker.domain.errors import FatalError
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


def clock_refused(records: int) -> str:
    """Return the message for a broker that refuses the times of records, which are this machine's clock."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return (
        f"Kafka refuses the times of {records} records (INVALID_TIMESTAMP): this machine's clock says {now}"
        " and differs from the broker's by more than the topic allows (message.timestamp.after.max.ms,"
        " .before.max.ms). Set the clock right"
    )


class Outputs:
    """Publishes with acks=all and idempotence.

    A batch that is not acknowledged within ``timeout_s`` raises FatalError: the client cannot say which of
    its records arrived. The next process publishes the batch again under the same ids.
    """

    def __init__(self, connection: dict[str, Any], *, max_bytes: int, timeout_s: float) -> None:
        self._connection = connection
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        producer = AIOKafkaProducer(
            **self._connection, **PRODUCER, max_request_size=self._max_bytes
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                await producer.start()
        except (KafkaError, TimeoutError) as error:
            await _stop(producer)
            raise FatalError(f"the producer cannot reach Kafka: {error!r}") from error
        self._producer = producer

    async def send(self, outputs: Sequence[Outgoing]) -> None:
        if self._producer is None:
            raise FatalError("the producer is not started")
        try:
            async with asyncio.timeout(self._timeout_s):
                futures = [await self._put(self._producer, output) for output in outputs]
                await asyncio.gather(*futures)
        except InvalidTimestampError as error:
            raise FatalError(clock_refused(len(outputs))) from error
        except (KafkaError, TimeoutError) as error:
            raise FatalError(f"{len(outputs)} records are not acknowledged: {error!r}") from error

    async def _put(self, producer: AIOKafkaProducer, output: Outgoing) -> asyncio.Future[Any]:
        # The client refuses a record without key and value, so such a tombstone gets an empty value.
        value = b"" if output.value is None and output.key is None else output.value
        future: asyncio.Future[Any] = await producer.send(
            output.topic,
            value=value,
            key=output.key,
            headers=output.headers,
            partition=output.partition,
        )
        return future

    async def stop(self, timeout_s: float = _STOP_S) -> None:
        """Stop within ``timeout_s``; records that are not acknowledged by then are abandoned."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stop(producer, timeout_s)


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
