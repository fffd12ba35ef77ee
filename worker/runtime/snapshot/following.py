"""Follows `odds.resolved` in a group of its own, and keeps `odds.latest` up to date.

Theory of operation. The group shares the partitions of `odds.resolved` out among the processes. Who has
partition 3 of it writes to partition 3 of `odds.latest`; so both topics need the same number of partitions.
A partition that was assigned is paused, opened (`partition`) and resumed.

- A rebalance waits for the batch in progress. Partitions that come back to the same process stay open.
- Before a partition is opened, an offset is committed: a process that the group has already given up finds
  that out, and does not take the partition away from its successor.
- A partition that cannot be opened stays paused and is tried again later. The others are opened and read, and
  get most of the time, because an attempt may take as long as Kafka takes to answer.
- A transaction that fails closes its partition: it is opened again, and its records are read again. Whether
  another process took it over or the broker did not answer makes no difference.
- A partition whose next records cannot be read is stopped alone, and no process steps over them.
- What the group has committed is only where reading goes on. What is right does not depend on it.

A process that cannot reach Kafka leaves the group, waits and tries again. It does not exit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from worker.domain.errors import FatalError, TransientError
from worker.kafka.client.polls import UnreadableRecordsError
from worker.kafka.client.positions import fetch_positions
from worker.kafka.client.unreadable import UnreadablePartitions
from worker.kafka.connections import admin_of, client_connection, prepare_reading
from worker.kafka.failures import in_words
from worker.kafka.record import RawRecord
from worker.runtime.retried_work import RetriedWork
from worker.runtime.snapshot.metrics import SnapshotMetrics
from worker.runtime.snapshot.partition import LatestPartition, open_partition
from worker.runtime.snapshot.state import PartitionState
from worker.settings.connected import KafkaSettings

log = structlog.get_logger()

_REFUSALS: Final = (GroupAuthorizationFailedError, TopicAuthorizationFailedError)
_POLL_MS: Final = 500
_SWEEP_S: Final = 10.0
_STOP_S: Final = 5.0
# For how long an attempt to open a partition is not repeated, in times of what it took.
_REST: Final = 4
# For how long the end of an event is remembered: longer than records of it can come.
_REMEMBERED: Final = timedelta(days=14)
# The group never removes a member for being slow; the process itself watches whether it makes progress.
_NEVER_MS: Final = 24 * 60 * 60 * 1000


class _NotOpened(NamedTuple):
    """Why a partition cannot be opened, how often that was found again, and when it is tried next."""

    error: str
    attempt: int
    again_at_s: float


class Snapshot(RetriedWork):
    """Keeps the partitions that the group assigns to it."""

    name = "snapshot"
    stuck = "the snapshot process neither reads nor waits nor fails"
    not_begun = "no partition was opened yet"

    def __init__(
        self,
        settings: KafkaSettings,
        metrics: SnapshotMetrics,
        *,
        retry_delay: Callable[[int], float],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(retry_delay)
        self._settings = settings
        self._metrics = metrics
        self._clock = clock
        self._topic = settings.topics.resolved
        self._consumer: AIOKafkaConsumer | None = None
        self._unreadable = UnreadablePartitions()
        self._open: dict[int, LatestPartition] = {}
        self._not_opened: dict[int, _NotOpened] = {}
        self._busy = asyncio.Lock()
        self._swept_at = time.monotonic()
        metrics.watch(
            lambda: len(self._open),
            lambda: sum(each.keys for each in self._open.values()),
            self._lag,
            lambda: self._unreadable.places,
        )

    def _gave_up(self, error: str, attempt: int) -> None:
        self._metrics.failed()
        log.warning("snapshot_waits", error=error, attempt=attempt)

    def not_ready(self) -> list[str]:
        if self.failed is not None:
            return [self.failed]
        if self._consumer is None:
            return ["the group is not joined yet"]
        waiting = {place.partition for place in self._assigned()} - self._open.keys()
        reasons = self._unreadable.sentences()
        latest = self._settings.topics.latest
        for partition in sorted(waiting & self._not_opened.keys()):
            error = self._not_opened[partition].error
            reasons.append(f"{latest}/{partition} cannot be opened: {error}")
        if untried := waiting - self._not_opened.keys():
            reasons.append(f"{len(untried)} partitions are not opened yet")
        if not reasons and not self.has_begun:
            reasons.append("no partition is assigned yet")
        return reasons

    async def _work(self) -> None:
        await self._check_topics()
        settings = self._settings
        prepare_reading(settings)
        consumer = AIOKafkaConsumer(
            **client_connection(settings),
            group_id=settings.snapshot_group_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=round(settings.session_timeout_s * 1000),
            rebalance_timeout_ms=round(settings.rebalance_timeout_s * 1000),
            max_poll_interval_ms=_NEVER_MS,
            fetch_max_bytes=settings.batch_max_bytes,
            max_partition_fetch_bytes=settings.max_message_bytes,
        )
        try:
            consumer.subscribe([self._topic], listener=_Listener(self))
            self._consumer = consumer
            await _answered(consumer.start(), "cannot reach Kafka", settings.admin_timeout_s)
            while True:
                await self._turn(consumer)
        finally:
            self._consumer = None
            self._unreadable = UnreadablePartitions()
            await self._close_all()
            with suppress(KafkaError, TimeoutError):  # the client may wait for ever on a broker
                async with asyncio.timeout(_STOP_S):
                    await consumer.stop()

    async def _check_topics(self) -> None:
        """Raise TransientError unless both topics are there, with the same number of partitions."""
        latest = self._settings.topics.latest
        found = await admin_of(self._settings).topics.partitions([self._topic, latest])
        counts = {
            name: sum(place.topic == name for place in found) for name in (self._topic, latest)
        }
        if counts[self._topic] != counts[latest]:
            raise TransientError(
                f"{latest} has {counts[latest]} partitions, {self._topic} {counts[self._topic]}: they need"
                " the same number (marketmap topics ensure shows the command)"
            )

    async def _turn(self, consumer: AIOKafkaConsumer) -> None:
        self.moved()
        async with self._busy:
            await self._open_assigned(consumer)
        fetched = await _answered(
            self._unreadable.poll(
                consumer, timeout_ms=_POLL_MS, max_records=self._settings.batch_max_records
            ),
            "gets no records",
            self._settings.publish_timeout_s,
        )
        async with self._busy:
            done = await self._take(consumer, fetched)
            await self._commit(consumer, done)
            if time.monotonic() - self._swept_at >= _SWEEP_S:
                self._swept_at = time.monotonic()
                await self._sweep(consumer)

    async def _open_assigned(self, consumer: AIOKafkaConsumer) -> None:
        for place in self._to_open():
            if await self._is_member(consumer, place) and not await self._opens(consumer, place):
                break  # that may have taken long: what is open is read before the next one is tried
        tried = self._open.keys() | self._not_opened.keys()
        if self._assigned() and all(place.partition in tried for place in self._assigned()):
            self._goes_on()

    def _to_open(self) -> list[TopicPartition]:
        """The partitions to be opened now; first those that have not failed."""
        now_s, failed = time.monotonic(), self._not_opened
        places = [
            place
            for place in self._assigned()
            if place.partition not in self._open
            and (place.partition not in failed or failed[place.partition].again_at_s <= now_s)
        ]
        return sorted(places, key=lambda place: (place.partition in failed, place))

    async def _opens(self, consumer: AIOKafkaConsumer, place: TopicPartition) -> bool:
        """Open a partition and read on; False if that cannot be done now."""
        begun_s = time.monotonic()
        state = PartitionState(
            max_ahead=timedelta(seconds=self._settings.max_clock_ahead_s),
            unseen=timedelta(seconds=self._settings.snapshot_unseen_s) or None,
            remembered=_REMEMBERED,
        )
        try:
            opened = await open_partition(
                self._settings, place.partition, state, self._metrics, self.moved
            )
        except (TransientError, UnreadableRecordsError) as error:
            self._put_off(place.partition, str(error), time.monotonic() - begun_s)
            return False
        self._not_opened.pop(place.partition, None)
        self._open[place.partition] = opened
        log.info("snapshot_opened", partition=place.partition, keys=opened.keys)
        with suppress(IllegalStateError):  # assigned to another process by now
            consumer.resume(place)
        return True

    def _put_off(self, partition: int, error: str, took_s: float) -> None:
        before = self._not_opened.get(partition)
        attempt = 0 if before is None else before.attempt + 1
        again_s = max(self._retry_delay(attempt), _REST * took_s)
        self._not_opened[partition] = _NotOpened(error, attempt, time.monotonic() + again_s)
        self._metrics.failed()
        log.warning("snapshot_not_opened", partition=partition, error=error, attempt=attempt)
        self.moved()

    async def _is_member(self, consumer: AIOKafkaConsumer, place: TopicPartition) -> bool:
        """Whether the group still gives us the partition: it takes a commit of ours."""
        try:
            async with asyncio.timeout(self._settings.commit_timeout_s):
                await consumer.commit({place: await consumer.position(place)})
        except (CommitFailedError, IllegalStateError):
            return False
        except _REFUSALS as error:
            raise FatalError(f"Kafka refuses the group: {in_words(error)}") from error
        except (KafkaError, TimeoutError) as error:
            raise TransientError(
                f"the snapshot process cannot commit: {in_words(error)}"
            ) from error
        return True

    async def _take(
        self, consumer: AIOKafkaConsumer, fetched: Mapping[TopicPartition, Sequence[RawRecord]]
    ) -> dict[TopicPartition, int]:
        """Write what is newer; return up to where that was done."""
        now = self._clock()
        work = []
        for place, records in fetched.items():
            each = self._open.get(place.partition)
            if each is None:
                _go_back(consumer, place, records[0].offset)
            else:
                work.append(
                    self._write(consumer, place, records[0].offset, each.take(records, now))
                )
        await asyncio.gather(*work)
        return {
            place: records[-1].offset + 1
            for place, records in fetched.items()
            if place.partition in self._open
        }

    async def _write(
        self,
        consumer: AIOKafkaConsumer,
        place: TopicPartition,
        offset: int | None,
        work: Coroutine[Any, Any, None],
    ) -> None:
        """Do ``work``; if it fails, close the partition and go back to ``offset``."""
        try:
            await work
        except TransientError as error:
            self._metrics.failed()
            log.warning("snapshot_closed", partition=place.partition, error=str(error))
            if offset is not None:
                _go_back(consumer, place, offset)
            await self._close(place.partition)

    async def _commit(self, consumer: AIOKafkaConsumer, done: dict[TopicPartition, int]) -> None:
        if not done:
            return
        try:
            async with asyncio.timeout(self._settings.commit_timeout_s):
                await consumer.commit(done)
        except _REFUSALS as error:
            raise FatalError(f"Kafka refuses the group: {in_words(error)}") from error
        except (KafkaError, TimeoutError) as error:  # the next commit makes up for it
            log.info("commit_failed", error=repr(error))

    async def _sweep(self, consumer: AIOKafkaConsumer) -> None:
        now = self._clock()
        for place in sorted(self._assigned()):
            each = self._open.get(place.partition)
            if each is not None and self._behind(place) == 0:
                await self._write(consumer, place, None, each.sweep(now))

    def _assigned(self) -> set[TopicPartition]:
        return set() if self._consumer is None else set(self._consumer.assignment())

    def _behind(self, place: TopicPartition) -> int | None:
        """How many offsets of a partition are not read yet; None when that is not known."""
        if self._consumer is None or place not in self._assigned():
            return None
        end = self._consumer.last_stable_offset(place)
        position = fetch_positions(self._consumer, [place]).get(place)
        return None if end is None or position is None else max(0, end - position)

    def _lag(self) -> float:
        return float(sum(self._behind(place) or 0 for place in self._assigned()))

    async def _close(self, partition: int) -> None:
        each = self._open.pop(partition, None)
        if each is not None:
            await each.close()

    async def _close_all(self) -> None:
        self._not_opened.clear()
        for partition in list(self._open):
            await self._close(partition)

    async def revoked(self) -> None:
        """Wait for the batch in progress, within a bound; the broker refuses what comes later."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_timeout_s), self._busy:
                pass

    async def assigned(self, places: set[TopicPartition]) -> None:
        """Close what was assigned to others, and pause what is not open yet."""
        if self._consumer is not None:
            self._consumer.pause(*[place for place in places if place.partition not in self._open])
        revoked = (self._open.keys() | self._not_opened.keys()) - {
            place.partition for place in places
        }
        for partition in revoked:
            self._not_opened.pop(partition, None)
            await self._close(partition)


class _Listener(ConsumerRebalanceListener):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    async def on_partitions_revoked(self, revoked: list[TopicPartition]) -> None:
        del revoked
        await self._snapshot.revoked()

    async def on_partitions_assigned(self, assigned: list[TopicPartition]) -> None:
        await self._snapshot.assigned(set(assigned))


def _go_back(consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> None:
    """Read from this offset on once the partition is opened again."""
    with suppress(IllegalStateError):  # assigned to another process by now
        consumer.pause(place)
        consumer.seek(place, offset)


async def _answered(work: Coroutine[Any, Any, Any], what: str, within_s: float) -> Any:
    """Raise TransientError when Kafka does not answer, and FatalError when it refuses us."""
    try:
        async with asyncio.timeout(within_s):
            return await work
    except _REFUSALS as error:
        raise FatalError(f"Kafka refuses the snapshot process: {in_words(error)}") from error
    except (KafkaError, TimeoutError) as error:
        raise TransientError(f"the snapshot process {what}: {in_words(error)}") from error
