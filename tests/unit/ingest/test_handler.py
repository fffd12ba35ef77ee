import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import orjson
import pytest

from tests.support.markets import FOOTBALL, observation, sportybet
from tests.support.records import FakeRecord, partition_of
from worker.domain.errors import FatalError
from worker.domain.index import MappingIndex
from worker.domain.misses import Tally
from worker.domain.resolve import Resolution
from worker.ingest.handler import (
    BatchHandler,
    BatchReport,
    CountsRefusedError,
    WatermarksMovedError,
)
from worker.ingest.partitions.assignment import Assignment
from worker.ingest.partitions.marks import BrakeState
from worker.ingest.planning.brake import Brake, Limits, Tripped
from worker.ingest.planning.plan import Planner
from worker.ingest.polls import BatchLimits
from worker.ingest.reading.field_samples import FieldSample, FieldSampler
from worker.ingest.reading.record_ids import RecordIds
from worker.kafka.record import Partition, Record, size_of
from worker.lab.synthetic.scrape import generate_scrape

UNKNOWN = observation("sportybet", [sportybet("900001", prices={"Yes": "2"})])
KEY = ("sportybet", "900001")


class Offsets:
    """An encoder that gives the record's offset."""

    def resolved(
        self, source_id: str, record: Record, envelope: Any, resolution: Resolution, version: int
    ) -> int | None:
        return int(source_id.rpartition("/")[2])

    def dead(self, source_id: str, record: Record, reason: str, detail: str, ids: RecordIds) -> int:
        return record.offset


@dataclass
class Ground:
    """Every port of the handler at once; notes what is asked of it, in order."""

    watermark: int = 0
    steps: list[tuple[str, Any]] = field(default_factory=list)
    reports: list[BatchReport] = field(default_factory=list)
    is_over: bool = False
    fail_in: str | None = None
    over_after: str | None = None
    moved_to: int | None = None
    believed: dict[Partition, int] = field(default_factory=dict)
    brakes: dict[Partition, BrakeState] = field(default_factory=dict)
    current = FOOTBALL

    def note(self, step: str, what: Any) -> None:
        if step == self.fail_in:
            raise FatalError(step)
        self.steps.append((step, what))
        self.is_over = self.is_over or step == self.over_after

    async def send(self, outputs: Sequence[int]) -> None:
        self.note("publish", list(outputs))

    async def add(self, moves: Sequence[tuple[Partition, int, int]], counts: Tally) -> None:
        if self.moved_to is not None:
            moved, self.moved_to = self.moved_to, None
            raise WatermarksMovedError({at: moved for at, _, _ in moves})
        occurrences = {key: count.occurrences for key, count in counts.items()}
        self.note(
            "count", ([(at.partition, expected, end) for at, expected, end in moves], occurrences)
        )

    @asynccontextmanager
    async def claim(self, records: Sequence[Record]) -> AsyncIterator["Ground"]:
        self.first = records
        self.size, self.count = size_of(records), len(records)
        yield self

    def release(self, records: Sequence[Record]) -> None:
        self.size -= size_of(records)
        self.count -= len(records)

    def partition_of(self, record: FakeRecord) -> Partition:
        return partition_of(record)

    def watermarks(self, of: Sequence[Partition]) -> dict[Partition, int]:
        return {at: self.believed.get(at, self.watermark) for at in of}

    def watermarks_are(self, current: dict[Partition, int]) -> None:
        self.believed |= current

    async def commit(self, ends: dict[Partition, int], records: Sequence[Record]) -> None:
        self.note("commit", {at.partition: end for at, end in ends.items()})

    def taken_brakes(self) -> dict[Partition, BrakeState]:
        taken, self.brakes = self.brakes, {}
        return taken

    def position_of(self, at: Partition) -> int:
        return self.first[0].offset

    async def stop(self, at: Partition, sentence: str, brake: BrakeState) -> None:
        self.note("stop", (at.partition, brake.run))

    def report(self, event: BatchReport | Tripped) -> None:
        if isinstance(event, BatchReport):
            self.reports.append(event)

    def handler(
        self, part_max_bytes: int = 1_000_000, sampler: FieldSampler | None = None
    ) -> BatchHandler[int]:
        return BatchHandler(
            assignment=cast("Assignment", self),
            indexes=self,
            planner=Planner(Offsets(), max_message_bytes=4 * 1024 * 1024),
            outputs=self,
            counts=self,
            part_max_bytes=part_max_bytes,
            report=self.report,
            sampler=sampler,
        )

    @property
    def names(self) -> list[str]:
        return [step for step, _ in self.steps]


