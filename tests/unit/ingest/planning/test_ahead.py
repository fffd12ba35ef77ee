"""Planning ahead: what is planned before it comes is not planned again, and stands for nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Event
from typing import Any, cast

import pytest

from tests.support.markets import FOOTBALL, observation, sportybet
from tests.support.records import FakeRecord, partition_of
from worker.domain.index import MappingIndex
from worker.ingest.partitions.claim import ClaimedBatch
from worker.ingest.planning.ahead import PlanAhead
from worker.ingest.planning.plan import Plan, Planned, Planner
from worker.kafka.record import Partition, Record

UNKNOWN = observation("sportybet", [sportybet("900001", prices={"Yes": "2"})])
OTHER_INDEX = MappingIndex([], 9)


class Offsets:
    def resolved(self, *verdict: Any) -> int:
        return verdict[1].offset  # type: ignore[no-any-return]

    def dead(self, *verdict: Any) -> int:
        return verdict[1].offset  # type: ignore[no-any-return]


class Counting(Planner[int]):
    """Tells which offsets it planned under which version; waits before each for ``may_go_on``."""

    def __init__(self) -> None:
        super().__init__(Offsets(), max_message_bytes=100_000)
        self.planned: list[tuple[int, int]] = []
        self.begun: Callable[[], object] = lambda: None
        self.noted: Callable[[], object] = lambda: None
        self.may_go_on = Event()
        self.may_go_on.set()

    def plan_all(
        self, records: Iterable[tuple[Record, Partition]], index: MappingIndex
    ) -> Iterator[Planned[int]]:
        for record, at in records:
            self.begun()
            assert self.may_go_on.wait(30)
            self.planned.append((record.offset, index.version))
            self.noted()
            yield self.plan(record, at, index)


class Ground:
    """Stands for the indexes, for what is claimed, and for what fetches."""

    def __init__(self, *, part_max_bytes: int = 1_000_000) -> None:
        self.current = FOOTBALL
        self.is_over = False
        self.closed: set[int] = set()
        self.planner = Counting()
        self.next: Callable[[], Sequence[Record]] = list
        self.planning = PlanAhead(self.planner, self, self, part_max_bytes)

    def begin(self) -> asyncio.Task[Sequence[Record]]:
        async def fetch() -> Sequence[Record]:
            return self.next()

        return asyncio.create_task(fetch())

    def fill(self) -> asyncio.Task[Sequence[Record]]:
        return self.begin()

    def take(self) -> None:
        raise AssertionError("what is planned in advance is handed over")

    def held(self, record: FakeRecord) -> Partition | None:
        return None if record.offset in self.closed else partition_of(record)

    async def meanwhile(self, planned: int) -> None:
        """A batch is counted until so many records are planned."""
        loop, noted = asyncio.get_running_loop(), asyncio.Semaphore(0)
        self.planner.noted = lambda: loop.call_soon_threadsafe(noted.release)
        with self.planning.ahead(cast("ClaimedBatch", self)):
            for _ in range(planned):
                await noted.acquire()

    async def plan(
        self, records: Sequence[FakeRecord], index: MappingIndex = FOOTBALL
    ) -> Plan[int]:
        return await self.planning.plan(
            [(record, partition_of(record)) for record in records], index
        )


def batch(*offsets: int) -> list[FakeRecord]:
    return [FakeRecord(offset=offset, value=UNKNOWN) for offset in offsets]


async def test_what_is_planned_ahead_is_not_planned_again() -> None:
    ground, records = Ground(), batch(4, 5, 6)
    ground.next = lambda: records
    await ground.meanwhile(3)
    plan = await ground.plan(records)
    assert plan.outputs == [4, 5, 6]
    assert ground.planner.planned == [(offset, FOOTBALL.version) for offset in (4, 5, 6)]
    assert plan.outcomes == (await Ground().plan(records)).outcomes


async def test_what_was_not_planned_ahead_is_planned_in_its_place() -> None:
    ground, records = Ground(), batch(4, 5, 6)
    ground.closed = {5}
    ground.next = lambda: records
    await ground.meanwhile(2)
    assert (await ground.plan(records)).outputs == [4, 5, 6]
    assert [offset for offset, _ in ground.planner.planned] == [4, 6, 5]


async def test_a_verdict_under_another_index_is_not_taken() -> None:
    ground, records = Ground(), batch(4)
    ground.next = lambda: records
    await ground.meanwhile(1)
    await ground.plan(records, OTHER_INDEX)
    assert ground.planner.planned == [(4, FOOTBALL.version), (4, 9)]


async def test_a_verdict_on_another_record_of_that_offset_is_not_taken() -> None:
    ground = Ground()
    ground.next = lambda: batch(4)
    await ground.meanwhile(1)
    assert (await ground.plan(batch(4))).outputs == [4]
    assert len(ground.planner.planned) == 2


async def test_a_verdict_is_taken_only_for_the_partition_that_it_was_made_for() -> None:
    ground, records = Ground(), batch(4)
    ground.next = lambda: records
    await ground.meanwhile(1)
    again = partition_of(records[0])._replace(topic_id="created again")
    plan = await ground.planning.plan([(records[0], again)], FOOTBALL)
    assert [verdict.at for verdict in plan.share.verdicts] == [again]


async def test_verdicts_are_kept_for_the_next_batch_alone() -> None:
    ground, records = Ground(), batch(4)
    ground.next = lambda: records
    await ground.meanwhile(1)
    ground.next = list
    await ground.meanwhile(0)
    await ground.plan(records)
    assert len(ground.planner.planned) == 2


async def test_only_the_part_that_is_begun_is_finished_once_the_batch_is_counted() -> None:
    ground, records = Ground(part_max_bytes=1), batch(4, 5, 6)
    ground.next = lambda: records
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    ground.planner.begun = lambda: loop.call_soon_threadsafe(begun.set)
    ground.planner.may_go_on.clear()
    with ground.planning.ahead(cast("ClaimedBatch", ground)):
        await begun.wait()
    ground.planner.may_go_on.set()
    await ground.plan(records[:1])
    assert [offset for offset, _ in ground.planner.planned] == [4]


async def test_nothing_is_planned_for_partitions_that_are_being_given_up() -> None:
    ground = Ground()
    ground.is_over = True
    ground.next = lambda: pytest.fail("it was fetched")
    with ground.planning.ahead(cast("ClaimedBatch", ground)):
        pass
    assert ground.planner.planned == []


async def test_a_fetch_that_fails_is_the_business_of_whoever_is_handed_its_records() -> None:
    ground = Ground()
    fetching: list[asyncio.Task[Sequence[Record]]] = []

    async def fail() -> Sequence[Record]:
        raise ConnectionError("the broker is away")

    def begin() -> asyncio.Task[Sequence[Record]]:
        fetching.append(asyncio.create_task(fail()))
        return fetching[-1]

    ground.begin = begin  # type: ignore[method-assign]
    with ground.planning.ahead(cast("ClaimedBatch", ground)):
        await asyncio.wait(fetching)
    with pytest.raises(ConnectionError):
        await fetching[0]
    assert (await ground.plan(batch(4))).outputs == [4]
