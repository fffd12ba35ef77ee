import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import cast

import pytest

from tests.support.records import FakeRecord
from tests.support.world.loop import SteppedLoop
from worker.ingest.in_turn import InTurn
from worker.ingest.partitions.assignment import Assignment
from worker.ingest.partitions.claim import PartitionClaim
from worker.ingest.polls import SINGLE_POLLS, BatchLimits, Polls
from worker.kafka.record import Record, size_of

LONG = BatchLimits(seconds=3600, max_bytes=1000, max_records=100)


def records(*offsets: int, size: int = 10) -> Sequence[Record]:
    return [FakeRecord(offset=offset, value=b"x" * size) for offset in offsets]


class Ground:
    """The claim, the assignment and what fetches. The fetch after the last poll never ends."""

    def __init__(
        self, first: Sequence[Record], *polls: Sequence[Record] | Exception, every_s: float = 0
    ) -> None:
        self.every_s = every_s
        self.first = first
        self.count = self.size = 0
        self.add(first)
        self.polls = list(polls)
        self.needs_a_look: Sequence[Record] | None = None
        self.is_wanted_back = False
        self.over = asyncio.Event()
        self.asked = asyncio.Event()
        self.filled = 0
        self.begun: asyncio.Task[Sequence[Record]] | None = None
        self.is_wanted: Callable[[], bool] = lambda: True

    def begin(self) -> asyncio.Task[Sequence[Record]]:
        async def fetch() -> Sequence[Record]:
            if not self.polls:
                self.asked.set()
                await asyncio.Event().wait()
            await asyncio.sleep(self.every_s)
            poll = self.polls.pop(0)
            if isinstance(poll, Exception):
                raise poll
            return poll

        self.begun = self.begun or asyncio.create_task(fetch())
        return self.begun

    def fill(self) -> asyncio.Task[Sequence[Record]]:
        self.filled += 1
        return self.begin()

    def take(self) -> None:
        self.begun = None

    async def extend(self, claimed: "Ground", records: Sequence[Record]) -> bool:
        if records is self.needs_a_look:
            return False
        self.add(records)
        return True

    def add(self, records: Sequence[Record]) -> None:
        self.count += len(records)
        self.size += size_of(records)

    def release(self, records: Sequence[Record]) -> None:
        self.count -= len(records)
        self.size -= size_of(records)

    async def until_over(self) -> None:
        await self.over.wait()

    def revoke(self) -> None:
        self.is_wanted_back = True
        self.over.set()

    @property
    def claimed(self) -> PartitionClaim:
        return cast("PartitionClaim", self)

    def takes(self, limits: BatchLimits = LONG, *, fetches: bool = True) -> Polls:
        return Polls(cast("Assignment", self), self if fetches else None, limits)

    async def batch(
        self,
        limits: BatchLimits = LONG,
        *,
        fetches: bool = True,
        counting: InTurn | None = None,
    ) -> list[list[int]]:
        """The offsets of a batch, poll by poll."""
        polls = self.takes(limits, fetches=fetches).of(
            self.first, self.claimed, counting or InTurn(), self.is_wanted
        )
        return [[record.offset for record in poll] async for poll in polls]


async def test_a_batch_takes_in_the_polls_that_follow_until_the_next_would_be_too_much() -> None:
    too_much = records(4)
    ground = Ground(records(0), records(1, 2), (), records(3), too_much)
    assert await ground.batch(BatchLimits(3600, 49, 100)) == [[0], [1, 2], [3]]
    assert ground.begun is not None
    assert await ground.begun is too_much


@pytest.mark.parametrize("limits", [BatchLimits(3600, 10, 100), BatchLimits(3600, 1000, 1)])
async def test_a_batch_that_is_full_does_not_wait(limits: BatchLimits) -> None:
    assert await Ground(records(0)).batch(limits) == [[0]]


async def test_a_batch_has_a_bound_of_records() -> None:
    ground = Ground(records(0), records(1, 2), records(3, 4))
    assert await ground.batch(BatchLimits(3600, 1000, 4)) == [[0], [1, 2]]


@pytest.fixture
def loop() -> Iterator[SteppedLoop]:
    loop = SteppedLoop()
    yield loop
    loop.end()


def test_a_batch_ends_when_it_is_old_enough_and_the_fetch_goes_on(loop: SteppedLoop) -> None:
    ground = Ground(*(records(number) for number in range(13)), every_s=9)
    batch = loop.create_task(ground.batch(BatchLimits(100, 1000, 100)))
    loop.settle()
    for _ in range(11):
        loop.advance(9)
        assert not batch.done()
    loop.advance(1)
    assert batch.result() == [[number] for number in range(12)]
    assert ground.begun is not None
    assert not ground.begun.done()


def test_a_batch_does_not_wait_for_its_time_when_nothing_comes(loop: SteppedLoop) -> None:
    ground = Ground(records(0), records(1))
    batch = loop.create_task(ground.batch(BatchLimits(100, 1000, 100)))
    loop.settle()
    loop.advance(9)
    assert not batch.done()
    loop.advance(1)
    assert batch.result() == [[0], [1]]
    assert ground.begun is not None
    assert not ground.begun.done()


async def test_a_batch_whose_partitions_are_revoked_ends_at_once() -> None:
    ground = Ground(records(0))
    batch = asyncio.create_task(ground.batch())
    await ground.asked.wait()
    ground.revoke()
    assert await batch == [[0]]
    assert ground.begun is not None


