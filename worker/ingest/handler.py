"""What is done with a batch of records, step by step: P, D, K.

    claim    the records of partitions that are ours and open; stale ones are dropped
    P        plan the records under one mapping index, publish what comes of them, and await every ack
    D        one transaction: move each partition's watermark from where we believe it is, and add the counts
    K        commit the offsets, each with our mark

The order is what makes counts exact. After P and before D, a crash publishes again, under the same ids, and
counts once. After D and before K, the next owner starts at the watermark. If another worker has moved a
watermark meanwhile (D compares before it sets), only what is not counted yet is counted.

A batch is made of polls (`polls`). Each poll is planned in parts of a bounded number of bytes: one part is
planned in a thread while the one before it is published. So records are published as they come, and counted
together about once a second.

While D and K run, the next batch is published (P); its own D begins when they have ended. So there are two
batches in progress at most, and each step is done in the order of the batches.

    batch 1   P P P P  D K
    batch 2            P P P P  D K

A crash then publishes again what both have published. One claim holds the partitions for all of them. It
ends, with nothing in flight, when nothing has come while its last batch was counted; when partitions are
revoked; when the brake stops a partition or the database has refused records; and when the logs are to be
looked at.

What can go wrong:
- Partitions are revoked in the middle: what is published by then is still counted and committed, the rest is
  left to the next owner (`claimed.is_over`).
- The database is unavailable: ``counts.add`` waits; the batch is held for as long as that takes, and so is
  the next one, once it is published.
- The database refuses values: the batch is split in half, in order, until the record at fault is alone. It
  becomes a dead letter, and every other record is counted. See `_count`.
- Too many dead letters in a partition: the brake stops it before the part that would bring it to a limit. The
  other partitions of the batch go on. See `_plan_part` and `brake`. It learns of records that the database
  refuses when they are counted: what the next batch has published by then may be more than the limit.
- Anything else is an exception that ends the process. Nothing needs repair: what was not committed is read
  again.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Generic, NamedTuple, Protocol, Self, TypeVar

import structlog

from schemas import DeadReason
from worker.domain.errors import FatalError
from worker.domain.index import MappingIndex
from worker.domain.misses import Tally
from worker.ingest.in_turn import InTurn
from worker.ingest.partitions.assignment import Assignment
from worker.ingest.partitions.claim import PartitionClaim
from worker.ingest.planning.brake import Brake, BrakeTrial, Limits, RecordOutcome, Tripped
from worker.ingest.planning.plan import (
    CountedShare,
    MarketCount,
    Plan,
    Planner,
    combine,
    joined,
    parts,
)
from worker.ingest.polls import SINGLE_POLLS, BatchLimits, FetchingAhead, Polls
from worker.ingest.reading.field_samples import FieldSample, FieldSampler
from worker.kafka.record import Partition, Record, size_of

log = structlog.get_logger()

_REFUSED: Final[DeadReason] = "DATABASE_REFUSED"
_NO_BRAKE: Final = Limits(consecutive=0, ratio=0, window=1)

# The partitions that the brake stops in a claim. Their records from there on are left alone.
_Stops = dict[Partition, Tripped]

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class Indexes(Protocol):
    @property
    def current(self) -> MappingIndex: ...


class OutputSender(Protocol[T_contra]):
    async def send(self, outputs: Sequence[T_contra]) -> None:
        """Publish and await every acknowledgement."""


class WatermarksMovedError(Exception):
    """Another worker moved a watermark meanwhile: nothing was counted. ``current`` says where they are."""

    def __init__(self, current: dict[Partition, int]) -> None:
        super().__init__(f"{len(current)} watermarks are not where they were expected")
        self.current = current


class CountsRefusedError(Exception):
    """The database refuses these counts and always will; nothing was written.

    ``detail`` is the SQLSTATE and the database's sentence.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Counts(Protocol):
    async def add(self, moves: Sequence[tuple[Partition, int, int]], counts: Tally) -> None:
        """In one transaction: move each watermark (partition, expected, next) and add the counts.

        Returns when it is done, however long the database is unavailable. Nothing is written when it raises:
        WatermarksMovedError when a watermark is not at its expected offset, CountsRefusedError when the
        database does not accept the values.
        """


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a batch did and how long each step took, in seconds.

    ``observations``, their ``ages`` when Kafka took them (in seconds) and ``recalled`` (markets of
    ``outcomes`` that were recalled) are by platform.
    ``samples`` are of some of its records, now and then.
    """

    records: int
    bytes: int
    seconds: dict[str, float]
    observations: Counter[str]
    outcomes: Counter[MarketCount]
    dead: Counter[DeadReason]
    conflicts: int
    ages: Mapping[str, Sequence[float]] = field(default_factory=dict)
    recalled: Counter[str] = field(default_factory=Counter)
    samples: Sequence[FieldSample] = ()


class _Part(NamedTuple, Generic[T]):
    """Consecutive records of a batch, and what is to be done for them."""

    records: Sequence[Record]
    plan: Plan[T]

    def without_outputs(self) -> Self:
        """What is kept until it is counted: the outputs are as large as the records, and published."""
        return self._replace(plan=replace(self.plan, outputs=()))


class _StepClock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._since = time.perf_counter()

    def skip(self) -> None:
        """Count the time since the last step for none: it was spent waiting for records."""
        self._since = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] += now - self._since
        self._since = now


@dataclass
class _Run(Generic[T]):
    """What the batches of a claim have in common.

    ``trial`` has seen all that is published. ``stops`` are of partitions of which nothing more is published,
    ``uncounted`` those of them of which nothing more is counted, either: their next record is refused.
    ``is_ending``: no further batch is begun, for the database has refused records that the trial took for
    resolved.
    """

    claimed: PartitionClaim
    counting: InTurn
    trial: BrakeTrial
    stops: _Stops = field(default_factory=dict)
    uncounted: _Stops = field(default_factory=dict)
    is_ending: bool = False

    @property
    def goes_on(self) -> bool:
        return not (self.stops or self.is_ending or self.counting.has_failed)


@dataclass
class _Batch(Generic[T]):
    """A batch: the records that were taken into it, and what of them is published."""

    index: MappingIndex
    taken: list[Record] = field(default_factory=list)
    published: list[_Part[T]] = field(default_factory=list)
    clock: _StepClock = field(default_factory=_StepClock)


class _Settled(NamedTuple):
    """What was counted of published records.

    ``ends``: by partition, the offset after the last record that is counted. ``refused``: how many records
    became dead letters because the database refuses them. ``conflicts``: how often a watermark had moved.
    """

    ends: Mapping[Partition, int]
    refused: int
    conflicts: int


class BatchHandler(Generic[T]):
    """Takes batches through P, D and K. ``ahead`` fetches the next poll while one is processed.

    ``limits`` bound what is counted together; without ``ahead``, that is one poll at a time.
    ``around`` is entered with the first poll of each batch, and left when the batch is to be counted.
    ``sampler`` looks for fields that nobody reads; None looks for none.
    """

    def __init__(
        self,
        *,
        assignment: Assignment,
        indexes: Indexes,
        planner: Planner[T],
        outputs: OutputSender[T],
        counts: Counts,
        part_max_bytes: int,
        report: Callable[[BatchReport | Tripped], None],
        ahead: FetchingAhead | None = None,
        limits: BatchLimits = SINGLE_POLLS,
        brake: Brake | None = None,
        around: Callable[[Sequence[Record]], AbstractContextManager[object]] = nullcontext,
        sampler: FieldSampler | None = None,
    ) -> None:
        self._assignment = assignment
        self._indexes = indexes
        self._planner = planner
        self._outputs = outputs
        self._counts = counts
        self._part_max_bytes = part_max_bytes
        self._report = report
        self._polls = Polls(assignment, ahead, limits)
        self._brake = brake or Brake(_NO_BRAKE)
        self._around = around
        self._sampler = sampler
        self._planning = asyncio.Lock()

    async def handle(self, records: Sequence[Record]) -> None:
        """Process a fetched poll and those that follow on it, batch after batch.

        If partitions are revoked meanwhile, only what is published by then is counted and committed.
        """
        async with self._assignment.claim(records) as claimed:
            for at, state in claimed.taken_brakes().items():
                self._brake.restore(at, state, claimed.position_of(at))
            await self._process(claimed)

    async def _process(self, claimed: PartitionClaim) -> None:
        async with InTurn() as counting:
            run = _Run[T](claimed, counting, self._brake.trial())
            poll = claimed.first
            while poll:
                with self._around(poll):
                    # No name here for the batch: it would keep its records while the next one is published.
                    await counting.take(partial(self._settle, await self._publish(poll, run), run))
                poll = await self._polls.next_first(claimed, counting, lambda: run.goes_on)
        for tripped in run.stops.values():
            await self._stop(tripped, claimed)

    async def _publish(self, first: Sequence[Record], run: _Run[T]) -> _Batch[T]:
        """P, part by part: one is planned while the one before it is being published.

        Ends early when the partitions are revoked. Partitions that the brake stops are noted in the run;
        then no further poll is taken in. Everything that is returned as published is acknowledged.
        """
        claimed = run.claimed
        batch = _Batch[T](self._indexes.current)  # one batch sees one version
        clock = batch.clock

        def goes_on() -> bool:
            return run.goes_on and self._indexes.current is batch.index

        async with InTurn() as sending:
            async for poll in self._polls.of(first, claimed, run.counting, goes_on):
                batch.taken += poll
                clock.skip()
                for records in parts(poll, self._part_max_bytes):
                    if claimed.is_over:
                        break
                    part = await self._plan_part(records, batch.index, run)
                    clock.lap("plan")
                    if _is_over(claimed):
                        break
                    if part.records:
                        await sending.take(partial(self._outputs.send, part.plan.outputs))
                        clock.lap("publish")
                        batch.published.append(part.without_outputs())
            clock.skip()
        clock.lap("publish")
        return batch

    async def _plan_part(
        self, records: Sequence[Record], index: MappingIndex, run: _Run[T]
    ) -> _Part[T]:
        """Plan a part without the records of partitions that are stopped, or are to be stopped in it."""
        wanted = _without(run.stops, records, run.claimed)
        plan = await self._plan(wanted, run.claimed, index)
        tripped = run.trial.add(plan.share.verdicts)
        if tripped:
            run.stops = {each.at: each for each in tripped} | run.stops
            wanted = _without(run.stops, wanted, run.claimed)
            plan = await self._plan(wanted, run.claimed, index)
        return _Part(wanted, plan)

    async def _settle(self, batch: _Batch[T], run: _Run[T]) -> None:
        """D and K, for everything of a batch that is published."""
        if batch.published:
            await self._count_and_commit(batch, run)
        run.claimed.release(batch.taken)

    async def _count_and_commit(self, batch: _Batch[T], run: _Run[T]) -> None:
        claimed, clock = run.claimed, batch.clock
        clock.skip()
        records = [record for part in batch.published for record in part.records]
        plan = joined([part.plan for part in batch.published])
        settled = await self._count(plan.share, records, batch.index, run)
        clock.lap("count")
        await claimed.commit(settled.ends, records)
        clock.lap("commit")
        if settled.ends != plan.ends:  # the brake has stopped a partition over refused counts
            records = [
                record
                for record in records
                if record.offset < settled.ends.get(claimed.partition_of(record), 0)
            ]
            plan = await self._plan(records, claimed, batch.index)
        self._report(
            BatchReport(
                records=len(records),
                bytes=size_of(records),
                seconds=clock.seconds,
                observations=plan.observations,
                outcomes=plan.outcomes,
                dead=plan.dead + Counter({_REFUSED: settled.refused}),
                conflicts=settled.conflicts,
                ages=plan.ages,
                recalled=plan.recalled,
                samples=await self._samples(records, plan),
            )
        )

    async def _samples(self, records: Sequence[Record], plan: Plan[T]) -> Sequence[FieldSample]:
        """Look for fields that nobody reads, when it is time to."""
        sampler, platforms = self._sampler, plan.observations
        if sampler is None or not sampler.is_due(platforms):
            return ()
        return await asyncio.to_thread(sampler.look, records, platforms)

    async def _plan(
        self, records: Sequence[Record], claimed: PartitionClaim, index: MappingIndex
    ) -> Plan[T]:
        """Plan in a thread: a hostile record can take seconds, and the loop must send heartbeats.

        A planner plans in one thread at a time.
        """
        placed = [(record, claimed.partition_of(record)) for record in records]
        async with self._planning:
            return await asyncio.to_thread(lambda: combine(self._planner.plan_all(placed, index)))

    async def _count(
        self, share: CountedShare, records: Sequence[Record], index: MappingIndex, run: _Run[T]
    ) -> _Settled:
        """Count what the database takes, in record order; the records that it refuses become dead letters.

        A share that is refused is split in half and planned again, until the records at fault are alone. Each
        of them costs about log2(records) more transactions, and no other record its counts. Where the brake
        stops a partition over one of them, nothing is counted from there on: the next owner begins there.
        """
        claimed = run.claimed
        ends: dict[Partition, int] = {}
        refused = conflicts = 0
        waiting = [(share, records)]  # a stack: the first records are on top
        while waiting:
            share, records = waiting.pop()
            remaining = _without(run.uncounted, records, claimed)
            if len(remaining) < len(records):
                records, share = remaining, (await self._plan(remaining, claimed, index)).share
            if not records:
                continue
            try:
                conflicts += await self._count_together(share, claimed)
            except CountsRefusedError as error:
                run.is_ending = True
                if len(records) > 1:
                    middle = len(records) // 2
                    for half in (records[middle:], records[:middle]):
                        half_plan = await self._plan(half, claimed, index)
                        waiting.append((half_plan.share, half))
                    continue
                outcome = share.verdicts[0]._replace(dead=_REFUSED)
                tripped = self._brake.trial().add([outcome])
                if tripped:  # it stays uncounted and uncommitted: the next owner publishes it again
                    run.uncounted |= {each.at: each for each in tripped}
                    run.stops |= run.uncounted
                    continue
                await self._publish_refused(outcome, records[0], error.detail)
                share = CountedShare([outcome], (), {outcome.at: outcome.offset + 1})
                conflicts += await self._count_together(share, claimed)
                refused += 1
            self._brake.settle(share.verdicts)
            ends |= share.ends
        return _Settled(ends, refused, conflicts)

    async def _publish_refused(self, outcome: RecordOutcome, record: Record, detail: str) -> None:
        """Publish the dead letter of a record whose counts the database refuses."""
        log.warning(
            "counts_refused",
            topic=outcome.at.topic,
            partition=outcome.at.partition,
            offset=outcome.offset,
            error=detail,
        )
        await self._outputs.send([self._planner.refused(record, outcome.at, detail)])

    async def _stop(self, tripped: Tripped, claimed: PartitionClaim) -> None:
        log.error(
            "brake_tripped",
            topic=tripped.at.topic,
            partition=tripped.at.partition,
            limit=tripped.limit,
            first_offset=tripped.first_offset,
            reasons=dict(tripped.reasons),
        )
        self._report(tripped)
        await claimed.stop(tripped.at, tripped.sentence, self._brake.state(tripped.at))

    async def _count_together(self, share: CountedShare, claimed: PartitionClaim) -> int:
        """Count what is not counted yet in one transaction; how often a watermark had moved meanwhile."""
        conflicts = 0
        while True:
            ends = share.ends
            expected = claimed.watermarks(ends)
            moves = [(at, expected[at], max(expected[at], end)) for at, end in sorted(ends.items())]
            counts = await asyncio.to_thread(self._planner.tally, share.sightings_from(expected))
            try:
                await self._counts.add(moves, counts)
            except WatermarksMovedError as moved:
                claimed.watermarks_are(moved.current)
                conflicts += 1
            except CountsRefusedError as error:
                if counts:
                    raise
                raise FatalError(
                    f"the database refuses watermarks without counts: {error}"
                ) from error
            else:
                claimed.watermarks_are({at: end for at, _, end in moves})
                return conflicts


def _is_over(claimed: PartitionClaim) -> bool:
    """A function, because a type checker takes the property for unchanged after an await."""
    return claimed.is_over


def _without(stops: _Stops, records: Sequence[Record], claimed: PartitionClaim) -> Sequence[Record]:
    """The records of partitions that are not to be stopped."""
    if not stops:
        return records
    return [record for record in records if claimed.partition_of(record) not in stops]
