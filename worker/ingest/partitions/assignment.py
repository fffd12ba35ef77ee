"""The partitions this worker owns: opened where the protocol says, released only when nothing is in flight.

A partition is in one of four states:

    assigned --> being opened --> open --> stopped
                      ^            |          |
                      '------------'----------'   looked up again when its log has changed

- Being opened: it is paused, and looked up in the background: topic id, committed offset with its mark,
  watermark, bounds of the log. `starts` decides where reading begins. So no rebalance waits for a slow
  database or broker. A partition that nobody answers for, because its brokers are away, is looked up again
  and again; those that were looked up with it are opened.
- Open: its records are fetched and processed.
- Stopped: it is assigned to us and not read until an operator acts; the other partitions go on. Its log ends
  below what is counted (TRUNCATED), its next records cannot be read (UNREADABLE), or too many of its records
  are dead letters (BRAKE). Nothing beyond the stop is committed, so the next owner, after a restart or a
  rebalance, reads up to the same place and comes to the same verdict.

What can go wrong, and what is done:
- A rebalance takes partitions away while batches are processed. Revoking waits, within a bound, until what is
  published is committed. If that takes too long, ``epoch`` moves on: it may still be counted, but nothing is
  committed. The next owner then starts at the watermark.
- Records were fetched before the rebalance, or before a partition was opened again. They are stale: the
  client's position says so. They are dropped, and whoever owns the partition fetches them again.
- The log changes under an open partition: the topic is created again, retention deletes the next record, the
  end moves back. A fetch does not report that (the client silently continues elsewhere), so each batch and a
  periodic check compare offsets with the log. Such a partition is opened again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata

from worker.domain.errors import TransientError
from worker.ingest.partitions.claim import PartitionClaim
from worker.ingest.partitions.opening import Opening, OpeningFacts, log_opening, look_up
from worker.ingest.partitions.owned import Lag, OpenPartition, StoppedPartition
from worker.ingest.partitions.starts import OnTruncation
from worker.kafka.client.polls import UnreadableRecordsError
from worker.kafka.client.positions import fetch_positions
from worker.kafka.listed_offsets import in_sentence
from worker.kafka.record import Committed, Record

log = structlog.get_logger()


class Rebalanced(NamedTuple):
    """A step of a rebalance: partitions were assigned, opened or revoked."""

    kind: Literal["assigned", "opened", "revoked"]


class Drained(NamedTuple):
    """The end of a drain: how long the batch in progress took, and whether it finished in time."""

    seconds: float
    finished: bool


class Assignment(ConsumerRebalanceListener):
    """Which partitions are owned and open; the rebalance listener of the consumer."""

    def __init__(
        self,
        coordinates: OpeningFacts,
        *,
        drain_timeout_s: float,
        commit_timeout_s: float,
        retry_delay: Callable[[int], float],
        report: Callable[[Rebalanced | Opening | Drained], None],
        on_fatal: Callable[[BaseException], None],
        on_truncation: OnTruncation = "stop",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._coordinates = coordinates
        self._drain_timeout_s = drain_timeout_s
        self._commit_timeout_s = commit_timeout_s
        self._retry_delay = retry_delay
        self._report = report
        self._on_fatal = on_fatal
        self._on_truncation = on_truncation
        self._clock = clock
        self._owned: dict[TopicPartition, OpenPartition] = {}
        self._stopped: dict[TopicPartition, StoppedPartition] = {}
        self._truncated: dict[TopicPartition, Opening] = {}
        self._silent: dict[TopicPartition, str] = {}
        self._busy = asyncio.Lock()
        self._waiting = 0
        self._openings: dict[asyncio.Task[None], set[TopicPartition]] = {}
        self._commits: set[asyncio.Timeout] = set()
        self._consumer_now: Callable[[], AIOKafkaConsumer | None] = lambda: None
        self._drain_begun = asyncio.Event()
        self.epoch = 0
        self.assigned = 0

    def attach(self, consumer: Callable[[], AIOKafkaConsumer | None]) -> None:
        """Say where the consumer whose partitions these are is found: it exists only while it is started."""
        self._consumer_now = consumer

    @property
    def draining(self) -> bool:
        """Whether nothing more is to be begun: the partitions are being revoked, or the process ends."""
        return self._drain_begun.is_set()

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for the end of the claim: it is to take no further records in."""
        return self._waiting > 0

    async def until_drained(self) -> None:
        """Return when nothing more is to be begun."""
        await self._drain_begun.wait()

    @property
    def consumer(self) -> AIOKafkaConsumer:
        consumer = self._consumer_now()
        if consumer is None:
            raise RuntimeError("the consumer is not started")
        return consumer

    @property
    def owned(self) -> Sequence[OpenPartition]:
        """The partitions that are open and read."""
        return [owned for place, owned in self._owned.items() if place not in self._stopped]

    @property
    def stopped(self) -> Sequence[StoppedPartition]:
        """The partitions that are not read until somebody acts."""
        return list(self._stopped.values())

    @property
    def is_open(self) -> bool:
        """Whether every assigned partition has been opened; true as well when there is none to open."""
        opened = self._owned.keys() | self._stopped.keys()
        return self.epoch > 0 and len(opened) == self.assigned and not self.draining

    @property
    def not_opened(self) -> Mapping[TopicPartition, str]:
        """The partitions that cannot be opened because nobody answers for them, and in words why."""
        return dict(sorted(self._silent.items()))

    @property
    def is_settled(self) -> bool:
        """Whether every assigned partition is open, or known to be one that nobody answers for."""
        done = self._owned.keys() | self._stopped.keys() | self._silent.keys()
        return self.epoch > 0 and len(done) == self.assigned and not self.draining

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Let what is published be counted, within a bound; then nothing of these partitions is ours."""
        await self.drain()
        self._forget(0)
        self._drain_begun.clear()
        if revoked:
            self._report(Rebalanced("revoked"))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.epoch += 1
        self._forget(len(assigned))
        self._report(Rebalanced("assigned"))
        self._start_opening(sorted(assigned))

    def _forget(self, assigned: int) -> None:
        self._owned.clear()
        self._stopped.clear()
        self._truncated.clear()
        self._silent.clear()
        self.assigned = assigned

    def _give_up(self) -> None:
        """The group has given the partitions to others: what is already fetched of them is theirs, too.

        ``assigned`` stays, so the worker is not ready until the client has rejoined and was assigned again.
        """
        self.epoch += 1
        self._forget(self.assigned)

    def stop(self, stopped: StoppedPartition, epoch: int) -> None:
        """Read no more of an open partition, unless it was revoked since ``epoch``."""
        place = TopicPartition(stopped.partition.topic, stopped.partition.partition)
        if epoch != self.epoch or place not in self._owned:
            return
        self.consumer.pause(place)
        self._stopped[place] = stopped
        log.error(
            "partition_stopped",
            topic=place.topic,
            partition=place.partition,
            cause=stopped.cause,
            position=self._owned[place].position,
            error=stopped.sentence,
        )

    def stop_unreadable(self, place: TopicPartition, failure: UnreadableRecordsError) -> None:
        """Stop a partition whose next records cannot be read. Records before them are still processed."""
        if place not in self._owned or self._consumer_position(place) != failure.offset:
            return  # it was revoked, or is read elsewhere by now
        sentence = f"{place.topic}/{place.partition} is stopped: {failure}"
        partition = self._owned[place].partition
        self.stop(StoppedPartition(partition, "UNREADABLE", sentence), self.epoch)

    async def drain(self) -> bool:
        """Stop opening, and stop after the part that is being published.

        False if that took longer than the bound.
        """
        begun_s = time.monotonic()
        finished = await self._finish()
        if self.assigned:
            self._report(Drained(time.monotonic() - begun_s, finished))
        return finished

    async def _finish(self) -> bool:
        self._drain_begun.set()
        openings = set(self._openings)
        for opening in openings:
            opening.cancel()
        if openings:
            await asyncio.wait(openings)
        try:
            async with asyncio.timeout(self._drain_timeout_s):
                await self._busy.acquire()
        except TimeoutError:
            log.warning("drain_timed_out", timeout_s=self._drain_timeout_s)
            self.epoch += 1  # what is in flight may still count, but it no longer commits
            for commit in self._commits:
                commit.reschedule(0)
            return False
        self._busy.release()
        return True

    @asynccontextmanager
    async def _unclaimed(self) -> AsyncIterator[None]:
        """While nothing is in flight.

        A claim may go on for ever, so it takes no further records in while somebody waits here.
        """
        self._waiting += 1
        try:
            await self._busy.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._busy.release()

    @asynccontextmanager
    async def claim(self, records: Sequence[Record]) -> AsyncIterator[PartitionClaim]:
        """Hold the partitions while a fetched poll, and what follows on it, is processed.

        Stale records are left out, and those of a partition whose log has changed: when the next offset is
        not there, the client silently goes to the log's start. Such a partition is looked up again.
        """
        async with self._busy:
            epoch = self.epoch
            groups = self._fresh(records)
            positions = {place: self._owned[place].position for place in groups}
            changed = await self._changed(groups, positions)
            if epoch != self.epoch or self.draining:
                groups = {}
            elif changed:
                self._reopen(changed)
            taken: list[Record] = []
            for place, group in groups.items():
                if place not in changed:
                    taken += group
            claimed = PartitionClaim(self, epoch, self._owned.values(), taken)
            self._note_reached()
            yield claimed

    async def extend(self, claimed: PartitionClaim, records: Sequence[Record]) -> bool:
        """Add the records of the next poll to a claim that is held.

        False, and nothing is added, if any of them needs a look first: it is stale, of a partition that was
        opened since, or not the next one of its log. The next claim looks.
        """
        groups = _by_place(records)
        positions = claimed.positions(groups)
        if positions is None or any(self._is_stale(place, groups[place]) for place in groups):
            return False
        if await self._changed(groups, positions) or claimed.is_over:
            return False
        claimed.add(records)
        self._note_reached()
        return True

    def _note_reached(self) -> None:
        """Note where the client is; all that it has handed over is taken in."""
        for place, position in fetch_positions(self.consumer, self._owned).items():
            self._owned[place].reached = position

    async def keep_checking(self, interval_s: float) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(interval_s)
            await self.check_topic_ids()

    async def check_topic_ids(self) -> None:
        """Look up again each partition whose topic has another id, or whose log no longer holds its position.

        For what a fetch does not report: a topic created again with as many records as before, a log that was
        emptied, retention that deleted the records a partition was stopped at. If the cluster is unavailable,
        the next call does it. Truncated partitions are looked up each time.
        """
        before = {place: owned.position for place, owned in self._owned.items()}
        places = [*before, *self._truncated]
        if not places:
            return
        try:
            ids = await self._coordinates.topic_ids({place.topic for place in places})
            log_starts, no_start = await self._coordinates.log_starts(places)
            log_ends, no_end = await self._coordinates.high_watermarks(list(log_starts))
        except TransientError as failure:
            log.warning("logs_not_checked", error=str(failure))
            return
        if no_start or no_end:
            log.warning("logs_not_checked", error=in_sentence({**no_start, **no_end}))

        def has_changed(place: TopicPartition) -> bool:
            if ids[place.topic] != self._owned[place].partition.topic_id:
                return True
            if place not in log_ends:
                return False  # nobody answers for it: the next check does it
            return log_ends[place] < before[place] or self._is_deleted(place, log_starts[place])

        def changed() -> list[TopicPartition]:
            return [place for place in before.keys() & self._owned.keys() if has_changed(place)]

        # Waiting for the end of the claim holds publishing up, so that is only done to look something up.
        if not changed() and not self._truncated_and_not_being_opened():
            return
        async with self._unclaimed():
            if not self.draining:
                self._reopen([*changed(), *self._truncated_and_not_being_opened()])

    def _is_deleted(self, place: TopicPartition, log_start: int) -> bool:
        """Whether retention has deleted the next record, and reading does not pass it by itself."""
        if log_start <= self._owned[place].position:
            return False
        return place in self._stopped or log_start <= self._consumer_position(place)

    def _truncated_and_not_being_opened(self) -> list[TopicPartition]:
        being_opened = {place for places in self._openings.values() for place in places}
        return [place for place in self._truncated if place not in being_opened]

    def _fresh(self, records: Sequence[Record]) -> dict[TopicPartition, list[Record]]:
        return {
            place: group
            for place, group in _by_place(records).items()
            if not self._is_stale(place, group)
        }

    def _is_stale(self, place: TopicPartition, records: Sequence[Record]) -> bool:
        """Whether records were fetched before the partition was (re)opened, or stopped by the brake.

        The consumer is elsewhere then. Its position may be more than one after the last record: the markers
        of transactions have offsets, too.
        """
        if place not in self._owned or self.draining:
            return True
        if place in self._stopped and self._stopped[place].cause == "BRAKE":
            return True
        return self._consumer_position(place) <= records[-1].offset

    def _consumer_position(self, place: TopicPartition) -> int:
        """The offset after what the client has handed over; -1 while it has no position."""
        return fetch_positions(self.consumer, [place]).get(place, -1)

    async def _changed(
        self,
        groups: Mapping[TopicPartition, Sequence[Record]],
        positions: Mapping[TopicPartition, int],
    ) -> list[TopicPartition]:
        """The partitions whose log may have changed: their records do not follow on the positions."""
        gone_back = [place for place, group in groups.items() if group[0].offset < positions[place]]
        jumped = {
            place: positions[place]
            for place, group in groups.items()
            if group[0].offset > positions[place]
        }
        return [*gone_back, *await self._fallen_behind(jumped)]

    async def _fallen_behind(self, jumped: Mapping[TopicPartition, int]) -> list[TopicPartition]:
        """The partitions whose next record was deleted before it was read.

        A jump alone says nothing: compaction and the markers of transactions leave gaps, too.
        """
        if not jumped:
            return []
        try:
            async with asyncio.timeout(self._commit_timeout_s):
                log_starts, silent = await self._coordinates.log_starts(jumped)
        except (TransientError, TimeoutError) as failure:
            log.warning("log_starts_not_known", error=str(failure))
            return list(jumped)  # looking it up waits until it is known
        if silent:
            log.warning("log_starts_not_known", error=in_sentence(silent))
        return [
            place
            for place, position in jumped.items()
            if place in silent or position < log_starts[place]
        ]

    def _reopen(self, places: Sequence[TopicPartition]) -> None:
        if not places:
            return
        for place in places:
            self._owned.pop(place, None)
            if place not in self._truncated:
                self._stopped.pop(place, None)
        self._start_opening(places)

    def _start_opening(self, places: Sequence[TopicPartition]) -> None:
        self.consumer.pause(*places)
        unopened = set(places)
        opening = asyncio.create_task(self._open_or_die(unopened, self.epoch))
        self._openings[opening] = unopened
        opening.add_done_callback(self._openings.pop)

    async def _open_or_die(self, unopened: set[TopicPartition], epoch: int) -> None:
        try:
            await self._open_each(unopened, epoch)
        except Exception as error:  # noqa: BLE001  # a task that died silently would leave the partitions paused
            self._on_fatal(error)

    async def _open_each(self, unopened: set[TopicPartition], epoch: int) -> None:
        """Open what can be opened, and take it out of ``unopened``, until nothing is left.

        A partition that nobody answers for waits alone: the others are read meanwhile.
        """
        attempt = 0
        while True:
            failure = await self._try_to_open(unopened, epoch)
            if epoch != self.epoch or failure is None:
                return
            delay_s = self._retry_delay(attempt)
            log.warning("partitions_not_opened", error=failure, retry_in_s=round(delay_s, 3))
            await asyncio.sleep(delay_s)
            attempt += 1

    async def _try_to_open(self, unopened: set[TopicPartition], epoch: int) -> str | None:
        """Open what can be opened now. Return why not all is open; None when it is."""
        try:
            openings, silent = await look_up(
                self._coordinates, sorted(unopened), self._on_truncation
            )
        except (TransientError, KafkaError) as failure:
            return str(failure)
        if epoch != self.epoch:
            return None
        for place in unopened:
            self._silent.pop(place, None)
        self._silent |= silent
        if openings or not silent:
            await self._open(openings, epoch)
        unopened.intersection_update(silent)
        return in_sentence(silent) if silent else None

    async def _open(self, openings: Sequence[Opening], epoch: int) -> None:
        truncated = {opening.place: opening for opening in openings if opening.start.is_stopped}
        readable = [opening for opening in openings if not opening.start.is_stopped]
        for opening in openings:
            self._report_once(opening)
        for opening in readable:
            self.consumer.seek(opening.place, opening.start.position)
        await self.commit({at.place: at.commit for at in openings if at.commit is not None}, epoch)
        if epoch != self.epoch:
            return
        for opening in openings:
            self._stopped.pop(opening.place, None)
            self._truncated.pop(opening.place, None)
        self._truncated |= truncated
        for place, opening in truncated.items():
            if opening.stopped is not None:
                self._stopped[place] = opening.stopped
        self._owned |= {opening.place: self._opened(opening) for opening in readable}
        self.consumer.resume(*(opening.place for opening in readable))
        self._report(Rebalanced("opened"))

    def _opened(self, opening: Opening) -> OpenPartition:
        start = opening.start
        return OpenPartition(
            partition=opening.partition,
            position=start.position,
            watermark=start.watermark,
            replay_to=start.replay_to,
            opened_at_s=self._clock(),
            brake=opening.brake,
        )

    def _report_once(self, opening: Opening) -> None:
        before = self._truncated.get(opening.place)
        if before is not None and before.start == opening.start:
            return  # it is still stopped, and that is already reported
        log_opening(opening)
        self._report(opening)

    async def commit(self, offsets: Mapping[TopicPartition, Committed], epoch: int) -> None:
        """Commit, unless the partitions were revoked since ``epoch``.

        What can no longer be committed is left to the next owner: the watermark is ahead of the commit.
        """
        if epoch != self.epoch or not offsets:
            return
        commits = {
            place: OffsetAndMetadata(committed.offset, committed.metadata)
            for place, committed in offsets.items()
        }
        bound = asyncio.timeout(self._commit_timeout_s)
        try:
            async with bound:
                self._commits.add(bound)
                await self.consumer.commit(commits)
        except TimeoutError:
            log.warning("commit_timed_out", timeout_s=self._commit_timeout_s)
        except (CommitFailedError, IllegalStateError) as error:
            log.warning("commit_came_too_late", error=str(error))
            self._give_up()
        except KafkaError as error:
            log.warning("commit_failed", error=repr(error))
        finally:
            self._commits.discard(bound)

    def lags(self, now_s: float) -> list[Lag]:
        return [self._lag(place, owned, now_s) for place, owned in self._owned.items()]

    def _lag(self, place: TopicPartition, owned: OpenPartition, now_s: float) -> Lag:
        behind = max(0, (self.consumer.highwater(place) or 0) - self.position_of(place))
        since_s = owned.last_timestamp_ms / 1000 if owned.last_timestamp_ms else owned.opened_at_s
        return Lag(
            owned.partition, behind, max(0.0, now_s - since_s) if behind else 0.0, owned.watermark
        )

    def position_of(self, place: TopicPartition) -> int:
        """Up to where an open partition is processed.

        When nothing is in progress, that is the client's position: the marker of a transaction comes after
        its last record. Of a stopped partition, the client may have fetched more than is processed.
        """
        owned = self._owned[place]
        if place in self._stopped:
            return owned.position
        if self._busy.locked():
            return owned.processed_to
        return max(owned.position, self._consumer_position(place))


def _by_place(records: Sequence[Record]) -> dict[TopicPartition, list[Record]]:
    grouped: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        grouped.setdefault((record.topic, record.partition), []).append(record)
    return {TopicPartition(*place): group for place, group in grouped.items()}
