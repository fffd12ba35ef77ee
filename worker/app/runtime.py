"""The worker put together: the only file that knows everything. Linear on purpose."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import structlog
from aiokafka import TopicPartition
from faststream import FastStream

from worker.app.announcer import Announcer
from worker.app.backoff import jittered_backoff
from worker.app.counting import Counting
from worker.app.health import HealthServer
from worker.app.kafka import admin_of, client_connection
from worker.app.metrics import Metrics
from worker.app.settings import Settings
from worker.app.topics import largest_output
from worker.domain.errors import FatalError
from worker.ingest.admin import KafkaAdmin
from worker.ingest.assignment import Assignment
from worker.ingest.consumer import Fetching, RawRecord, application, consume, handle_with
from worker.ingest.handler import BatchHandler
from worker.ingest.live_index import LiveIndex, Rows
from worker.ingest.marks import Committed
from worker.ingest.plan import Planner
from worker.ingest.record import Partition
from worker.publishing.encode import Encoder, Outgoing
from worker.publishing.outputs import Outputs
from worker.storage.engine import create_engine
from worker.storage.errors import StorageUnavailable
from worker.storage.ledger import Ledger
from worker.storage.mappings import load_index_rows

log = structlog.get_logger()


class Stop:
    """Why the process is to stop: asked to, or by a fatal error. The first reason counts."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.error: BaseException | None = None

    def ask(self) -> None:
        self._asked.set()

    def fail(self, error: BaseException) -> None:
        if not self._asked.is_set():
            self.error = error
            log.error("fatal", error=str(error), kind=type(error).__name__, exc_info=error)
        self._asked.set()

    async def wait(self) -> None:
        await self._asked.wait()


