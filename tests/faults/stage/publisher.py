"""Publishes the numbered stream for as long as faults happen, and knows where each record went."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer

from tests.faults.stage.oracle import record

# In bursts, so that batches hold more than a record or two.
BURSTS_PER_S = 4
PATIENCE_MS = 120_000


class Place(NamedTuple):
    partition: int
    offset: int


class Publisher:
    """``rate`` records a second, in order, each once: idempotent, with every acknowledgement.

    ``sent`` is the number of the next record, ``since`` that of the first after ``reconnect``. ``places`` has
    where the records went, as of the last ``pause``.
    """

    def __init__(self, servers: str, topic: Callable[[str], str], rate: int) -> None:
        self._servers = servers
        self._topic = topic
        self._burst = max(1, rate // BURSTS_PER_S)
        self._producer: AIOKafkaProducer | None = None
        self._flowing = asyncio.Event()
        self._between_bursts = asyncio.Lock()
        self._unacknowledged: list[tuple[int, asyncio.Future[Any]]] = []
        self._task: asyncio.Task[None] | None = None
        self.sent = 0
        self.since = 0
        self.places: dict[int, Place] = {}

    async def start(self) -> None:
        await self._connect()
        self._task = asyncio.create_task(self._run())
        self._flowing.set()

    async def pause(self) -> None:
        """Return when nothing more is sent and all that was sent is acknowledged."""
        self._flowing.clear()
        async with self._between_bursts:
            waiting, self._unacknowledged = self._unacknowledged, []
            for number, acknowledged in waiting:
                metadata = await acknowledged
                self.places[number] = Place(metadata.partition, metadata.offset)

    def resume(self) -> None:
        if self._task is not None and self._task.done():
            self._task.result()
        self._flowing.set()

    async def reconnect(self) -> None:
        """For a topic that was created again: the producer's sequence numbers belong to the old one."""
        async with self._between_bursts:
            await self._disconnect()
            await self._connect()
            self.since = self.sent

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._disconnect()

    async def _connect(self) -> None:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            request_timeout_ms=PATIENCE_MS,  # the broker is away at times, on a busy machine for long
        )
        await self._producer.start()

    async def _disconnect(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            async with asyncio.timeout(20):
                await producer.stop()

    async def _run(self) -> None:
        while True:
            await self._flowing.wait()
            async with self._between_bursts:
                await self._send_burst()
            await asyncio.sleep(1 / BURSTS_PER_S)

    async def _send_burst(self) -> None:
        assert self._producer is not None
        for _ in range(self._burst):
            topic, key, value, _ = record(self.sent)
            acknowledged = await self._producer.send(self._topic(topic), value, key)
            self._unacknowledged.append((self.sent, acknowledged))
            self.sent += 1