def batch(count: int, value: bytes = UNKNOWN) -> list[FakeRecord]:
    return [FakeRecord(offset=offset, value=value) for offset in range(count)]


async def test_a_batch_is_published_then_counted_then_committed() -> None:
    ground = Ground()
    await ground.handler().handle(batch(3))
    assert ground.steps == [
        ("publish", [0, 1, 2]),
        ("count", ([(0, 0, 3)], {KEY: 3})),
        ("commit", {0: 3}),
    ]


class FollowedGround(Ground):
    """A ground on which further polls follow the one that is handed over."""

    polls: list[list[FakeRecord]]

    def begin(self) -> asyncio.Task[Sequence[Record]]:
        async def fetch() -> Sequence[Record]:
            return self.polls[0] if self.polls else ()

        return asyncio.create_task(fetch())

    def fill(self) -> asyncio.Task[Sequence[Record]]:
        return self.begin()

    def take(self) -> None:
        del self.polls[:1]

    async def extend(self, claimed: Ground, records: Sequence[Record]) -> bool:
        self.size += size_of(records)
        self.count += len(records)
        return True

    @property
    def is_wanted_back(self) -> bool:
        return self.is_over

    async def until_over(self) -> None:
        await asyncio.Event().wait()

    def followed(
        self,
        *polls: list[FakeRecord],
        seconds: float = 3600,
        max_bytes: int = 10_000,
        brake: Brake | None = None,
        around: Callable[[Sequence[Record]], AbstractContextManager[object]] = nullcontext,
    ) -> BatchHandler[int]:
        self.polls = list(polls)
        return BatchHandler(
            assignment=cast("Assignment", self),
            indexes=self,
            planner=Planner(Offsets(), max_message_bytes=4 * 1024 * 1024),
            outputs=self,
            counts=self,
            part_max_bytes=1_000_000,
            report=self.report,
            ahead=self,
            limits=BatchLimits(seconds, max_bytes, 100),
            brake=brake,
            around=around,
        )


async def test_polls_are_published_as_they_come_and_counted_together() -> None:
    ground, records = FollowedGround(), batch(6)
    await ground.followed(records[1:3], [], records[3:], max_bytes=6 * len(UNKNOWN)).handle(
        records[:1]
    )
    assert ground.steps == [
        ("publish", [0]),
        ("publish", [1, 2]),
        ("publish", [3, 4, 5]),
        ("count", ([(0, 0, 6)], {KEY: 6})),
        ("commit", {0: 6}),
    ]
    (report,) = ground.reports
    assert (report.records, report.observations) == (6, {"sportybet": 6})


async def test_after_a_poll_in_which_the_brake_stops_a_partition_no_other_is_taken_in() -> None:
    ground, records = FollowedGround(), [*batch(2), *batch(5, b"{")[2:]]
    handler = ground.followed(records[2:4], records[4:], brake=Brake(Limits(2, 0, 10)))
    await handler.handle(records[:2])
    assert ground.names == ["publish", "count", "commit", "stop"]
    assert ground.polls == [records[4:]]


class SlowlyCountedGround(FollowedGround):
    """Counts a batch when the next one is published. Each poll is a batch; ``to_publish`` are published."""

    def __init__(self, to_publish: int) -> None:
        super().__init__()
        self.to_publish = to_publish
        self.published = self.begun_counting = 0
        self.is_published = asyncio.Condition()
        self.refused: set[int] = set()
        self.versions: list[set[int]] = []

    async def send(self, outputs: Sequence[int]) -> None:
        await super().send(outputs)
        async with self.is_published:
            self.published += 1
            self.is_published.notify_all()

    async def add(self, moves: Sequence[tuple[Partition, int, int]], counts: Tally) -> None:
        self.begun_counting += 1
        wanted = min(self.begun_counting + 1, self.to_publish)
        async with self.is_published:
            await self.is_published.wait_for(lambda: self.published >= wanted)
        if counts and any(expected in self.refused for _, expected, _ in moves):
            raise CountsRefusedError("22003: integer out of range")
        self.versions.append({count.newest.mapping_version for count in counts.values()})
        await super().add(moves, counts)