class Worker:
    """One worker: start is ready or raises, stop is bounded and may be called twice."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stop_reason = Stop()
        self.metrics = Metrics()
        retry_delay = jittered_backoff()
        self._engine = create_engine(settings.database_url or "")
        self._ledger = Ledger(self._engine, settings.group_id)
        self._index = LiveIndex(self._read_index)
        self._outputs = Outputs(
            client_connection(settings),
            max_bytes=largest_output(settings),
            timeout_s=settings.publish_timeout_s,
        )
        self._announcer = Announcer(
            self._ledger, self._outputs, settings.prefixed(settings.topic_unmapped), retry_delay=retry_delay
        )
        self._counting = Counting(
            self._ledger,
            retry_delay=retry_delay,
            on_retry=self.metrics.retried,
            on_first_sighting=self._announcer.wake,
        )
        self._assignment = Assignment(
            _Coordinates(admin_of(settings), self._counting, settings.group_id),
            drain_timeout_s=settings.drain_timeout_s,
            commit_timeout_s=settings.commit_timeout_s,
            retry_delay=retry_delay,
            on_change=self.metrics.rebalanced,
            on_fatal=self.stop_reason.fail,
        )
        self._app = self._consumer_application()
        self.health = HealthServer(settings.http_host, settings.http_port, self.metrics, self._not_ready)
        self._retry_delay = retry_delay

    async def run(self) -> int:
        """Run until a signal or a fatal error; the exit code."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._stop_within_deadline)
            try:
                await self._start(stack)
                await self.stop_reason.wait()
            except FatalError as error:
                self.stop_reason.fail(error)
        return 0 if self.stop_reason.error is None else 1

    async def _start(self, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(_signals(self.stop_reason.ask))
        await self.health.start()
        log.info("listening", address=self.health.address)
        if not await self._unless_stopped(self._load_index()):
            return
        self.metrics.index_swapped(self._index.current)
        await self._outputs.start()
        self.metrics.watch(self._assignment)
        await self._app.start()
        await stack.enter_async_context(_background(self._announcer.run, self.stop_reason.fail))
        log.info(
            "worker_started",
            group=self.settings.group_id,
            topics=list(self.settings.observation_topics.values()),
        )

    def _consumer_application(self) -> FastStream:
        settings = self.settings
        app = application(
            settings.kafka_bootstrap_servers or "",
            settings.client_id,
            client_connection(settings, servers=False),
        )
        fetching = Fetching(
            max_records=settings.batch_max_records,
            max_partition_bytes=settings.max_message_bytes,
            max_bytes=settings.batch_max_bytes,
            wait_ms=round(settings.fetch_wait_s * 1000),
            session_timeout_ms=round(settings.session_timeout_s * 1000),
            rebalance_timeout_ms=round(settings.rebalance_timeout_s * 1000),
            member_name=settings.member_name,
        )
        handler: BatchHandler[Outgoing] = BatchHandler(
            assignment=self._assignment,
            indexes=self._index,
            planner=Planner(self._encoder(), max_message_bytes=settings.max_message_bytes),
            outputs=self._outputs,
            counts=self._counting,
            batch_max_bytes=settings.batch_max_bytes,
            report=self.metrics.batch,
        )
        broker: Any = app.broker
        subscriber = consume(
            broker, list(settings.observation_topics.values()), settings.group_id, fetching, self._assignment
        )
        handle_with(subscriber, self._never_raising(handler.handle))
        self._assignment.attach(lambda: subscriber.consumer)
        return app

    def _encoder(self) -> Encoder:
        return Encoder(
            resolved_topic=self.settings.prefixed(self.settings.topic_resolved),
            dead_topic=self.settings.prefixed(self.settings.topic_dead),
            group=self.settings.group_id,
            max_bytes=self.settings.max_message_bytes,
            max_dead_bytes=2 * self.settings.max_message_bytes,
        )

    def _never_raising(
        self, handle: Callable[[Sequence[RawRecord]], Awaitable[None]]
    ) -> Callable[[Sequence[RawRecord]], Awaitable[None]]:
        """No exception may leave the handler: FastStream would go on and commit over the batch."""

        async def guarded(records: Sequence[RawRecord]) -> None:
            try:
                await handle(records)
            except Exception as error:  # noqa: BLE001  # whatever it is, the process stops with the batch undone
                self.stop_reason.fail(error)
                await asyncio.Event().wait()

        return guarded

    async def _read_index(self) -> tuple[int, Rows]:
        async with self._engine.connect() as connection:
            return await load_index_rows(connection)

    async def _load_index(self) -> None:
        attempt = 0
        while True:
            try:
                await self._index.load()
            except (StorageUnavailable, OSError) as error:
                log.warning("index_not_loaded", error=str(error))
                await asyncio.sleep(self._retry_delay(attempt))
                attempt += 1
            else:
                return

    async def _unless_stopped(self, work: Awaitable[None]) -> bool:
        """Whether ``work`` was finished before the process was asked to stop; else it is cancelled."""
        task = asyncio.ensure_future(work)
        stopped = asyncio.ensure_future(self.stop_reason.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (task, stopped):
            if not waiting.done():
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    await waiting
        if task.cancelled():
            return False
        task.result()
        return True

    def _not_ready(self) -> list[str]:
        reasons = []
        if not self._index.is_loaded:
            reasons.append("the mapping index is not loaded")
        if not self._assignment.is_open:
            reasons.append("partitions are not assigned or not open")
        if self._counting.blocked_by is not None:
            reasons.append(self._counting.blocked_by)
        return reasons

    async def _stop_within_deadline(self) -> None:
        try:
            async with asyncio.timeout(self.settings.shutdown_timeout_s):
                await self._assignment.drain()
                await self._app.stop()
                await self._outputs.stop(self.settings.shutdown_timeout_s)
                await self._engine.dispose()
                await self.health.stop()
        except TimeoutError:
            log.error("shutdown_timed_out", timeout_s=self.settings.shutdown_timeout_s)  # noqa: TRY400  # it says all
        else:
            log.info("worker_stopped")


class _Coordinates:
    """Joins what Kafka and what the database know of partitions."""

    def __init__(self, admin: KafkaAdmin, counting: Counting, group: str) -> None:
        self._admin = admin
        self._counting = counting
        self._group = group

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        return await self._admin.topic_ids(topics)

    async def committed(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Committed]:
        return await self._admin.committed(self._group, partitions)

    async def watermarks(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        return await self._counting.watermarks(partitions)


@asynccontextmanager
async def _signals(handler: Callable[[], None]) -> AsyncIterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def _background(
    work: Callable[[], Awaitable[None]], on_error: Callable[[BaseException], None]
) -> AsyncIterator[None]:
    """Run ``work`` beside; what it raises is handed to ``on_error``."""

    async def guarded() -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  # a background task that died silently would be a lost alarm
            on_error(error)

    task = asyncio.create_task(guarded())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
