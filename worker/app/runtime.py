"""The worker put together: the only file that knows everything. Linear on purpose."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, Final

import structlog
from aiokafka import TopicPartition
from faststream import FastStream

from worker.app.announcer import Announcer
from worker.app.backoff import jittered_backoff
from worker.app.counting import Counting
from worker.app.covering import cover_changes
from worker.app.health import HealthServer
from worker.app.kafka import admin_of, client_connection
from worker.app.lifetime import Stop, background, signals
from worker.app.live_mappings import LiveMappings, Swap
from worker.app.metrics import Metrics
from worker.app.relay import Relay
from worker.app.relay_metrics import RelayMetrics
from worker.app.settings import Settings
from worker.app.topics import largest_output
from worker.domain.errors import TransientError
from worker.ingest.admin import KafkaAdmin
from worker.ingest.assignment import Assignment
from worker.ingest.consumer import Fetching, RawRecord, application, consume, handle_with
from worker.ingest.handler import BatchHandler
from worker.ingest.live_index import LiveIndex
from worker.ingest.marks import Committed
from worker.ingest.plan import Planner
from worker.ingest.record import Partition
from worker.publishing.encode import Encoder, Outgoing
from worker.publishing.outputs import Outputs
from worker.storage.engine import create_engine
from worker.storage.errors import StorageUnavailable
from worker.storage.ledger import Ledger

log = structlog.get_logger()

# Planning runs in a thread. At Python's own 5 ms, the event loop would wait that long for each of its turns.
_THREAD_TURN_S: Final = 0.0005


class Worker:
    """One worker: start is ready or raises, stop is bounded and may be called twice."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stop_reason = Stop()
        self.metrics = Metrics()
        retry_delay = jittered_backoff()
        self._engine = create_engine(settings.database_url or "")
        self._ledger = Ledger(self._engine, settings.group_id)
        self._index = LiveIndex()
        self._mappings = LiveMappings(
            self._engine,
            settings.database_url or "",
            self._index,
            poll_s=settings.index_poll_s,
            retry_delay=retry_delay,
            on_swap=self._index_swapped,
        )
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
        self._admin = admin_of(settings)
        self._missing_topics: str | None = None
        self._assignment = Assignment(
            _Coordinates(self._admin, self._counting, settings.group_id),
            drain_timeout_s=settings.drain_timeout_s,
            commit_timeout_s=settings.commit_timeout_s,
            retry_delay=retry_delay,
            on_change=self.metrics.rebalanced,
            on_fatal=self.stop_reason.fail,
        )
        self._app = self._consumer_application()
        self.health = HealthServer(
            settings.http_host, settings.http_port, self.metrics, self._not_ready, self._mappings.notes
        )
        self._retry_delay = retry_delay

    async def run(self) -> int:
        """Run until a signal or a fatal error; the exit code."""
        sys.setswitchinterval(_THREAD_TURN_S)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._stop_within_deadline)
            try:
                await self._start(stack)
                await self.stop_reason.wait()
            except Exception as error:  # noqa: BLE001  # whatever it is: a log line that says so, and exit code 1
                self.stop_reason.fail(error)
        return 0 if self.stop_reason.error is None else 1

    async def _start(self, stack: AsyncExitStack) -> None:
        await stack.enter_async_context(signals(self.stop_reason.ask))
        await self.health.start()
        log.info("listening", address=self.health.address)
        if not await self._unless_stopped(self._load_index()):
            return
        self.metrics.show_age(lambda: self._mappings.age_s)
        await stack.enter_async_context(background(self._mappings.run, self.stop_reason.fail))
        if not await self._unless_stopped(self._find_topics()):
            return
        await self._outputs.start()
        self.metrics.watch(self._assignment)
        # All that is loaded by now stays. Visiting it in every full collection would stop the event loop for
        # 60 ms at a time, and take a third of the throughput.
        gc.freeze()
        await self._app.start()
        await stack.enter_async_context(background(self._announcer.run, self.stop_reason.fail))
        if self.settings.relay_in_worker:
            relay = Relay(
                self.settings,
                RelayMetrics(self.metrics.registry),
                retry_delay=self._retry_delay,
                on_published=partial(cover_changes, self._engine),
            )
            await stack.enter_async_context(background(relay.run, self.stop_reason.fail))
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

    def _index_swapped(self, swap: Swap) -> None:
        self.metrics.index_swapped(self._index, swap)

    async def _load_index(self) -> None:
        await self._until_done(self._mappings.load, StorageUnavailable, "index_not_loaded")

    async def _find_topics(self) -> None:
        """Wait for every topic: the consumer's own start would wait 40 s for a missing one, then fail."""
        wanted = [*self.settings.observation_topics.values(), *self._output_topics()]

        async def find() -> None:
            try:
                await self._admin.topic_ids(wanted)
            except TransientError as error:
                self._missing_topics = str(error)
                raise
            self._missing_topics = None

        await self._until_done(find, TransientError, "topics_not_found")

    async def _until_done(
        self, work: Callable[[], Awaitable[None]], failure: type[Exception], event: str
    ) -> None:
        """Try ``work`` again, with backoff, for as long as it raises ``failure``."""
        attempt = 0
        while True:
            try:
                return await work()
            except failure as error:
                log.warning(event, error=str(error))
                await asyncio.sleep(self._retry_delay(attempt))
                attempt += 1

    def _output_topics(self) -> list[str]:
        settings = self.settings
        return [
            settings.prefixed(topic)
            for topic in (settings.topic_resolved, settings.topic_dead, settings.topic_unmapped)
        ]

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
        if self._missing_topics is not None:
            reasons.append(self._missing_topics)
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
