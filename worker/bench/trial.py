"""One run: a contestant takes a workload from the topics, is measured meanwhile, and judged afterwards."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import asyncpg
from aiokafka import TopicPartition

from worker.app.kafka import admin_of
from worker.bench.contestants import Contestant
from worker.bench.ground import Ground, Place, Published
from worker.bench.meters import Meters, Reading, log_bytes, peak_mib
from worker.bench.processes import BenchError, Process, started, until
from worker.bench.verdict import judge
from worker.domain.errors import TransientError
from worker.ingest.admin import KafkaAdmin

_GLANCE_S: Final = 0.05
_LOOK_S: Final = 0.01


class Trial(NamedTuple):
    """What a run took. Without servers in it, as in memory, what they took is 0. ``faults``: why it failed."""

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
    ground: Ground, published: Published, contestant: Contestant, *, processes: int = 1, **settings: Any
) -> Trial:
    """Measure one run, with so many processes in one group."""
    async with ground.place(published, **settings) as place:
        os.sync()  # else the broker's write-back of the run before falls into this one
        async with started(contestant, place, processes) as running:
            taken = await _measured(ground, place, running)
            peak = max(peak_mib(process.pid) for process in running)
            size = log_bytes(ground.services, place.outputs)
        faults = await judge(place, contestant)
    messages = _awaited(published, contestant)
    share = messages / len(published.workload.messages)
    return Trial(
        workload=published.workload.name,
        contestant=contestant.name,
        processes=processes,
        messages=messages,
        markets=round(published.workload.markets * share),
        bytes_in=round(published.workload.bytes * share),
        seconds=taken.at_s,
        cpu_s=taken.cpu_s,
        broker_cpu_s=taken.broker_cpu_s,
        postgres_cpu_s=taken.postgres_cpu_s,
        peak_mib=peak,
        statements=taken.statements,
        rows=taken.rows,
        wal_bytes=taken.wal_bytes,
        bytes_out=size,
        faults=faults,
    )


async def _measured(ground: Ground, place: Place, running: Sequence[Process]) -> Reading:
    contestant = running[0].contestant
    if contestant.end == "measured":
        line = await running[0].has_said("measured")
        return Reading(line["seconds"], line["cpu_s"], 0, 0, 0, 0, 0)
    connection = await asyncpg.connect(ground.services.postgres)
    try:
        meters = Meters(ground.services, connection, place.database)
        pids = [process.pid for process in running]
        for process in running:
            await process.has_said(contestant.begins)
        before = await meters.read(pids)
        await _over(place, running)
        return (await meters.read(pids)).since(before)
    finally:
        await connection.close()


async def _over(place: Place, running: Sequence[Process]) -> None:
    """Wait for the end of the outputs, which is cheap to ask for; then for the last commit, which is not."""
    contestant, admin = running[0].contestant, admin_of(place.settings)
    wanted = _awaited(place.published, contestant)
    await until(partial(_are_published, admin, place, wanted, running), every_s=_GLANCE_S)
    if contestant.end == "committed":
        await until(partial(_are_committed, admin, place), every_s=_LOOK_S)


async def _are_published(admin: KafkaAdmin, place: Place, wanted: int, running: Sequence[Process]) -> bool:
    for process in running:
        process.require_alive()
    places = [TopicPartition(place.resolved, number) for number in range(place.settings.partitions)]
    published = sum((await admin.high_watermarks(places)).values())
    dead = await admin.high_watermarks([TopicPartition(place.settings.prefixed(place.settings.topic_dead), 0)])
    if any(dead.values()):
        raise BenchError(f"{running[0].contestant.name} wrote {sum(dead.values())} dead letters")
    return published >= wanted


async def _are_committed(admin: KafkaAdmin, place: Place) -> bool:
    ends = place.published.ends
    try:
        committed = await admin.committed(place.settings.group_id, ends)
    except TransientError:  # the group is just being formed
        return False
    return all(at in committed and committed[at].offset >= end for at, end in ends.items())


def _awaited(published: Published, contestant: Contestant) -> int:
    return min(len(published.workload.messages), contestant.most or len(published.workload.messages))