async def test_the_next_batch_is_published_while_one_is_counted_and_counted_after_it() -> None:
    ground, records = SlowlyCountedGround(3), batch(3)
    await ground.followed(records[1:2], records[2:], seconds=0).handle(records[:1])
    assert ground.steps == [
        ("publish", [0]),
        ("publish", [1]),
        ("count", ([(0, 0, 1)], {KEY: 1})),
        ("commit", {0: 1}),
        ("publish", [2]),
        ("count", ([(0, 1, 2)], {KEY: 1})),
        ("commit", {0: 2}),
        ("count", ([(0, 2, 3)], {KEY: 1})),
        ("commit", {0: 3}),
    ]
    assert (ground.count, ground.size) == (0, 0)
    assert [report.records for report in ground.reports] == [1, 1, 1]


class KeptHeaders(list[tuple[str, bytes | None]]):
    """Headers that can be referred to weakly."""


async def test_a_batch_that_is_counted_is_not_kept_while_the_next_is_published() -> None:
    kept: list[bool] = []

    class Watching(SlowlyCountedGround):
        async def send(self, outputs: Sequence[int]) -> None:
            if outputs == [2]:
                while len(self.reports) < 2:  # noqa: ASYNC110  # the batch before is counted
                    await asyncio.sleep(0)
                gc.collect()
                kept.extend(each() is not None for each in headers)
            await super().send(outputs)

    records = [FakeRecord(offset=n, value=UNKNOWN, headers=KeptHeaders()) for n in range(3)]
    headers = [weakref.ref(each.headers) for each in records]
    handler = Watching(2).followed([records[1]], [records[2]], seconds=0)
    handling = handler.handle([records[0]])
    del records
    await handling
    assert kept[1:] == [False, True]


async def test_each_batch_of_a_claim_sees_the_mappings_of_its_begin() -> None:
    class Swapping(SlowlyCountedGround):
        async def send(self, outputs: Sequence[int]) -> None:
            self.current = MappingIndex((), self.current.version + 1)
            await super().send(outputs)

    ground, records = Swapping(2), batch(2)
    await ground.followed(records[1:], seconds=0).handle(records[:1])
    assert ground.versions == [{FOOTBALL.version}, {FOOTBALL.version + 1}]


async def test_what_is_published_when_partitions_are_given_up_is_counted_in_both_batches() -> None:
    class Revoked(SlowlyCountedGround):
        async def send(self, outputs: Sequence[int]) -> None:
            await super().send(outputs)
            self.is_over = outputs == [1]

    ground, records = Revoked(2), batch(3)
    await ground.followed(records[1:2], records[2:], seconds=0).handle(records[:1])
    assert [what for step, what in ground.steps if step == "commit"] == [{0: 1}, {0: 2}]
    assert ground.polls == [records[2:]]


async def test_a_batch_that_cannot_be_counted_ends_all_though_the_next_one_is_published() -> None:
    ground, records = SlowlyCountedGround(2), batch(4)
    ground.fail_in = "count"
    handler = ground.followed(*([record] for record in records[1:]), seconds=0)
    with pytest.raises(FatalError, match="count"):
        await handler.handle(records[:1])
    assert ground.names == ["publish", "publish"]
    assert ground.begun_counting == 1


async def test_where_the_brake_stops_over_refused_counts_nothing_published_later_is_counted() -> (
    None
):
    ground = SlowlyCountedGround(3)
    ground.refused = {1}
    records = [*batch(3), FakeRecord(offset=0, value=UNKNOWN, partition=1)]
    polls = (records[1:2], records[2:], batch(5)[4:])
    handler = ground.followed(*polls, seconds=0, brake=Brake(Limits(1, 0, 10)))
    await handler.handle(records[:1])
    assert [what for step, what in ground.steps if step == "publish"] == [[0], [1], [2, 0]]
    assert [what for step, what in ground.steps if step == "commit"] == [{0: 1}, {}, {1: 1}]
    assert [what for step, what in ground.steps if step == "stop"] == [(0, 0)]
    assert ground.polls == [batch(5)[4:]]
    assert [report.records for report in ground.reports] == [1, 0, 1]


