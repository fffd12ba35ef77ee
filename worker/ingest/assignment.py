"""The partitions this worker owns: taken up where the protocol says, given up only when nothing is in flight.

A partition that is assigned is paused, opened in the background (topic id, committed offset with its mark,
watermark), moved to where it is taken up, and resumed. So neither a slow database nor a slow broker is waited
for inside a rebalance. Records of a partition that is not open, or that were fetched before a rebalance, are
dropped: they are fetched again by whoever owns the partition.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from worker.domain.errors import TransientError
from worker.ingest.marks import Committed, Start, mark, start_of
from worker.ingest.record import Partition, Record

log = structlog.get_logger()


class Coordinates(Protocol):
    """What Kafka and the database know of partitions. Each call may raise TransientError."""

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, str]: ...

    async def committed(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, Committed]: ...

    async def watermarks(self, partitions: Sequence[Partition]) -> dict[Partition, int]: ...


@dataclass(slots=True)
class Owned:
    """An open partition: where it is, what is counted, and how far a replay goes (0 when there is none)."""

    partition: Partition
    position: int
    watermark: int
    replay_to: int
    last_timestamp_ms: int = 0


class Lag(NamedTuple):
    """How far a partition is behind: in records, and by the age in seconds of the newest one processed."""

    partition: Partition
    records: int
    seconds: float
    watermark: int


class Assignment(ConsumerRebalanceListener):
    """Which partitions are owned and open; the rebalance listener of the consumer."""

    def __init__(
        self,
        coordinates: Coordinates,
        *,
        drain_timeout_s: float,
        commit_timeout_s: float,
        retry_delay: Callable[[int], float],
        on_change: Callable[[str], None],
        on_fatal: Callable[[BaseException], None],
    ) -> None:
        self._coordinates = coordinates
        self._drain_timeout_s = drain_timeout_s
        self.commit_timeout_s = commit_timeout_s
        self._retry_delay = retry_delay
        self._on_change = on_change
        self._on_fatal = on_fatal
        self._owned: dict[TopicPartition, Owned] = {}
        self._busy = asyncio.Lock()
        self._opening: asyncio.Task[None] | None = None
        self._consumer_now: Callable[[], AIOKafkaConsumer | None] = lambda: None
        self.epoch = 0
        self.assigned = 0
        self.draining = False

    def attach(self, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        """Say where the consumer whose partitions these are is found: it exists only while it is started."""
        self._consumer_now = consumer

    @property
    def consumer(self) -> AIOKafkaConsumer:
        consumer = self._consumer_now()
        if consumer is None:
            raise RuntimeError("the consumer is not started")
        return consumer

    @property
    def owned(self) -> Sequence[Owned]:
        return list(self._owned.values())

    @property
    def is_open(self) -> bool:
        """Whether every assigned partition has been opened; true as well when there is none to open."""
        return self.epoch > 0 and len(self._owned) == self.assigned and not self.draining

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Let the part in flight finish, within a bound; then nothing of these partitions is ours."""
        await self.drain()
        self._owned.clear()
        self.assigned = 0
        self.draining = False
        if revoked:
            self._on_change("revoked")

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.epoch += 1
        self._owned.clear()
        self.assigned = len(assigned)
        self.consumer.pause(*assigned)
        self._on_change("assigned")
        self._opening = asyncio.create_task(self._open_or_die(sorted(assigned), self.epoch))

    async def drain(self) -> bool:
        """Stop opening and stop after the part in flight; false when that took longer than the bound."""
        self.draining = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait({self._opening})
        try:
            async with asyncio.timeout(self._drain_timeout_s):
                await self._busy.acquire()
        except TimeoutError:
            log.warning("drain_timed_out", timeout_s=self._drain_timeout_s)
            self.epoch += 1  # what is in flight may still count, but it no longer commits
            return False
        self._busy.release()
        return True

    @asynccontextmanager
    async def claim(self, records: Sequence[Record]) -> AsyncIterator[Claimed]:
        """Hold the partitions of a fetched batch while it is processed; stale records are left out."""
        async with self._busy:
            yield Claimed(self, self.epoch, [r for group in self._groups(records) for r in group])

    def _groups(self, records: Sequence[Record]) -> Iterable[Sequence[Record]]:
        grouped: dict[TopicPartition, list[Record]] = {}
        for record in records:
            grouped.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
        return [group for place, group in grouped.items() if not self._is_stale(place, group)]

    def _is_stale(self, place: TopicPartition, records: Sequence[Record]) -> bool:
        """Whether records were fetched before the partition was (re)opened: the consumer stands elsewhere.

        It may stand more than one behind the last record: the markers of transactions have offsets, too.
        """
        owned = self._owned.get(place)
        if owned is None or self.draining:
            return True
        state = self.consumer._subscription.subscription.assignment.state_value(place)  # noqa: SLF001  # position() may wait
        if not state.has_valid_position or state.position <= records[-1].offset:
            return True
        return records[0].offset < owned.position

    async def _open_or_die(self, assigned: Sequence[TopicPartition], epoch: int) -> None:
        try:
            await self._open(assigned, epoch)
        except Exception as error:  # noqa: BLE001  # a task that died silently would leave the partitions paused
            self._on_fatal(error)

    async def _open(self, assigned: Sequence[TopicPartition], epoch: int) -> None:
        attempt = 0
        while True:
            try:
                opened = await self._look_up(assigned)
                break
            except (TransientError, KafkaError) as failure:
                delay_s = self._retry_delay(attempt)
                log.warning("partitions_not_opened", error=str(failure), retry_in_s=round(delay_s, 3))
                await asyncio.sleep(delay_s)
                attempt += 1
        if epoch != self.epoch:
            return
        for place, owned in opened.items():
            self.consumer.seek(place, owned.position)
            self._owned[place] = owned
        self.consumer.resume(*assigned)
        self._on_change("opened")

    async def _look_up(self, assigned: Sequence[TopicPartition]) -> dict[TopicPartition, Owned]:
        ids = await self._coordinates.topic_ids({place.topic for place in assigned})
        partitions = {place: Partition(place.topic, place.partition, ids[place.topic]) for place in assigned}
        watermarks = await self._coordinates.watermarks(list(partitions.values()))
        committed = await self._coordinates.committed(assigned)
        log_starts = await self.consumer.beginning_offsets(list(assigned)) if assigned else {}
        opened = {}
        for place, partition in partitions.items():
            watermark = watermarks[partition]
            start = start_of(committed.get(place), watermark, log_starts[place])
            _log_start(partition, start, watermark, committed.get(place))
            opened[place] = Owned(partition, start.position, watermark, start.replay_to)
        return opened

    def lags(self, now_s: float) -> list[Lag]:
        return [self._lag(place, owned, now_s) for place, owned in self._owned.items()]

    def _lag(self, place: TopicPartition, owned: Owned, now_s: float) -> Lag:
        behind = max(0, (self.consumer.highwater(place) or 0) - owned.position)
        seconds = (
            max(0.0, now_s - owned.last_timestamp_ms / 1000) if behind and owned.last_timestamp_ms else 0.0
        )
        return Lag(owned.partition, behind, seconds, owned.watermark)


