"""A producer that exists once: a newer one with its transactional id fences the older one.

The broker enforces this by the epoch of the transactional id. Without it, a process that was suspended while
another took over would publish old records after newer ones when it continues, and compaction would keep the
old ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    IllegalOperation,
    InvalidTimestampError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from worker.domain.errors import FatalError, TransientError
from worker.kafka.failures import in_words
from worker.kafka.producer import PRODUCER, clock_refused
from worker.kafka.record import Outgoing

_STOP_S: Final = 3.0
_REFUSALS: Final = (TopicAuthorizationFailedError, TransactionalIdAuthorizationFailed)


class FencedOutputs:
    def __init__(self, producer: AIOKafkaProducer, timeout_s: float) -> None:
        self._producer = producer
        self._timeout_s = timeout_s

    async def send(self, outputs: Sequence[Outgoing]) -> None:
        """Publish all records in order, or none; every acknowledgement is awaited before the commit.

        Raises TransientError if the result is not known; this producer cannot be used after that.
        Raises FatalError if these credentials may not publish.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._producer.begin_transaction()
                await asyncio.gather(*[await self._put(output) for output in outputs])
                await self._producer.commit_transaction()
        except asyncio.CancelledError:
            await self._abort()
            raise
        except _REFUSALS as error:
            await self._abort()
            raise FatalError(f"Kafka refuses {len(outputs)} records: {in_words(error)}") from error
        except InvalidTimestampError as error:
            await self._abort()
            raise TransientError(clock_refused(len(outputs))) from error
        except (KafkaError, IllegalOperation, TimeoutError) as error:
            # IllegalOperation: fenced between two records.
            await self._abort()
            raise TransientError(
                f"{len(outputs)} records are not acknowledged: {in_words(error)}"
            ) from error

    async def _abort(self) -> None:
        """Abort the open transaction if possible: readers cannot pass it until it ends."""
        with suppress(
            KafkaError, IllegalOperation, AssertionError, TimeoutError
        ):  # depending on the producer's state
            async with asyncio.timeout(_STOP_S):
                await self._producer.abort_transaction()

    async def _put(self, output: Outgoing) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = await self._producer.send(
            output.topic,
            value=output.value,
            key=output.key,
            headers=output.headers,
            partition=output.partition,
        )
        return future


@asynccontextmanager
async def fenced_outputs(
    connection: dict[str, Any], name: str, *, max_bytes: int, timeout_s: float
) -> AsyncIterator[FencedOutputs]:
    """Take over the name, which also aborts the open transaction of an earlier producer with that name.

    Raises TransientError if Kafka does not answer, and FatalError if these credentials may not use the name.
    """
    producer = AIOKafkaProducer(
        **connection,
        **PRODUCER,
        transactional_id=name,
        transaction_timeout_ms=round(timeout_s * 1000),
        max_request_size=max_bytes,
    )
    try:
        try:
            async with asyncio.timeout(timeout_s):
                await producer.start()
        except TransactionalIdAuthorizationFailed as error:
            raise FatalError(
                f"Kafka refuses the transactional id {name}: {in_words(error)}"
            ) from error
        except (KafkaError, TimeoutError) as error:
            raise TransientError(f"the producer cannot reach Kafka: {in_words(error)}") from error
        yield FencedOutputs(producer, timeout_s)
    finally:
        # The client may wait for ever for a broker that is unavailable, or for a sender that was fenced.
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await producer.stop()
