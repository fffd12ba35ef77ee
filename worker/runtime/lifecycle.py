"""The life of a worker: start, run until there is a reason to stop, stop within a bound.

Start. The steps are in this order because each needs the one before it:

1. Endpoints and watchdog. From here on probes get an answer that says what is missing.
2. The mapping index. Without it every market would be a miss. Before it is loaded, the database has to prove
   that a connection is a session: behind a pooler that shares sessions the worker would miss notifications.
3. The topics. The consumer's own start would wait 40 s for a missing topic, then fail.
4. The producer.
5. The consumer joins the group. From here on partitions are opened and batches are handled.
6. Background work: checks of the partitions, announcements of first sightings, a relay if one is wanted.

A step waits for a server that is unavailable. There is no timeout: the worker is not ready and says why. The
only thing that ends such a wait is a reason to stop.

Stop. There is one `Stop`. Signals ask for it, and whatever fails for good reports its error to it; the first
reason counts. Then the parts end in the opposite order. First the batch in progress is finished, because its
records are published already and only counting makes that final. If it does not finish in time, it is
abandoned: another worker will read the same records and publish them again, under the same ids.

Every step of the stop has a bound, and the whole has `shutdown_timeout_s`. The bounds need a running event
loop, so a deadman outside the loop ends the process a little later, should the loop hang.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from faststream import FastStream
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.domain.errors import TransientError
from worker.ingest.consumer import FetchedRecord
from worker.ingest.partitions.assignment import Assignment
from worker.ingest.planning.recall import IS_COMPILED
from worker.kafka.producer import Outputs
from worker.runtime.announcer import Announcer
from worker.runtime.index.following import LiveMappings
from worker.runtime.liveness.allocator import keep_freed_memory
from worker.runtime.liveness.deadman import deadman
from worker.runtime.liveness.outlook import BatchProgress, ProgressProbe
from worker.runtime.liveness.snapshots import SnapshotWatch
from worker.runtime.liveness.watchdog import Watchdog
from worker.runtime.process import Stop, background, end_in_order, ended, signals, until_done
from worker.runtime.readiness import RequiredTopics
from worker.runtime.relay.publishing import Relay
from worker.runtime.telemetry.health import HealthServer
from worker.runtime.telemetry.metrics import Metrics
from worker.runtime.telemetry.tracing import Tracing
from worker.settings.connected import ConnectedSettings
from worker.storage.access.sessions import require_sessions
from worker.storage.errors import StorageUnavailable

log = structlog.get_logger()

# Planning runs in a thread. At Python's own 5 ms, the event loop would wait that long for each of its turns.
_THREAD_TURN_S: Final = 0.0005
# Records leave next to no cycles, and of a second of small ones about 100,000 objects are kept until they are
# counted. Looking for cycles among them at every 10,000 new ones takes a twentieth of the time.
_COLLECT_AT: Final = 100_000
# The deadman ends the process this long after the time for the whole shutdown.
_LAST_RESORT_S: Final = 2.0

Handle = Callable[[Sequence[FetchedRecord]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerParts:
    """What a worker consists of, wired together and not started."""

    stop: Stop
    metrics: Metrics
    tracing: Tracing
    engine: AsyncEngine
    mappings: LiveMappings
    topics: RequiredTopics
    outputs: Outputs
    assignment: Assignment
    application: FastStream
    announcer: Announcer
    relay: Relay | None
    probe: ProgressProbe
    watchdog: Watchdog
    snapshots: SnapshotWatch
    health: HealthServer


class Worker:
    """One worker: the start is ready or raises, the stop is bounded and may be called twice."""

    def __init__(
        self,
        settings: ConnectedSettings,
        parts: WorkerParts,
        *,
        retry_delay: Callable[[int], float],
    ) -> None:
        self._settings = settings
        self._parts = parts
        self._retry_delay = retry_delay
        self._abandoned = False

    async def run(self) -> int:
        """Run until a signal or a fatal error; return the exit code.

        0: it was asked to stop, and finished the batch in progress. 1: it failed, or abandoned a batch.
        """
        stop = self._parts.stop
        sys.setswitchinterval(_THREAD_TURN_S)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(signals(stop.ask))
            guard = stack.enter_context(deadman(self._settings.stall_timeout_s))
            stack.push_async_callback(self._stop)
            try:
                await self._start(stack)
                await stop.wait()
            except Exception as error:  # noqa: BLE001  # whatever it is: a log line that says so, and exit code 1
                stop.fail(error)
            guard.last(self._settings.shutdown_timeout_s + _LAST_RESORT_S)
        return 0 if stop.error is None and not self._abandoned else 1

    async def _start(self, stack: AsyncExitStack) -> None:
        """Start the parts; return early, with the rest not started, if there is a reason to stop."""
        parts, stop = self._parts, self._parts.stop

        async def run_in_background(work: Callable[[], Awaitable[None]]) -> None:
            await stack.enter_async_context(background(work, stop.fail))

        await parts.health.start()
        log.info("listening", address=parts.health.address)
        await run_in_background(parts.watchdog.run)

        if not await stop.comes_after(self._require_sessions()):
            return
        if not await stop.comes_after(self._load_index()):
            return
        parts.metrics.show_age(lambda: parts.mappings.age_s)
        await run_in_background(parts.mappings.run)

        if not await stop.comes_after(self._find_topics()):
            return
        if not await stop.comes_after(parts.outputs.start()):
            return

        parts.metrics.watch(parts.assignment)
        _settle_memory()
        parts.probe.expects_partitions = True
        if not await stop.comes_after(parts.application.start()):
            return

        check_interval_s = self._settings.watchdog_interval_s
        await run_in_background(partial(parts.assignment.keep_checking, check_interval_s))
        await run_in_background(parts.announcer.run)
        await run_in_background(parts.snapshots.run)
        if parts.relay is not None:
            await run_in_background(parts.relay.run)
        log.info(
            "worker_started",
            group=self._settings.group_id,
            topics=list(self._settings.topics.observations.values()),
            recall=IS_COMPILED,
        )

    async def _require_sessions(self) -> None:
        require = partial(require_sessions, self._settings.database_url)
        await until_done(require, StorageUnavailable, self._retry_delay, "index_not_loaded")

    async def _load_index(self) -> None:
        load = self._parts.mappings.load
        await until_done(load, StorageUnavailable, self._retry_delay, "index_not_loaded")

    async def _find_topics(self) -> None:
        find = self._parts.topics.find
        await until_done(find, TransientError, self._retry_delay, "topics_not_found")

    async def _stop(self) -> None:
        parts = self._parts
        deadline_s = time.monotonic() + self._settings.shutdown_timeout_s
        self._abandoned = True
        await ended("batch in progress", self._drain(), self._settings.shutdown_timeout_s)
        in_this_order = {
            "consumer": parts.application.stop,
            "producer": parts.outputs.stop,
            "database": parts.engine.dispose,
            "endpoints": parts.health.stop,
            "tracing": parts.tracing.stop,
        }
        await end_in_order(in_this_order, deadline_s - time.monotonic())
        log.info("worker_stopped", batch_abandoned=self._abandoned)

    async def _drain(self) -> None:
        self._abandoned = not await self._parts.assignment.drain()


def never_raising(handle: Handle, *, batch_progress: BatchProgress, stop: Stop) -> Handle:
    """Wrap the handler so that no exception leaves it: FastStream would go on and commit past the batch.

    After an error the wrapped handler does not return either. The batch stays uncommitted, nothing more is
    fetched, and the process stops.
    """

    async def guarded(records: Sequence[FetchedRecord]) -> None:
        try:
            with batch_progress.held():
                await handle(records)
        except Exception as error:  # noqa: BLE001  # whatever it is, the process stops and the batch is not done
            stop.fail(error)
            await asyncio.Event().wait()

    return guarded


def _settle_memory() -> None:
    """Exempt from garbage collection all that is loaded by now, and keep freed memory for the next batch.

    What is loaded stays. Visiting it in every full collection would stop the event loop for 60 ms at a time,
    and take a third of the throughput.
    """
    gc.freeze()
    gc.set_threshold(_COLLECT_AT)
    keep_freed_memory()