async def test_after_refused_counts_the_claim_ends_so_that_the_brake_learns_of_them() -> None:
    ground, records = SlowlyCountedGround(2), batch(4)
    ground.refused = {0}
    handler = ground.followed(*([record] for record in records[1:]), seconds=0)
    await handler.handle(records[:1])
    assert [what for step, what in ground.steps if step == "commit"] == [{0: 1}, {0: 2}]
    assert [poll for (poll,) in ground.polls] == records[2:]
    assert [dict(report.dead) for report in ground.reports] == [{"DATABASE_REFUSED": 1}, {}]


async def test_what_surrounds_a_batch_is_entered_for_each_and_its_context_goes_on_while_it_is_counted() -> (
    None
):
    which: ContextVar[int] = ContextVar("which")
    seen: list[tuple[str, int]] = []

    @contextmanager
    def around(records: Sequence[Record]) -> Iterator[None]:
        token = which.set(records[0].offset)
        yield
        which.reset(token)

    class Noting(SlowlyCountedGround):
        def note(self, step: str, what: Any) -> None:
            super().note(step, what)
            seen.append((step, which.get()))

    ground, records = Noting(2), batch(2)
    handler = ground.followed(records[1:], seconds=0, around=around)
    await handler.handle(records[:1])
    of_batch = {number: [step for step, each in seen if each == number] for number in (0, 1)}
    assert of_batch == {number: ["publish", "count", "commit"] for number in (0, 1)}


async def test_a_batch_is_looked_through_for_unread_fields_once_in_a_while() -> None:
    ground = Ground()
    handler = ground.handler(sampler=FieldSampler(max_bytes=10_000))
    strange = orjson.dumps(orjson.loads(UNKNOWN) | {"scraper": "s1"})
    await handler.handle(batch(3, strange))
    await handler.handle(batch(3, strange))
    assert [report.samples for report in ground.reports] == [
        [FieldSample("sportybet", {"observation": ["scraper"]})],
        (),
    ]


@pytest.mark.parametrize(
    ("step", "done"),
    [("publish", []), ("count", ["publish"]), ("commit", ["publish", "count"])],
)
async def test_a_step_that_fails_keeps_the_later_ones_from_being_taken(
    step: str, done: list[str]
) -> None:
    ground = Ground(fail_in=step)
    with pytest.raises(FatalError, match=step):
        await ground.handler().handle(batch(3))
    assert ground.names == done
    assert ground.reports == []


async def test_what_lies_below_the_watermark_is_published_and_not_counted() -> None:
    ground = Ground(watermark=2)
    await ground.handler().handle(batch(3))
    assert ground.steps[:2] == [("publish", [0, 1, 2]), ("count", ([(0, 2, 3)], {KEY: 1}))]


async def test_a_watermark_is_never_moved_back() -> None:
    ground = Ground(watermark=9)
    await ground.handler().handle(batch(3))
    assert ground.steps[1:] == [("count", ([(0, 9, 9)], {})), ("commit", {0: 3})]


async def test_when_another_worker_moved_the_watermark_the_rest_is_counted() -> None:
    ground = Ground(moved_to=2)
    await ground.handler().handle(batch(3))
    assert ground.names == ["publish", "count", "commit"]
    assert ground.steps[1] == ("count", ([(0, 2, 3)], {KEY: 1}))
    assert [report.conflicts for report in ground.reports] == [1]


async def test_the_next_batch_expects_the_watermark_where_this_one_left_it() -> None:
    ground = Ground()
    handler = ground.handler()
    await handler.handle(batch(2))
    await handler.handle([FakeRecord(offset=2, value=UNKNOWN)])
    assert ground.steps[4] == ("count", ([(0, 2, 3)], {KEY: 1}))


async def test_a_batch_of_several_partitions_counts_and_commits_each() -> None:
    ground = Ground()
    records = [
        FakeRecord(partition=2, offset=7, value=UNKNOWN),
        FakeRecord(partition=1, offset=4, value=b""),
    ]
    await ground.handler().handle(records)
    assert ground.steps[1:] == [
        ("count", ([(1, 0, 5), (2, 0, 8)], {KEY: 1})),
        ("commit", {1: 5, 2: 8}),
    ]


