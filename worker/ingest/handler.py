"""The road of a batch: publish, await every ack (P); move the watermarks and count in one transaction (D);
commit the offsets with a mark (K). What can go wrong in each step is the business of the object that does it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Generic, NamedTuple, Protocol, Self, TypeVar

import structlog

from schemas import DeadReason
from worker.domain.errors import FatalError
from worker.domain.index import MappingIndex
from worker.domain.misses import Tally
from worker.ingest.partitions.assignment import Assignment
from worker.ingest.partitions.claim import ClaimedBatch
from worker.ingest.planning.ahead import FetchingAhead, Indexes, PlanAhead
from worker.ingest.planning.brake import Brake, BrakeError, Limits, RecordOutcome, Tripped
from worker.ingest.planning.plan import CountedShare, MarketCount, Plan, Planner, joined, parts
from worker.kafka.record import Partition, Record, size_of

log = structlog.get_logger()

_REFUSED: Final[DeadReason] = "DATABASE_REFUSED"
_NO_BRAKE: Final = Limits(consecutive=0, ratio=0, window=1)

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)


class OutputSender(Protocol[T_contra]):
    async def send(self, outputs: Sequence[T_contra]) -> None:
        """Publish and await every acknowledgement."""


class WatermarksMovedError(Exception):
    """Somebody else moved a watermark meanwhile: nothing was counted. ``current`` says where they are."""

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

        Returns when it is done, however long the database is away. Raises WatermarksMovedError, and then
        nothing was written, when a watermark is not at its expected offset. Raises CountsRefusedError, and
        again nothing was written, when it is the values that the database will not take.
        """


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a batch did and how long each step took, in seconds; ``observations`` by platform."""

    records: int
    bytes: int
    seconds: dict[str, float]
    observations: Counter[str]
    outcomes: Counter[MarketCount]
    dead: Counter[DeadReason]
    conflicts: int


class _Part(NamedTuple, Generic[T]):
    """Consecutive records of a batch, and what is to be done for them."""

    records: Sequence[Record]
    plan: Plan[T]


class BatchHandler(Generic[T]):
    """Carries records along the road of a batch; they are planned a bounded number of bytes at a time.

    While a batch is counted and committed, the next one is fetched from ``ahead`` and planned; nothing of
    it is published before.
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
        brake: Brake | None = None,
    ) -> None:
        self._assignment = assignment
        self._indexes = indexes
        self._planner = planner
        self._outputs = outputs
        self._counts = counts
        self._part_max_bytes = part_max_bytes
        self._report = report
        self._planning = PlanAhead(planner, indexes, ahead, part_max_bytes)
        self._brake = brake or Brake(_NO_BRAKE)

    async def handle(self, records: Sequence[Record]) -> None:
        """Process a fetched batch, or what of it is published when its partitions are to be given up."""
        async with self._assignment.claim(records) as claimed:
            try:
                await self._process(claimed, self._indexes.current)  # one batch sees one version
            except BrakeError as error:
                self._tell(error.tripped)
                raise

    async def _process(self, claimed: ClaimedBatch, index: MappingIndex) -> None:
        clock = _StepClock()
        published, stopped = await self._publish(claimed, index, clock)
        if published:
            with self._planning.ahead(claimed):
                await self._settle(published, claimed, index, clock)
        if stopped is not None:
            raise stopped

    def _tell(self, tripped: Tripped) -> None:
        at, limit, first_offset, reasons = tripped
        log.error(
            "brake_tripped",
            topic=at.topic,
            partition=at.partition,
            limit=limit,
            first_offset=first_offset,
            reasons=dict(reasons),
        )
        self._report(tripped)

    async def _publish(
        self, claimed: ClaimedBatch, index: MappingIndex, clock: _StepClock
    ) -> tuple[list[_Part[T]], BrakeError | None]:
        """P, part by part: one is planned while the one before it is being published.

        Ends early when the partitions are to be given up, and before a part that trips the brake. All that is
        given back is acknowledged.
        """
        published: list[_Part[T]] = []
        async with _InTurn() as turn:
            for records in parts(claimed.records, self._part_max_bytes):
                plan = None if claimed.is_over else await self._plan(records, claimed, index)
                clock.lap("plan")
                if plan is None or claimed.is_over:
                    break
                try:
                    self._brake.check(plan.share.verdicts)
                except BrakeError as error:
                    return published, error
                await turn.take(partial(self._outputs.send, plan.outputs))
                clock.lap("publish")
                published.append(_Part(records, plan))
        clock.lap("publish")
        return published, None

    async def _settle(
        self,
        published: Sequence[_Part[T]],
        claimed: ClaimedBatch,
        index: MappingIndex,
        clock: _StepClock,
    ) -> None:
        """D and K, for all that is published."""
        records = [record for part in published for record in part.records]
        plan = joined([part.plan for part in published])
        conflicts, refused = await self._count(plan.share, records, claimed, index)
        clock.lap("count")
        await claimed.commit(plan.ends)
        clock.lap("commit")
        size = size_of(records)
        dead = plan.dead + Counter({_REFUSED: refused})
        self._report(
            BatchReport(
                len(records), size, clock.seconds, plan.observations, plan.outcomes, dead, conflicts
            )
        )

    async def _plan(
        self, records: Sequence[Record], claimed: ClaimedBatch, index: MappingIndex
    ) -> Plan[T]:
        placed = [(record, claimed.partition_of(record)) for record in records]
        return await self._planning.plan(placed, index)

    async def _count(
        self,
        share: CountedShare,
        records: Sequence[Record],
        claimed: ClaimedBatch,
        index: MappingIndex,
    ) -> tuple[int, int]:
        """Count what the database takes, in record order; the records that it refuses become dead letters.

        A share that is refused is halved and planned anew until the records at fault stand alone, so each of
        them costs about log2(records) further transactions, and no neighbour its counts. Returns how often a
        watermark had moved meanwhile, and how many records were refused.
        """
        conflicts, refused, waiting = 0, 0, [(share, records)]
        while waiting:
            share, records = waiting.pop()
            try:
                conflicts += await self._count_together(share, claimed)
            except CountsRefusedError as error:
                if len(records) > 1:
                    middle = len(records) // 2
                    halves = records[middle:], records[:middle]
                    waiting += [
                        ((await self._plan(half, claimed, index)).share, half) for half in halves
                    ]
                    continue
                share = await self._give_up(share.verdicts[0], records[0], error.detail)
                conflicts += await self._count_together(share, claimed)
                refused += 1
            self._brake.settle(share.verdicts)
        return conflicts, refused

    async def _give_up(self, verdict: RecordOutcome, record: Record, detail: str) -> CountedShare:
        """Publish the dead letter of a record that the database refuses; what is left to count: nothing."""
        at, offset, _ = verdict
        given_up = verdict._replace(dead=_REFUSED)
        self._brake.check([given_up])
        log.warning(
            "counts_refused", topic=at.topic, partition=at.partition, offset=offset, error=detail
        )
        await self._outputs.send([self._planner.refused(record, at, detail)])
        return CountedShare([given_up], ())

    async def _count_together(self, share: CountedShare, claimed: ClaimedBatch) -> int:
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


class _InTurn:
    """Runs one thing beside what the block does; the next one, and the end of the block, wait for it."""

    def __init__(self) -> None:
        self._under_way: asyncio.Future[None] | None = None

    async def take(self, work: Callable[[], Awaitable[None]]) -> None:
        await self._done()
        self._under_way = asyncio.ensure_future(work())

    async def _done(self) -> None:
        if self._under_way is not None:
            await self._under_way

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if failed is None:
            await self._done()
        elif self._under_way is not None:
            self._under_way.cancel()


class _StepClock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._since = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] += now - self._since
        self._since = now
