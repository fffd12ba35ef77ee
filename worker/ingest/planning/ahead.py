"""Planning in threads, and ahead of time: what comes next is planned while a batch is being counted."""

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
        """Fetch what comes next, if that is not being done yet; it is handed over all the same."""


class PlanAhead(Generic[T]):
    """Has batches planned, a part at a time: a planner serves one thread.

    A verdict that was made ahead of time stands for its record alone, in the partition and under the index
    that it was made for. What is handed over otherwise, after a rebalance, say, is planned when it comes.
    """

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
        """In a thread: a record can be made to take seconds, and the loop serves heartbeats meanwhile."""
        async with self._one:
            return await asyncio.to_thread(lambda: combine(self._taken(records, index)))

    @contextmanager
    def ahead(self, claimed: ClaimedBatch) -> Iterator[None]:
        """Plan what comes next until the block ends; a part that is begun by then is finished."""
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
        """The verdicts on records, made now where they are not there."""
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
    """Nothing depends on what is planned ahead: it is planned again when it comes."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("not_planned_ahead", error=repr(error))