async def test_parts_are_bounded_by_bytes_and_hold_at_least_one_record() -> None:
    ground = Ground()
    sizes = [40, 40, 40, 500, 1]
    records = [FakeRecord(offset=n, value=b"x" * size) for n, size in enumerate(sizes)]
    await ground.handler(part_max_bytes=100).handle(records)
    assert [what for step, what in ground.steps if step == "publish"] == [[0, 1], [2], [3], [4]]


async def test_the_parts_of_a_batch_are_counted_and_committed_together() -> None:
    ground = Ground()
    await ground.handler(part_max_bytes=1).handle(batch(3))
    published = [("publish", [offset]) for offset in range(3)]
    assert ground.steps == [*published, ("count", ([(0, 0, 3)], {KEY: 3})), ("commit", {0: 3})]
    (report,) = ground.reports
    assert (report.records, report.bytes) == (3, 3 * len(UNKNOWN))


@dataclass
class SlowOutputs(Ground):
    """Acknowledges a part only when the next one is planned, or when there is none."""

    parts_to_come: int = 3
    planned: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, outputs: Sequence[int]) -> None:
        self.note("sent", list(outputs))
        self.parts_to_come -= 1
        if self.parts_to_come:
            await self.planned.wait()
            self.planned.clear()
        self.note("acknowledged", list(outputs))

    def handler(
        self, part_max_bytes: int = 1, sampler: FieldSampler | None = None
    ) -> BatchHandler[int]:
        handler = super().handler(part_max_bytes, sampler)
        plan = handler._plan

        async def tells(*arguments: Any) -> Any:
            planned = await plan(*arguments)
            self.planned.set()
            return planned

        handler._plan = tells  # type: ignore[method-assign, assignment]  # it is meant
        return handler


async def test_a_part_is_planned_while_the_one_before_it_is_published_and_sent_after_it() -> None:
    ground = SlowOutputs()
    await ground.handler().handle(batch(3))
    expected = [(step, [offset]) for offset in range(3) for step in ("sent", "acknowledged")]
    assert ground.steps[:6] == expected
    assert ground.names[6:] == ["count", "commit"]


async def test_a_later_part_that_is_not_acknowledged_keeps_all_from_being_counted() -> None:
    @dataclass
    class Failing(Ground):
        async def send(self, outputs: Sequence[int]) -> None:
            if outputs == [1]:
                raise FatalError("not acknowledged")
            await super().send(outputs)

    ground = Failing()
    with pytest.raises(FatalError, match="not acknowledged"):
        await ground.handler(part_max_bytes=1).handle(batch(3))
    assert "count" not in ground.names
    assert "commit" not in ground.names


async def test_what_is_published_before_a_part_that_trips_the_brake_is_counted_and_committed() -> (
    None
):
    ground = Ground()
    handler = ground.handler(part_max_bytes=1)
    handler._brake = Brake(Limits(1, 0, 1))
    records = [*batch(2), FakeRecord(offset=2, value=b""), FakeRecord(offset=3, value=UNKNOWN)]
    await handler.handle(records)
    published = [("publish", [offset]) for offset in range(2)]
    counted = [("count", ([(0, 0, 2)], {KEY: 2})), ("commit", {0: 2})]
    assert ground.steps == [*published, *counted, ("stop", (0, 0))]
    assert [report.records for report in ground.reports] == [2]


@pytest.mark.parametrize("part_max_bytes", [1, 1_000_000])
async def test_a_partition_that_the_brake_stops_leaves_the_others_of_its_batch_alone(
    part_max_bytes: int,
) -> None:
    ground = Ground()
    handler = ground.handler(part_max_bytes)
    handler._brake = Brake(Limits(2, 0, 1))
    bad = [FakeRecord(offset=offset, value=b"", partition=1) for offset in range(5)]
    mixed = [record for pair in zip(batch(5), bad, strict=True) for record in pair]
    await handler.handle(mixed)
    published = [offset for step, what in ground.steps if step == "publish" for offset in what]
    assert sorted(published) in ([*range(5)], sorted([0, *range(5)]))
    (commit,) = [what for step, what in ground.steps if step == "commit"]
    assert commit[0] == 5
    assert commit.get(1, 0) <= 1
    assert [what[0] for step, what in ground.steps if step == "stop"] == [1]


