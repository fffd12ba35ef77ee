"""Counts that the database refuses, against a table that takes all of a call or nothing, as Postgres does."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from tests.support.markets import FOOTBALL, observation, sportybet
from tests.support.records import FakeRecord, partition_of, place
from worker.domain.errors import FatalError
from worker.domain.misses import Tally, sample
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
from worker.ingest.reading.record_ids import RecordIds
from worker.kafka.record import Partition, Record

LARGEST = 2**31 - 1


def misses(*ids: str) -> bytes:
    return observation("sportybet", [sportybet(name, prices={"Yes": "2"}) for name in ids])


GOOD, BAD, UNREADABLE = misses("good"), misses("good", "bad"), b"no json"


class Letters:
    """An encoder whose outputs say what they are of which record."""

    def resolved(
        self, source_id: str, record: Record, envelope: Any, resolution: Resolution, version: int
    ) -> tuple[str, str] | None:
        return ("resolved", source_id)

    def dead(
        self, source_id: str, record: Record, reason: str, detail: str, ids: RecordIds
    ) -> tuple[str, str]:
        return (f"{reason} {detail}" if reason == "DATABASE_REFUSED" else reason, source_id)


@dataclass
class Table:
    """Counts and watermarks that change together or not at all; ``banned`` ids and overflows are refused."""

    banned: frozenset[str] = frozenset({"bad"})
    counts: Counter[str] = field(default_factory=Counter)
    watermarks: dict[Partition, int] = field(default_factory=dict)
    samples: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    committed: int = 0
    refused: int = 0
    refuses_all: bool = False

    async def add(self, moves: Sequence[tuple[Partition, int, int]], counts: Tally) -> None:
        if any(self.watermarks.get(at, 0) != expected for at, expected, _ in moves):
            raise WatermarksMovedError({at: self.watermarks.get(at, 0) for at, _, _ in moves})
        summed = self.counts + Counter(
            {key: count.occurrences for (_, key), count in counts.items()}
        )
        if (
            self.refuses_all
            or self.banned & summed.keys()
            or max(summed.values(), default=0) > LARGEST
        ):
            self.refused += 1
            raise CountsRefusedError("22003: integer out of range")
        self.counts = summed
        for (_, key), count in counts.items():
            self.samples[key].append(len(sample(count.missed.rows)))
        self.watermarks |= {at: end for at, _, end in moves}
        self.committed += 1


@dataclass
class Ground:
    table: Table = field(default_factory=Table)
    brake: Brake = field(default_factory=lambda: Brake(Limits(0, 0, 1)))
    sent: list[tuple[str, str]] = field(default_factory=list)
    reports: list[BatchReport] = field(default_factory=list)
    commits: list[dict[Partition, int]] = field(default_factory=list)
    tripped: list[Tripped] = field(default_factory=list)
    stopped: list[Partition] = field(default_factory=list)
    believed: dict[Partition, int] = field(default_factory=dict)
    is_over = False
    current = FOOTBALL

    async def send(self, outputs: Sequence[tuple[str, str]]) -> None:
        self.sent += outputs

    @asynccontextmanager
    async def claim(self, records: Sequence[Record]) -> AsyncIterator[Ground]:
        self.first = records
        yield self

    def release(self, records: Sequence[Record]) -> None:
        pass

    def partition_of(self, record: FakeRecord) -> Partition:
        return partition_of(record)

    def watermarks(self, of: Sequence[Partition]) -> dict[Partition, int]:
        return {at: self.believed.get(at, 0) for at in of}

    def watermarks_are(self, current: dict[Partition, int]) -> None:
        self.believed |= current

    async def commit(self, ends: dict[Partition, int], records: Sequence[Record]) -> None:
        self.commits.append(ends)

    def taken_brakes(self) -> dict[Partition, BrakeState]:
        return {}

    async def stop(self, at: Partition, sentence: str, brake: BrakeState) -> None:
        self.stopped.append(at)

    def report(self, event: BatchReport | Tripped) -> None:
        if isinstance(event, Tripped):
            self.tripped.append(event)
        else:
            self.reports.append(event)

    async def handle(self, records: Sequence[FakeRecord]) -> None:
        handler: BatchHandler[tuple[str, str]] = BatchHandler(
            assignment=cast("Assignment", self),
            indexes=self,
            planner=Planner(Letters(), max_message_bytes=100_000),
            outputs=self,
            counts=self.table,
            part_max_bytes=2**30,
            report=self.report,
            brake=self.brake,
        )
        await handler.handle(records)

    @property
    def letters(self) -> list[int]:
        """The offsets of the dead letters for counts that were refused."""
        return [
            int(at.rpartition("/")[2])
            for what, at in self.sent
            if what.startswith("DATABASE_REFUSED")
        ]


def batch(values: Sequence[bytes], first: int = 0) -> list[FakeRecord]:
    return [
        FakeRecord(offset=offset, value=value, partition=offset % 2)
        for offset, value in enumerate(values, first)
    ]


async def test_a_refused_record_gets_a_dead_letter_and_its_neighbours_are_counted() -> None:
    ground = Ground()
    await ground.handle(batch([GOOD, GOOD, BAD, GOOD, GOOD]))
    assert ground.letters == [2]
    assert ground.table.counts == Counter(good=4)
    assert ground.commits == [{place(0): 5, place(1): 4}]
    assert ground.table.watermarks == {place(0): 5, place(1): 4}


async def test_the_dead_letter_tells_what_the_database_says() -> None:
    ground = Ground()
    await ground.handle(batch([BAD]))
    assert [what for what, _ in ground.sent] == [
        "resolved",
        "DATABASE_REFUSED 22003: integer out of range",
    ]


async def test_what_is_counted_apart_from_newer_records_still_shows_its_outcomes() -> None:
    ground = Ground()
    await ground.handle(batch([GOOD, GOOD, BAD, GOOD]))
    assert set(ground.table.samples["good"]) == {1}
    assert len(ground.table.samples["good"]) > 1


async def test_a_refused_record_is_reported_as_a_dead_letter() -> None:
    ground = Ground()
    await ground.handle(batch([GOOD, BAD, UNREADABLE]))
    (report,) = ground.reports
    assert report.dead == Counter(DATABASE_REFUSED=1, INVALID_JSON=1)


async def test_the_sum_of_a_batch_that_overflows_is_counted_as_far_as_it_goes() -> None:
    ground = Ground(Table(counts=Counter(good=LARGEST - 3)))
    await ground.handle(batch([GOOD] * 8))
    assert ground.table.counts == Counter(good=LARGEST)
    assert ground.letters == [3, 4, 5, 6, 7]


@LAWS
@given(st.lists(st.sampled_from([GOOD, GOOD, BAD, UNREADABLE]), min_size=1, max_size=24))
async def test_whatever_the_mixture_the_good_ones_are_counted_once_and_the_refused_ones_told_once(
    values: list[bytes],
) -> None:
    ground = Ground()
    await ground.handle(batch(values))
    assert ground.table.counts["good"] == values.count(GOOD)
    assert ground.letters == [offset for offset, value in enumerate(values) if value is BAD]


@LAWS
@given(st.integers(1, 64), st.data())
async def test_one_refused_record_costs_a_logarithm_of_further_transactions(
    size: int, data: st.DataObject
) -> None:
    bad = data.draw(st.integers(0, size - 1))
    ground = Ground()
    await ground.handle(batch([BAD if offset == bad else GOOD for offset in range(size)]))
    steps = math.ceil(math.log2(size))
    assert ground.table.committed <= steps + 1
    assert ground.table.refused <= steps + 1


async def test_a_batch_that_comes_again_after_a_crash_in_the_middle_is_counted_once_under_the_same_ids() -> (
    None
):
    ground, values = Ground(), [GOOD, GOOD, BAD, GOOD]
    original = ground.table.add
    calls = 0

    async def dies_after_three(moves: Sequence[tuple[Partition, int, int]], counts: Tally) -> None:
        nonlocal calls
        calls += 1
        if calls > 3:
            raise FatalError("killed")
        await original(moves, counts)

    ground.table.add = dies_after_three  # type: ignore[method-assign]  # dies in the middle
    with pytest.raises(FatalError, match="killed"):
        await ground.handle(batch(values))
    assert ground.commits == []
    again = Ground(ground.table)
    ground.table.add = original  # type: ignore[method-assign]  # the next process
    await again.handle(batch(values))
    assert ground.table.counts == Counter(good=3)
    assert set(ground.sent) <= set(again.sent)
    assert again.letters == [2]


async def test_counts_that_are_refused_though_there_are_none_are_fatal() -> None:
    ground = Ground(Table(refuses_all=True))
    with pytest.raises(FatalError, match="without counts"):
        await ground.handle(batch([GOOD, GOOD]))
    assert ground.commits == []


async def test_refused_records_come_to_the_brake_before_they_are_dead_lettered() -> None:
    ground = Ground(brake=Brake(Limits(3, 0, 1)))
    await ground.handle([FakeRecord(offset=offset, value=BAD) for offset in range(10)])
    assert ground.letters == [0, 1]
    assert ground.commits == [{place(0): 2}]
    assert [report.records for report in ground.reports] == [2]
    assert [tripped.first_offset for tripped in ground.tripped] == [0]
    assert ground.table.watermarks == {place(0): 2}


async def test_nothing_of_a_part_that_comes_to_the_brake_is_published() -> None:
    ground = Ground(brake=Brake(Limits(3, 0, 1)))
    await ground.handle([FakeRecord(offset=offset, value=UNREADABLE) for offset in range(2)])
    published = list(ground.sent)
    await ground.handle([FakeRecord(offset=offset, value=UNREADABLE) for offset in range(2, 4)])
    assert ground.sent == published
    assert ground.tripped[0].reasons == Counter(INVALID_JSON=3)
    assert ground.commits == [{place(0): 2}]


async def test_a_brake_that_trips_while_counts_are_refused_leaves_other_partitions_counted() -> (
    None
):
    ground = Ground(brake=Brake(Limits(2, 0, 1)))
    bad = [FakeRecord(offset=offset, value=BAD) for offset in range(4)]
    good = [FakeRecord(offset=offset, value=GOOD, partition=1) for offset in range(4)]
    mixed = [record for pair in zip(bad, good, strict=True) for record in pair]
    await ground.handle(mixed)
    assert ground.table.watermarks == {place(0): 1, place(1): 4}
    assert ground.commits == [{place(0): 1, place(1): 4}]
    assert ground.stopped == [place(0)]
    assert [report.records for report in ground.reports] == [5]