class Claimed:
    """The records of a batch that may be processed, while their partitions are held."""

    def __init__(self, assignment: Assignment, epoch: int, records: Sequence[Record]) -> None:
        self.records = records
        self._assignment = assignment
        self._epoch = epoch
        self._partitions = {
            (owned.partition.topic, owned.partition.partition): owned for owned in assignment.owned
        }

        self._newest = {(record.topic, record.partition): record.timestamp for record in records}

    @property
    def is_over(self) -> bool:
        return self._assignment.draining or self._assignment.epoch != self._epoch

    def partition_of(self, record: Record) -> Partition:
        return self._partitions[record.topic, record.partition].partition

    def watermarks(self, of: Iterable[Partition]) -> dict[Partition, int]:
        return {at: self._partitions[at.topic, at.partition].watermark for at in of}

    def watermarks_are(self, current: dict[Partition, int]) -> None:
        for at, watermark in current.items():
            self._partitions[at.topic, at.partition].watermark = watermark

    async def commit(self, ends: dict[Partition, int]) -> None:
        """Commit the offsets after a batch. One that cannot be committed any more is left to the next owner,
        who finds the watermark ahead of the commit.
        """
        offsets = {}
        for at, end in ends.items():
            owned = self._partitions[at.topic, at.partition]
            owned.position = end
            owned.last_timestamp_ms = self._newest[at.topic, at.partition]
            offsets[TopicPartition(at.topic, at.partition)] = OffsetAndMetadata(
                end, mark(end, owned.replay_to)
            )
        if self._assignment.epoch != self._epoch:
            return
        try:
            async with asyncio.timeout(self._assignment.commit_timeout_s):
                await self._assignment.consumer.commit(offsets)
        except TimeoutError:
            log.warning("commit_timed_out", timeout_s=self._assignment.commit_timeout_s)
        except (CommitFailedError, IllegalStateError) as error:
            log.warning("commit_came_too_late", error=str(error))
        except KafkaError as error:
            log.warning("commit_failed", error=repr(error))


def _log_start(partition: Partition, start: Start, watermark: int, committed: Committed | None) -> None:
    log.info(
        "partition_opened",
        topic=partition.topic,
        partition=partition.partition,
        topic_id=partition.topic_id,
        case=start.case,
        position=start.position,
        watermark=watermark,
        committed=None if committed is None else committed.offset,
        replay_to=start.replay_to or None,
    )