async def test_a_brake_that_another_process_has_committed_stops_at_the_next_dead_letter() -> None:
    ground = Ground()
    ground.brakes = {partition_of(FakeRecord()): BrakeState(run_from=3, run=2, dead=0, window=0)}
    handler = ground.handler()
    handler._brake = Brake(Limits(3, 0, 1))
    await handler.handle([FakeRecord(offset=5, value=b"")])
    assert ground.steps == [("stop", (0, 2))]


async def test_all_parts_of_a_batch_see_one_version_though_the_index_is_swapped_meanwhile() -> None:
    @dataclass
    class Swapping(Ground):
        versions: list[int] = field(default_factory=list)

        async def add(self, moves: Sequence[tuple[Partition, int, int]], counts: Tally) -> None:
            self.versions += {count.newest.mapping_version for count in counts.values()}
            self.current = MappingIndex((), self.current.version + 1)

    ground = Swapping()
    handler = ground.handler(part_max_bytes=1)
    await handler.handle(batch(3))
    await handler.handle(batch(4)[3:])
    assert ground.versions == [FOOTBALL.version, FOOTBALL.version + 1]


async def test_a_batch_stops_between_two_parts_when_its_partitions_are_to_be_given_up() -> None:
    ground = Ground(over_after="publish")
    await ground.handler(part_max_bytes=1).handle(batch(3))
    assert ground.steps == [
        ("publish", [0]),
        ("count", ([(0, 0, 1)], {KEY: 1})),
        ("commit", {0: 1}),
    ]


async def test_nothing_is_done_for_partitions_that_are_being_given_up_already() -> None:
    ground = Ground(is_over=True)
    await ground.handler().handle(batch(3))
    assert ground.steps == []


async def test_the_report_of_a_batch_tells_sizes_outcomes_and_the_time_of_each_step() -> None:
    ground = Ground()
    await ground.handler().handle([*batch(2), FakeRecord(offset=2, value=None)])
    (report,) = ground.reports
    assert (report.records, report.bytes) == (3, 2 * len(UNKNOWN))
    assert report.observations == {"sportybet": 2}
    assert (sum(report.outcomes.values()), dict(report.dead)) == (2, {"TOMBSTONE": 1})
    assert list(report.seconds) == ["plan", "publish", "count", "commit"]


async def times_served_during(work: Callable[[], Awaitable[None]]) -> int:
    """How often another task was served while work ran, at most every millisecond."""
    served = 0

    async def heartbeat() -> None:
        nonlocal served
        while True:
            await asyncio.sleep(0.001)
            served += 1

    beating = asyncio.create_task(heartbeat())
    await asyncio.sleep(0)
    await work()
    beating.cancel()
    await asyncio.wait({beating})
    return served


def large_record(entry: str, size: int) -> bytes:
    """An observation of about ``size`` bytes, made of numbered entries."""
    head = UNKNOWN.partition(b'"markets"')[0] + b'"markets": ['
    length = len(entry % 10**6) + 1
    return (
        head
        + ",".join(entry % number for number in range(10**6, 10**6 + size // length)).encode()
        + b"]}"
    )


# Work that is done on the event loop itself lets others be served between its steps only.
WELL_SERVED = 3


async def test_the_event_loop_is_served_while_large_messages_are_handled() -> None:
    scrape = generate_scrape(seed=3, events=3, started_at=datetime(2026, 11, 22, 12, tzinfo=UTC))
    values = [orjson.dumps(seen.observation) for seen in scrape]
    assert max(map(len, values)) > 1_000_000
    records = [FakeRecord(offset=offset, value=value) for offset, value in enumerate(values * 3)]
    assert await times_served_during(lambda: Ground().handler(2**25).handle(records)) > WELL_SERVED


async def test_the_event_loop_is_served_while_a_record_made_to_be_slow_is_handled() -> None:
    records = batch(1, large_record("%d", 1_400_000))
    assert await times_served_during(lambda: Ground().handler(2**25).handle(records)) > WELL_SERVED
