"""Planning in threads, and in advance: the next batch is planned while the current one is counted.

A planner serves one thread at a time, so everything here goes through one lock (`_one`). While a batch is
counted and committed, `ahead` waits for the fetch that runs at that time, plans its records part by part, and
keeps the verdicts. When the records come, `plan` takes the verdicts that are there and makes the others.

What can go wrong is that the records that come are not those that were planned: a rebalance moved partitions,
the position was set back, the index was swapped. So a verdict is used only for the same record object, in the
same partition, under the same index; otherwise the record is planned again. Nothing depends on a verdict that
was made in advance, and nothing of it is published before its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

import structlog

from worker.domain.index import MappingIndex
from worker.ingest.partitions.claim import ClaimedBatch
from worker.ingest.planning.plan import Plan, Planned, Planner, combine, parts
from worker.kafka.record import Partition, Record

log = structlog.get_logger()

T = TypeVar("T")

_Placed = Sequence[tuple[Record, Partition]]
_Verdicts = dict[tuple[Partition, int], tuple[Record, MappingIndex, Planned[T]]]


class Indexes(Protocol):
    @property
    def current(self) -> MappingIndex: ...


class FetchingAhead(Protocol):
    def begin(self) -> asyncio.Task[Sequence[Record]]:
        """Start the next fetch, unless it has started; its records are handed over as usual."""

    def fill(self) -> asyncio.Task[Sequence[Record]]:
        """Add what has arrived since to a fetch that has ended a while ago."""

    def take(self) -> None:
        """Whoever calls processes the records of the fetch: they are not handed over."""


class PlanAhead(Generic[T]):
    """Plans batches, a part at a time; see above for what is planned in advance."""

    def __init__(
        self,
        planner: Planner[T],
        indexes: Indexes,
        fetching: FetchingAhead | None,
        part_max_bytes: int,
    ) -> None:
        self._planner = planner
        self._indexes = indexes
        self._fetching = fetching
        self._part_max_bytes = part_max_bytes
        self._one = asyncio.Lock()
        self._verdicts: _Verdicts[T] = {}

    async def plan(self, records: _Placed, index: MappingIndex) -> Plan[T]:
        """Plan in a thread: a hostile record can take seconds, and the loop must send heartbeats."""
        async with self._one:
            return await asyncio.to_thread(lambda: combine(self._taken(records, index)))

    @contextmanager
    def ahead(self, claimed: ClaimedBatch) -> Iterator[None]:
        """Plan the next batch until the block ends; a part that has begun by then is finished."""
        verdicts = self._verdicts = {}
        if self._fetching is None or claimed.is_over:
            yield
            return
        ended = asyncio.Event()
        looking = asyncio.create_task(
            self._look_ahead(self._fetching.begin(), claimed, ended, verdicts)
        )
        looking.add_done_callback(_log_once)
        try:
            yield
        finally:
            ended.set()

    async def _look_ahead(
        self,
        fetching: asyncio.Task[Sequence[Record]],
        claimed: ClaimedBatch,
        ended: asyncio.Event,
        verdicts: _Verdicts[T],
    ) -> None:
        await asyncio.wait([fetching])
        if fetching.cancelled() or fetching.exception() is not None:
            return  # whoever the records are handed over to learns of it
        index = self._indexes.current
        for part in parts(fetching.result(), self._part_max_bytes):
            placed = [(record, at) for record in part if (at := claimed.held(record)) is not None]
            async with self._one:
                if ended.is_set() or claimed.is_over:
                    return
                await asyncio.to_thread(self._add, placed, index, verdicts)

    def _add(self, records: _Placed, index: MappingIndex, verdicts: _Verdicts[T]) -> None:
        for (record, _), verdict in zip(
            records, self._planner.plan_all(records, index), strict=True
        ):
            verdicts[verdict.at, verdict.offset] = record, index, verdict

    def _taken(self, records: _Placed, index: MappingIndex) -> Iterator[Planned[T]]:
        """Take the verdicts that are there, and make the others now."""
        ahead = [self._verdict(record, at, index) for record, at in records]
        missing = [
            placed for placed, verdict in zip(records, ahead, strict=True) if verdict is None
        ]
        planned = iter(self._planner.plan_all(missing, index))
        return (verdict or next(planned) for verdict in ahead)

    def _verdict(self, record: Record, at: Partition, index: MappingIndex) -> Planned[T] | None:
        known, under, verdict = self._verdicts.get((at, record.offset), (None, None, None))
        return verdict if known is record and under is index else None


def _log_once(task: asyncio.Task[None]) -> None:
    """Log why planning in advance failed. Nothing depends on it: the records are planned when they come."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("not_planned_ahead", error=repr(error))
