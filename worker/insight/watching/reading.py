"""Reads observations into the window.

A partition whose next records cannot be read is stopped alone. It is not stepped over: what it holds is
evidence, which counts events.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, OffsetAndMetadata, TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from worker.domain.errors import FatalError, TransientError
from worker.insight.watching.metrics import InsightMetrics
from worker.insight.watching.observed import Watchman
from worker.insight.watching.starts import reading_starts
from worker.insight.watching.steps import rest_after, timed, within
from worker.insight.watching.window import EventWindow, TooLargeError
from worker.kafka.client.positions import fetch_positions
from worker.kafka.client.unreadable import UnreadablePartitions
from worker.kafka.connections import admin_of
from worker.kafka.failures import in_words
from worker.kafka.listed_offsets import ListedOffsets, in_sentence
from worker.kafka.record import RawRecord
from worker.runtime.planner import clock_guard
from worker.settings.connected import ConnectedSettings

log = structlog.get_logger()

# A commit without metadata is an operator's order to workers, should they ever read in the same group.
SIGNATURE: Final = "insight"

_REFUSALS: Final = (GroupAuthorizationFailedError, TopicAuthorizationFailedError)
_POLL_MS: Final = 500
# Seconds of one step, and one record more: meanwhile whoever stores events waits.
_STEP_S: Final = 0.5
# After so long it is asked again for a partition that nobody answered for.
_AGAIN_S: Final = 60.0


class ObservationReader:
    """Reads observations into the window. ``lock`` is held by whoever uses the window."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        window: EventWindow,
        settings: ConnectedSettings,
        metrics: InsightMetrics,
        *,
        clock: Callable[[], datetime],
        starts: ListedOffsets,
    ) -> None:
        self._consumer = consumer
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._admin = admin_of(settings)
        self._known_at = time.monotonic()
        self._watchman = Watchman(
            clock_guard(settings),
            max_bytes=settings.max_message_bytes,
            max_age=timedelta(seconds=settings.insight_max_age_s),
        )
        self.unreadable = UnreadablePartitions()
        self.window = window
        self.lock = asyncio.Lock()
        # What is too old to be watched is done as well, and committed: nobody is behind by it.
        self._done = dict(starts.offsets)
        self._silent = starts.silent
        self._log_not_opened()

    def not_opened(self) -> list[str]:
        """A sentence for each partition that is left out because nobody answers for it."""
        return [
            f"{place.topic}/{place.partition} is not open, nobody answers for it: {why}"
            for place, why in sorted(self._silent.items())
        ]

    async def run(self, moved: Callable[[], None]) -> None:
        settings = self._settings
        while True:
            await self._find_partitions()
            fetched = await answered(
                self.unreadable.poll(
                    self._consumer, timeout_ms=_POLL_MS, max_records=settings.batch_max_records
                ),
                "gets no records",
                settings.publish_timeout_s,
            )
            moved()
            for place, records in fetched.items():
                taken = 0
                while taken < len(records):
                    step = partial(within, _STEP_S, self._take(records[taken:]))
                    async with self.lock:
                        count, seconds = await asyncio.to_thread(timed, step)
                        taken += count
                        self._done[place] = records[taken - 1].offset + 1
                    moved()
                    await asyncio.sleep(rest_after(seconds, settings.insight_cpu_share))
                    moved()

    def now(self) -> datetime:
        return self._clock()

    def done(self) -> dict[TopicPartition, int]:
        """Up to where everything is in the window."""
        return dict(self._done)

    async def commit(self, done: dict[TopicPartition, int]) -> None:
        """Commit what is stored. A commit that fails is made up for by the next one."""
        if not done:
            return
        signed = {place: OffsetAndMetadata(offset, SIGNATURE) for place, offset in done.items()}
        try:
            async with asyncio.timeout(self._settings.commit_timeout_s):
                await self._consumer.commit(signed)
        except _REFUSALS as error:
            raise FatalError(f"Kafka refuses the group: {in_words(error)}") from error
        except (KafkaError, TimeoutError) as error:
            log.info("commit_failed", error=repr(error))

    def lag(self) -> float:
        """Observations that are not read yet, as far as the client knows."""
        places = self._consumer.assignment()
        positions = fetch_positions(self._consumer, places)
        ends = {place: self._consumer.last_stable_offset(place) for place in places}
        return float(
            sum(
                max(0, (ends[place] or position) - position)
                for place, position in positions.items()
            )
        )

    def _take(self, records: Iterable[RawRecord]) -> Iterator[None]:
        """Take one record after the other."""
        now = self._clock()
        for record in records:
            self._metrics.read()
            seen = self._watchman.see(record, self.window, now)
            if isinstance(seen, str):
                self._metrics.left_out(seen)
            else:
                try:
                    self.window.take(seen)
                except TooLargeError:
                    self._metrics.left_out("large")
            yield

    async def _find_partitions(self) -> None:
        """Read partitions that were added, or that nobody answered for before."""
        again_s = self._settings.metadata_max_age_s
        if time.monotonic() - self._known_at < (
            min(again_s, _AGAIN_S) if self._silent else again_s
        ):
            return
        self._known_at = time.monotonic()
        found = set(
            await self._admin.topics.partitions(self._settings.topics.observations.values())
        )
        assigned = self._consumer.assignment()
        if found == assigned:
            self._silent = {}
            return
        positions = fetch_positions(self._consumer, assigned)
        starts, self._silent = await reading_starts(
            self._settings, found - positions.keys(), self._clock()
        )
        self._log_not_opened()
        goes_on = {place: positions[place] for place in found & positions.keys()} | dict(starts)
        if goes_on.keys() == assigned:
            return
        self._consumer.assign(sorted(goes_on))
        for place, offset in goes_on.items():
            with suppress(IllegalStateError):
                self._consumer.seek(place, offset)
        self._done |= starts

    def _log_not_opened(self) -> None:
        if self._silent:
            log.warning("partitions_not_opened", error=in_sentence(self._silent))


async def answered(work: Awaitable[Any], what: str, within_s: float) -> Any:
    """Raise TransientError when Kafka does not answer, and FatalError when it refuses us."""
    try:
        async with asyncio.timeout(within_s):
            return await work
    except _REFUSALS as error:
        raise FatalError(f"Kafka refuses the insight process: {in_words(error)}") from error
    except (KafkaError, TimeoutError) as error:
        raise TransientError(f"the insight process {what}: {in_words(error)}") from error
