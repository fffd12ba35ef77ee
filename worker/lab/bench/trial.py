"""One run: a contestant takes a workload from the topics, is measured meanwhile, and judged afterwards."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple, Self

import asyncpg
from aiokafka import TopicPartition

from worker.kafka.connections import admin_of
from worker.lab.bench.contestants import Contestant
from worker.lab.bench.ground import Ground, Published, RunSite
from worker.lab.bench.meters import MeterReading, Meters, log_bytes, peak_mib, rows_written
from worker.lab.bench.processes import BenchError, Process, started, until
from worker.lab.bench.verdict import judge

_GLANCE_S: Final = 0.05
_LOOK_S: Final = 0.01


class Trial(NamedTuple):
    """What a run took; in memory the servers take nothing. ``faults``: why it failed."""

    workload: str
    contestant: str
    processes: int
    messages: int
    markets: int
    bytes_in: int
    seconds: float
    cpu_s: float
    broker_cpu_s: float
    postgres_cpu_s: float
    peak_mib: float
    statements: int
    rows: int
    wal_bytes: int
    bytes_out: int
    faults: Sequence[str]


async def run(
    ground: Ground, published: Published, contestant: Contestant, *, processes: int = 1
) -> Trial:
    """Measure one run, with this number of processes in one group."""
    async with ground.place(published) as place:
        ends = await Ends.of(place)
        os.sync()  # else the broker's write-back of the run before falls into this one
        async with started(contestant, place, processes) as running:
            taken = await _measured(ground, ends, running)
            peak = max(peak_mib(process.pid) for process in running)
            size = log_bytes(ground.services, place.outputs)
        rows = await rows_written(ground.services, place.database)
        faults = await judge(place, contestant)
    share = taken.messages / len(published.workload.messages)
    return Trial(
        workload=published.workload.name,
        contestant=contestant.name,
        processes=processes,
        messages=taken.messages,
        markets=round(published.workload.markets * share),
        bytes_in=round(published.workload.bytes * share),
        seconds=taken.reading.at_s,
        cpu_s=taken.reading.cpu_s,
        broker_cpu_s=taken.reading.broker_cpu_s,
        postgres_cpu_s=taken.reading.postgres_cpu_s,
        peak_mib=peak,
        statements=taken.reading.statements,
        rows=rows,
        wal_bytes=taken.reading.wal_bytes,
        bytes_out=size,
        faults=faults,
    )


def require_right(contestant: str, faults: Sequence[str]) -> None:
    """Raise BenchError for a wrong run."""
    if faults:
        raise BenchError("\n".join([f"{contestant} was wrong:", *faults]))


class _Taken(NamedTuple):
    """From the moment at which every process fetches; ``messages`` are those that were to come then."""

    messages: int
    reading: MeterReading


async def _measured(ground: Ground, ends: Ends, running: Sequence[Process]) -> _Taken:
    place = ends.place
    if running[0].contestant.end == "measured":
        line = await running[0].has_said("measured")
        own = MeterReading(line["seconds"], line["cpu_s"], 0, 0, 0, 0)
        return _Taken(len(place.published.workload.messages), own)
    connection = await asyncpg.connect(ground.services.postgres)
    try:
        return await _watched(Meters(ground.services, connection, place.database), ends, running)
    finally:
        await connection.close()


async def _watched(meters: Meters, ends: Ends, running: Sequence[Process]) -> _Taken:
    pids = [process.pid for process in running]
    for process in running:
        await process.has_said(process.contestant.begins)
    before = await meters.read(pids)
    done = 0 if len(running) == 1 else await ends.published()
    left = len(ends.place.published.workload.messages) - done
    if not left:
        raise BenchError(f"{len(running)} processes were done before the last of them began")
    await ends.reached(running)
    return _Taken(left, (await meters.read(pids)).since(before))


class Ends:
    """How far a run is."""

    def __init__(self, place: RunSite) -> None:
        self.place = place
        self._admin = admin_of(place.settings)

    @classmethod
    async def of(cls, place: RunSite) -> Self:
        """Once the cluster has answered: its first answer to a client may take seconds."""
        ends = cls(place)
        await until(ends._are_told, every_s=_GLANCE_S)
        return ends

    async def reached(self, running: Sequence[Process]) -> None:
        """Wait for the end of the outputs, which is cheap to ask for; then for the last commit."""
        await until(partial(self._are_published, running), every_s=_GLANCE_S)
        if running[0].contestant.end == "committed":
            await until(self._are_committed, every_s=_LOOK_S)

    async def published(self) -> int:
        """How many events there are. Raises BenchError when there are dead letters, too."""
        resolved, dead = self.place.resolved, TopicPartition(self.place.dead, 0)
        events = [
            TopicPartition(resolved, number) for number in range(self.place.settings.partitions)
        ]
        ends = await self._admin.offsets.high_watermarks([*events, dead])
        if letters := ends.pop(dead):
            raise BenchError(f"{letters} messages became dead letters")
        return sum(ends.values())

    async def _are_told(self) -> bool:
        return await self.published() >= 0

    async def _are_published(self, running: Sequence[Process]) -> bool:
        for process in running:
            process.require_alive()
        return await self.published() >= len(self.place.published.workload.messages)

    async def _are_committed(self) -> bool:
        ends = self.place.published.ends
        committed = await self._admin.groups.committed(self.place.settings.group_id, ends)
        return all(at in committed and committed[at].offset >= end for at, end in ends.items())
