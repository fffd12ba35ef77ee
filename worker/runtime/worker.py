"""The worker put together: the only file that knows everything. Linear on purpose."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final

import structlog
from aiokafka import TopicPartition
from faststream import FastStream

from worker.domain.errors import TransientError
from worker.ingest.consumer import FetchedRecord, Fetching, application, consume, handle_with
from worker.ingest.handler import BatchHandler, BatchReport
from worker.ingest.partitions.assignment import Assignment
from worker.ingest.planning.brake import Brake, Limits
from worker.ingest.planning.recall import IS_COMPILED, make_planner
from worker.kafka.client.positions import fetch_positions
from worker.kafka.connections import admin_of, broker_connection, client_connection, prepare_reading
from worker.kafka.producer import Outputs
from worker.kafka.record import Outgoing
from worker.kafka.retrying import jittered_backoff
from worker.kafka.topic_specs import largest_output
from worker.runtime.announcer import Announcer
from worker.runtime.coordinates import PartitionLookup
from worker.runtime.counting import LedgerWriter
from worker.runtime.encoder import make_encoder
from worker.runtime.index.covering import cover_changes
from worker.runtime.index.following import LiveMappings, Swap
from worker.runtime.index.live import LiveIndex
from worker.runtime.liveness.allocator import keep_freed_memory
from worker.runtime.liveness.deadman import deadman
from worker.runtime.liveness.outlook import InHand, ProgressProbe
from worker.runtime.liveness.watchdog import Awaited, Progress, Watchdog
from worker.runtime.process import Stop, background, end_in_order, ended, signals, until_done
from worker.runtime.relay.relay import Relay
from worker.runtime.relay.relay_metrics import RelayMetrics
from worker.runtime.telemetry.health import HealthServer
from worker.runtime.telemetry.metrics import Metrics
from worker.runtime.telemetry.status import Index, Own, StatusPage
from worker.runtime.telemetry.totals import Totals
from worker.runtime.telemetry.tracing import tracing
from worker.settings.connected import ConnectedSettings
from worker.storage.engine import create_engine
from worker.storage.errors import StorageUnavailable
from worker.storage.ledger import Ledger

log = structlog.get_logger()

# Planning runs in a thread. At Python's own 5 ms, the event loop would wait that long for each of its turns.
_THREAD_TURN_S: Final = 0.0005
# A batch is planned in so many parts: one while the one before it is being published.
_PARTS: Final = 4
# Records leave next to no cycles; looking for some at every 700 new objects takes a twentieth of the time.
_COLLECT_AT: Final = 10_000
# After the time for the whole shutdown, so much later the process is ended from outside the event loop.
_LAST_RESORT_S: Final = 2.0


class Worker:
    """One worker: start is ready or raises, stop is bounded and may be called twice."""

    def __init__(self, settings: ConnectedSettings) -> None:
        self.settings = settings
        self.stop_reason = Stop()
        self.metrics = Metrics()
        self._totals = Totals(time.monotonic())
        self._tracing = tracing(settings)
        retry_delay = jittered_backoff()
        self._engine = create_engine(settings.database_url)
        self._ledger = Ledger(
            self._engine, settings.group_id, most_new=settings.max_new_markets_per_hour
        )
        self._index = LiveIndex()
        self._mappings = LiveMappings(
            self._engine,
            settings.database_url,
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
            self._ledger,
            self._outputs,
            settings.topics.unmapped,
            retry_delay=retry_delay,
        )
        self._counting = LedgerWriter(
            self._ledger,
            retry_delay=retry_delay,
            on_retry=self.metrics.retried,
            on_first_sighting=self._announcer.wake,
            on_overflow=self.metrics.overflowed,
        )
        self._admin = admin_of(settings)
        self._missing_topics: str | None = None
        self._assignment = Assignment(
            PartitionLookup(self._admin, self._counting, settings.group_id),
            drain_timeout_s=settings.drain_timeout_s,
            commit_timeout_s=settings.commit_timeout_s,
            retry_delay=retry_delay,
            on_change=self._rebalanced,
            on_fatal=self.stop_reason.fail,
            on_opening=self.metrics.opened,
            on_drain=self.metrics.drained,
            on_truncation=settings.on_truncation,
        )
        self._in_hand = InHand()
        self._app = self._consumer_application()
        self._outlook = self._outlook_on_work()
        self._watchdog = Watchdog(
            self._look,
            Progress(settings.stall_timeout_s, settings.watchdog_interval_s + self._look_timeout_s),
            interval_s=settings.watchdog_interval_s,
            on_verdict=self.metrics.progress,
        )
        self.health = HealthServer(
            settings.http_host,
            settings.http_port,
            self.metrics,
            not_ready=self._not_ready,
            notes=self._notes,
            stalled=self._watchdog.stalled,
            not_started=self._not_started,
            status=StatusPage(self._engine, self._own_status).html,
        )
        self._retry_delay = retry_delay
        self._relay: Relay | None = None
        self._has_started = False
        self._abandoned = False

    async def run(self) -> int:
        """Run until a signal or a fatal error; the exit code.

        0: it was asked to stop, and finished the batch in hand. 1: it failed, or gave a batch up unfinished.
        """
        sys.setswitchinterval(_THREAD_TURN_S)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(signals(self.stop_reason.ask))
            guard = stack.enter_context(deadman(self.settings.stall_timeout_s))
            stack.push_async_callback(self._stop)
            try:
                await self._start(stack)
                await self.stop_reason.wait()
            except Exception as error:  # noqa: BLE001  # whatever it is: a log line that says so, and exit code 1
                self.stop_reason.fail(error)
            guard.last(self.settings.shutdown_timeout_s + _LAST_RESORT_S)
        return 0 if self.stop_reason.error is None and not self._abandoned else 1

    async def _start(self, stack: AsyncExitStack) -> None:
        await self.health.start()
        log.info("listening", address=self.health.address)
        await stack.enter_async_context(background(self._watchdog.run, self.stop_reason.fail))
        if not await self.stop_reason.comes_after(self._load_index()):
            return
        self.metrics.show_age(lambda: self._mappings.age_s)
        await stack.enter_async_context(background(self._mappings.run, self.stop_reason.fail))
        if not await self.stop_reason.comes_after(self._find_topics()):
            return
        if not await self.stop_reason.comes_after(self._outputs.start()):
            return
        self.metrics.watch(self._assignment)
        # All that is loaded by now stays. Visiting it in every full collection would stop the event loop for
        # 60 ms at a time, and take a third of the throughput.
        gc.freeze()
        gc.set_threshold(_COLLECT_AT)
        keep_freed_memory()
        self._outlook.expects_partitions = True
        if not await self.stop_reason.comes_after(self._app.start()):
            return
        check = partial(self._assignment.keep_checking, self.settings.watchdog_interval_s)
        await stack.enter_async_context(background(check, self.stop_reason.fail))
        await stack.enter_async_context(background(self._announcer.run, self.stop_reason.fail))
        if self.settings.relay_in_worker:
            self._relay = Relay(
                self.settings,
                RelayMetrics(self.metrics.registry),
                retry_delay=self._retry_delay,
                on_published=partial(cover_changes, self._engine),
            )
            await stack.enter_async_context(background(self._relay.run, self.stop_reason.fail))
        log.info(
            "worker_started",
            group=self.settings.group_id,
            topics=list(self.settings.topics.observations.values()),
            recall=IS_COMPILED,
        )

    def _consumer_application(self) -> FastStream:
        settings = self.settings
        prepare_reading(settings)
        app = application(
            settings.kafka_bootstrap_servers,
            settings.client_id,
            broker_connection(settings),
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
        broker: Any = app.broker
        subscriber, ahead = consume(
            broker,
            list(settings.topics.observations.values()),
            settings.group_id,
            fetching,
            self._assignment,
            on_fatal=self.stop_reason.fail,
        )
        handler: BatchHandler[Outgoing] = BatchHandler(
            assignment=self._assignment,
            indexes=self._index,
            planner=make_planner(
                make_encoder(settings), max_message_bytes=settings.max_message_bytes
            ),
            outputs=self._outputs,
            counts=self._counting,
            part_max_bytes=max(1, settings.batch_max_bytes // _PARTS),
            report=self._part_done,
            ahead=ahead,
            brake=Brake(
                Limits(settings.brake_consecutive, settings.brake_ratio, settings.brake_window)
            ),
            on_brake=self.metrics.braked,
        )
        handle_with(subscriber, self._never_raising(handler.handle))
        self._assignment.attach(lambda: subscriber.consumer)
        self._subscriber = subscriber
        return app

    def _outlook_on_work(self) -> ProgressProbe:
        return ProgressProbe(
            self._admin,
            self._assignment,
            self._in_hand,
            topics=list(self.settings.topics.observations.values()),
            handed_over=self._handed_over,
            database_blocks=lambda: (
                not self._index.is_loaded or self._counting.blocked_by is not None
            ),
            on_blocked=self.metrics.blocked,
            timeout_s=self._look_timeout_s,
        )

    @property
    def _look_timeout_s(self) -> float:
        """A question to the cluster ends after half of it; should the client not keep its word, we do."""
        return 2 * self.settings.admin_timeout_s

    def _handed_over(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        consumer = self._subscriber.consumer
        return {} if consumer is None else fetch_positions(consumer, places)

    async def _look(self) -> list[Awaited]:
        standings = await self._outlook.look()
        if self._relay is not None:
            standings += self._relay.standings()
        return standings

    def _never_raising(
        self, handle: Callable[[Sequence[FetchedRecord]], Awaitable[None]]
    ) -> Callable[[Sequence[FetchedRecord]], Awaitable[None]]:
        """No exception may leave the handler: FastStream would go on and commit over the batch."""

        async def guarded(records: Sequence[FetchedRecord]) -> None:
            try:
                with self._in_hand.held(), self._tracing.batch(records):
                    await handle(records)
            except Exception as error:  # noqa: BLE001  # whatever it is, the process stops with the batch undone
                self.stop_reason.fail(error)
                await asyncio.Event().wait()

        return guarded

    def _part_done(self, report: BatchReport) -> None:
        self._in_hand.part_done()
        self.metrics.batch(report)
        self._totals.add(report, time.monotonic())

    def _rebalanced(self, kind: str) -> None:
        self._has_started = self._has_started or kind == "opened"
        self.metrics.rebalanced(kind)

    def _index_swapped(self, swap: Swap) -> None:
        self.metrics.index_swapped(self._index, swap)

    async def _load_index(self) -> None:
        await until_done(
            self._mappings.load, StorageUnavailable, self._retry_delay, "index_not_loaded"
        )

    async def _find_topics(self) -> None:
        """Wait for every topic: the consumer's own start would wait 40 s for a missing one, then fail."""
        wanted = [*self.settings.topics.observations.values(), *self._output_topics()]

        async def find() -> None:
            try:
                await self._admin.topics.ids(wanted)
            except TransientError as error:
                self._missing_topics = str(error)
                raise
            self._missing_topics = None

        await until_done(find, TransientError, self._retry_delay, "topics_not_found")

    def _output_topics(self) -> list[str]:
        return self.settings.topics.outputs

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
        reasons += [stopped.sentence for stopped in self._assignment.stopped]
        return reasons

    def _not_started(self) -> list[str]:
        """Why it has not begun to work; once it has, nothing, whatever happens later."""
        return [] if self._has_started else self._not_ready()

    def _notes(self) -> list[str]:
        silence = self._outlook.silence
        return [*self._mappings.notes(), *([] if silence is None else [silence])]

    def _own_status(self) -> Own:
        return Own(
            group=self.settings.group_id,
            against=[*self._not_ready(), *self._watchdog.stalled()],
            notes=self._notes(),
            books=self._totals.books(),
            rates=self._totals.rates(time.monotonic()),
            dead=self._totals.dead.most_common(),
            lags=self._assignment.lags(time.time()),
            mappings=self._index_in_use(),
        )

    def _index_in_use(self) -> Index | None:
        if not self._index.is_loaded:
            return None
        index = self._index.current
        return Index(index.version, index.size, len(self._index.unusable), self._mappings.age_s)

    async def _stop(self) -> None:
        begun_s = time.monotonic()
        self._abandoned = True
        await ended("batch in hand", self._drain(), self.settings.shutdown_timeout_s)
        parts = {
            "consumer": self._app.stop,
            "producer": self._outputs.stop,
            "database": self._engine.dispose,
            "endpoints": self.health.stop,
            "tracing": self._tracing.stop,
        }
        await end_in_order(parts, begun_s + self.settings.shutdown_timeout_s - time.monotonic())
        log.info("worker_stopped", batch_abandoned=self._abandoned)

    async def _drain(self) -> None:
        self._abandoned = not await self._assignment.drain()