async def test_a_poll_that_needs_a_look_is_handed_over_after_the_batch() -> None:
    needs_a_look = records(7)
    ground = Ground(records(0), records(1), needs_a_look)
    ground.needs_a_look = needs_a_look
    assert await ground.batch() == [[0], [1]]
    assert ground.begun is not None
    assert await ground.begun is needs_a_look


async def test_a_batch_under_mappings_that_have_changed_takes_nothing_in() -> None:
    ground = Ground(records(0), records(1), records(2))
    answers = [True, True, True, True, True, False]
    ground.is_wanted = partial(answers.pop, 0)
    assert await ground.batch() == [[0], [1]]
    assert ground.begun is not None
    assert await ground.begun == records(2)


async def test_what_has_come_while_a_poll_was_processed_is_added_to_the_next() -> None:
    ground = Ground(records(0), records(1))
    polls = ground.takes().of(ground.first, ground.claimed, InTurn(), lambda: True)
    await anext(polls)
    await asyncio.wait([ground.begin()])
    await anext(polls)
    assert ground.filled == 1


async def test_a_fetch_that_fails_ends_the_batch_and_its_error_is_handed_over() -> None:
    ground = Ground(records(0), ValueError("the consumer is stopped"))
    assert await ground.batch() == [[0]]
    assert ground.begun is not None
    with pytest.raises(ValueError, match="stopped"):
        await ground.begun


@pytest.mark.parametrize(
    "limits", [SINGLE_POLLS, BatchLimits(3600, 9, 100), BatchLimits(3600, 19, 100)]
)
async def test_a_batch_may_be_a_single_poll(limits: BatchLimits) -> None:
    ground = Ground(records(0), records(1))
    assert await ground.batch(limits) == [[0]]


async def test_nothing_joins_a_batch_without_records_or_where_nothing_fetches() -> None:
    assert await Ground((), records(1)).batch() == []
    assert await Ground(records(0), records(1)).batch(fetches=False) == [[0]]


async def test_a_claim_that_somebody_waits_for_takes_nothing_in() -> None:
    ground = Ground(records(0), records(1))
    ground.is_wanted_back = True
    assert await ground.batch() == [[0]]


class Counting:
    """A batch that is counted until ``done``, and holds records until then."""

    def __init__(self, ground: Ground, held: Sequence[Record]) -> None:
        self.ground, self.held = ground, held
        self.done = asyncio.Event()
        ground.add(held)

    async def work(self) -> None:
        await self.done.wait()
        self.ground.release(self.held)


async def test_a_poll_for_which_there_is_no_room_waits_until_the_batch_before_is_counted() -> None:
    ground = Ground(records(3), records(4), records(5))
    counted = Counting(ground, records(0, 1, 2))
    async with InTurn() as counting:
        await counting.take(counted.work)
        batch = asyncio.create_task(ground.batch(BatchLimits(3600, 30, 100), counting=counting))
        while ground.begun is None or not ground.begun.done():  # noqa: ASYNC110  # the poll has come
            await asyncio.sleep(0)
        assert ground.count == 4
        counted.done.set()
        assert await batch == [[3], [4], [5]]


def test_a_batch_goes_on_without_records_while_the_one_before_is_counted(loop: SteppedLoop) -> None:
    ground = Ground(records(0), records(1), every_s=90)
    counted = Counting(ground, ())
    counting = InTurn()
    loop.create_task(counting.take(counted.work))
    loop.settle()
    batch = loop.create_task(ground.batch(BatchLimits(100, 1000, 100), counting=counting))
    loop.settle()
    loop.advance(89)
    assert not batch.done()
    counted.done.set()
    loop.advance(1)
    assert ground.count == 2
    loop.advance(10)
    assert batch.result() == [[0], [1]]


async def test_the_first_poll_of_the_next_batch_may_come_while_one_is_counted() -> None:
    ground = Ground(records(0), (), records(1, 2))
    counted = Counting(ground, ())
    async with InTurn() as counting:
        await counting.take(counted.work)
        poll = await ground.takes().next_first(ground.claimed, counting, lambda: True)
        assert [record.offset for record in poll] == [1, 2]
        assert ground.count == 3
        counted.done.set()


async def test_when_a_batch_is_counted_and_nothing_has_come_there_is_no_next_one() -> None:
    ground = Ground(records(0))
    counted = Counting(ground, ())
    async with InTurn() as counting:
        await counting.take(counted.work)
        first = asyncio.create_task(
            ground.takes().next_first(ground.claimed, counting, lambda: True)
        )
        await ground.asked.wait()
        counted.done.set()
        assert await first == ()
    assert ground.begun is not None  # whatever it brings is handed over


@pytest.mark.parametrize(
    "why", ["not wanted", "wanted back", "a look", "failed", "nothing counted"]
)
async def test_a_poll_that_may_not_begin_a_batch_is_handed_over(why: str) -> None:
    poll = records(1)
    ground = Ground(records(0), ValueError("no fetch") if why == "failed" else poll)
    ground.needs_a_look = poll if why == "a look" else None
    ground.is_wanted_back = why == "wanted back"
    counted = Counting(ground, ())
    async with InTurn() as counting:
        if why != "nothing counted":
            await counting.take(counted.work)
        first = await ground.takes().next_first(
            ground.claimed, counting, lambda: why != "not wanted"
        )
        assert first == ()
        counted.done.set()
    assert ground.count == 1
