"""Follows the observations in a group of its own, and writes what the odds of the watched events say.

Theory of operation.

- One leader. Any number of processes run; one has an advisory lock of Postgres and works, the others stand by
  and ask for the lock once a second. The lock lives as long as the leader's connection, and the leader
  writes on that connection alone. So a leader that was frozen while another took over can write nothing more.
- A sample. Events are watched by their number (`window`), within bounds, so one process is enough whatever
  the number of observations.
- A function of what is watched. Evidence, suggestions and alarms are worked out from the watched events and
  the index (`judgement`), and the watched events are stored. So to read observations again adds nothing: an
  event that is seen twice is one event, and a process that is killed anywhere goes on from what is stored.
- Offsets are committed after the events that they stand for are stored. The partitions are assigned by hand:
  there is one reader, and nothing to rebalance. A stale commit makes the next leader read something again.
- At rest most of the time. All work is done in steps, in a thread, and after each step the process rests
  so long that it uses no more than its share of a core.

A process that cannot reach Kafka or Postgres gives the lead up, waits and tries again. It does not exit.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.insight.judging import Judge
from worker.insight.watching.metrics import InsightMetrics
from worker.insight.watching.published_grades import grade_publisher
from worker.insight.watching.reading import ObservationReader, answered
from worker.insight.watching.starts import reading_starts
from worker.insight.watching.stored import (
    UnreadableBoardsError,
    unpack_together,
)
from worker.insight.watching.turns import Judging
from worker.insight.watching.window import MOST_PENDING, MOST_WATCHED, EventWindow, WatchedEvent
from worker.kafka.connections import admin_of, client_connection, prepare_reading
from worker.kafka.listed_offsets import ListedOffsets
from worker.runtime.index.following import LiveMappings
from worker.runtime.index.live import LiveIndex
from worker.runtime.retried_work import RetriedWork
from worker.settings.connected import ConnectedSettings
from worker.storage.access.locks import insight_lock
from worker.storage.engine import opened
from worker.storage.insight import evidence
from worker.storage.lead import leadership

log = structlog.get_logger()

_STOP_S: Final = 5.0
# The server ends the lead of a process that was silent for this long.
_SILENCE_S: Final = 60.0


class Insight(RetriedWork):
    """Watches and judges while it leads."""

    name = "insight"
    stuck = "the insight process neither reads nor judges nor waits nor fails"
    not_begun = "the insight process neither leads nor stands by"

    def __init__(
        self,
        settings: ConnectedSettings,
        judge: Judge,
        metrics: InsightMetrics,
        *,
        retry_delay: Callable[[int], float],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(retry_delay)
        self._settings = settings
        self._judge = judge
        self._metrics = metrics
        self._clock = clock
        self._topics = sorted(settings.topics.observations.values())
        self._reading: ObservationReader | None = None

    def not_ready(self) -> list[str]:
        reading = self._reading
        stopped = (
            [] if reading is None else [*reading.not_opened(), *reading.unreadable.sentences()]
        )
        return [*super().not_ready(), *stopped]

    def _gave_up(self, error: str, attempt: int) -> None:
        self._metrics.lost()
        log.warning("insight_waits", error=error, attempt=attempt)

    def _stand_by(self) -> None:
        self._goes_on()
        self._metrics.stands_by()

    async def _work(self) -> None:
        settings = self._settings
        async with leadership(
            settings.database_url,
            insight_lock(settings.insight_group_id),
            application_name="marketmap-insight",
            silence_s=_SILENCE_S,
            on_standby=self._stand_by,
        ) as connection:
            await self._lead(connection)

    async def _lead(self, connection: AsyncConnection) -> None:
        settings = self._settings
        window = await self._restored(connection)
        index = LiveIndex()
        starts = await self._starts()
        async with (
            opened(
                settings.database_url, application_name="marketmap-insight-index", pool_size=1
            ) as engine,
            self._consumer(starts.offsets) as consumer,
            grade_publisher(settings) as grades,
        ):
            mappings = LiveMappings(
                engine,
                settings.database_url,
                index,
                poll_s=settings.index_poll_s,
                retry_delay=self._retry_delay,
                report=lambda _: None,
            )
            await mappings.load()
            reading = ObservationReader(
                consumer,
                window,
                self._settings,
                self._metrics,
                clock=self._clock,
                starts=starts,
            )
            judging = Judging(
                connection,
                reading,
                grades=grades,
                index=index,
                judge=self._judge,
                settings=settings,
                metrics=self._metrics,
                moved=self.moved,
            )
            self._goes_on()
            self._reading = reading
            self._metrics.leads(window, reading.lag, lambda: reading.unreadable.places)
            log.info("insight_leads", events=window.watched_count)
            try:
                await _first_to_fail(mappings.run(), reading.run(self.moved), judging.run())
            finally:
                self._reading = None

    async def _restored(self, connection: AsyncConnection) -> EventWindow:
        """The events that were watched before."""
        settings = self._settings
        window = EventWindow(
            most_bytes=settings.insight_max_bytes,
            max_age=timedelta(seconds=settings.insight_max_age_s),
        )
        for stored in await evidence.read_events(connection, MOST_WATCHED + MOST_PENDING, books=1):
            try:
                boards = await asyncio.to_thread(unpack_together, stored.event, stored.boards)
            except UnreadableBoardsError as error:
                log.warning("boards_not_read", error=str(error))
                continue
            # A former release kept larger ones.
            packed = {p: one for p, (_, one) in boards.items() if not one.is_too_large}
            if packed:
                window.put(
                    WatchedEvent(stored.event, stored.home, stored.away, stored.starts_at, packed)
                )
        return window

    @asynccontextmanager
    async def _consumer(
        self, starts: Mapping[TopicPartition, int]
    ) -> AsyncIterator[AIOKafkaConsumer]:
        settings = self._settings
        prepare_reading(settings)
        consumer = AIOKafkaConsumer(
            **client_connection(settings),
            group_id=settings.insight_group_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_bytes=settings.batch_max_bytes,
            max_partition_fetch_bytes=settings.max_message_bytes,
        )
        try:
            await answered(consumer.start(), "cannot reach Kafka", settings.admin_timeout_s)
            consumer.assign(sorted(starts))
            for place, offset in starts.items():
                consumer.seek(place, offset)
            yield consumer
        finally:
            with suppress(KafkaError, TimeoutError):  # the client may wait for ever on a broker
                async with asyncio.timeout(_STOP_S):
                    await consumer.stop()

    async def _starts(self) -> ListedOffsets:
        """Where each partition is read from; raises TransientError if no one answers for any."""
        partitions = await admin_of(self._settings).topics.partitions(self._topics)
        listed = await reading_starts(self._settings, partitions, self._clock())
        return listed if listed.offsets else ListedOffsets(listed.of_all(), {})


async def _first_to_fail(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, cancel the others, and raise what that one raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
