"""The snapshot process: rate, memory, what compaction leaves of its topic, how soon that is open again."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import orjson
import psutil
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from schemas.fields import parse_timestamp, timestamp_text
from worker.kafka.bounded_reader import read_topic
from worker.kafka.connections import admin_of
from worker.kafka.record import Outgoing, RawRecord
from worker.kafka.topic_specs import topic_specs
from worker.lab.bench.contestants import Contestant
from worker.lab.bench.ground import Ground, RunSite
from worker.lab.bench.meters import cpu_s, log_bytes, peak_mib
from worker.lab.bench.peers.memory import publish, resolver
from worker.lab.bench.processes import BenchError, Process, started, until
from worker.lab.bench.workloads import STARTED_AT, workload
from worker.lab.synthetic.expected import Generated
from worker.runtime.snapshot.state import SeenEvent, seen_in
from worker.settings.connected import ConnectedSettings

# How often each event is seen, a minute apart.
SCRAPES: Final = 5
_EVERY: Final = timedelta(minutes=1)
_GLANCE_S: Final = 0.02
# Longer than the broker's cleaner rests when it finds nothing to do: 15 s.
_TURN_S: Final = 3.0
_UNCHANGED_TURNS: Final = 6
_MOST_TURNS: Final = 60
_OBSERVED_AT: Final = re.compile(rb'(?<="observed_at":")[^"]+')
_PROCESS: Final = Contestant(
    "snapshot", "the snapshot process", "worker.cli", ("run", "snapshot"), begins="snapshot_opened"
)
# Segments end at once and are cleaned as soon as anything in them is out of date.
_EAGER: Final = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"}


class SnapshotCost(NamedTuple):
    """One process over ``messages`` resolved events that wait for it, each of another event.

    ``written_bytes`` are those of the topic once all were seen ``SCRAPES`` times. Bytes are those of the
    broker's logs. ``opened_s``: from the start of a process, the interpreter included,
    until it has all partitions open that another one left.
    """

    messages: int
    seconds: float
    cpu_s: float
    broker_cpu_s: float
    peak_mib: float
    read_bytes: int
    written_bytes: int
    compacted_bytes: int
    opened_s: float


async def measure_snapshot(
    ground: Ground, source: Sequence[Generated], *, partitions: int
) -> SnapshotCost:
    """Run one process over a scrape that is repeated; judge what it keeps, compact it, open it again."""
    published = await ground.publish(workload("scrape", source), partitions=partitions)
    settings = published.settings.model_copy(
        update={
            "snapshot_group_id": f"{published.settings.topic_prefix}snapshot",
            "snapshot_unseen_s": 0,
        }
    )
    latest = settings.topics.latest
    wanted = {settings.topics.resolved, latest}
    await admin_of(settings).topics.create(
        [spec for spec in topic_specs(settings) if spec.name in wanted]
    )
    outputs = await _resolved(settings)
    await publish(settings, outputs)
    place = RunSite(published, settings)
    broker = psutil.Process(ground.services.kafka_service.pid)
    async with started(_PROCESS, place) as (process,):
        measured = psutil.Process(process.pid)
        await _has_opened(process, settings.partitions)  # then it begins to read
        since_s, since_cpu_s, before = time.perf_counter(), cpu_s(measured), cpu_s(broker)
        await _read_through(settings, process)
        seconds, taken_s = time.perf_counter() - since_s, cpu_s(measured) - since_cpu_s
        broker_s, peak = cpu_s(broker) - before, peak_mib(process.pid)
        for number in range(1, SCRAPES):
            await publish(settings, [_later(output, number * _EVERY) for output in outputs])
            await _read_through(settings, process)
        await _judge(settings, len(outputs))
        written = log_bytes(ground.services, [latest])
        compacted = await _compacted(ground, settings, process, written)
    return SnapshotCost(
        messages=len(outputs),
        seconds=seconds,
        cpu_s=taken_s,
        broker_cpu_s=broker_s,
        peak_mib=peak,
        read_bytes=log_bytes(ground.services, [settings.topics.resolved]),
        written_bytes=written,
        compacted_bytes=compacted,
        opened_s=await _opened_again_s(place),
    )


async def _resolved(settings: ConnectedSettings) -> list[Outgoing]:
    """Resolve what is published, as a worker does."""
    resolve = await resolver(settings)
    topics = settings.topics.observations.values()
    records = [record for topic in topics for record in await read_topic(settings, topic)]
    return resolve(records)


def _later(output: Outgoing, by: timedelta) -> Outgoing:
    """The same event, seen later."""
    value = output.value or b""

    def moved(found: re.Match[bytes]) -> bytes:
        return timestamp_text(parse_timestamp(found[0].decode()) + by).encode()

    return output._replace(value=_OBSERVED_AT.sub(moved, value, count=1))


async def _read_through(settings: ConnectedSettings, process: Process) -> None:
    """Wait until the group has committed all of the topic."""
    admin = admin_of(settings)
    places = await admin.topics.partitions([settings.topics.resolved])
    ends = await admin.offsets.log_ends(places)

    async def are_committed() -> bool:
        process.require_alive()
        found = await admin.groups.committed(settings.snapshot_group_id, places)
        return all(at in found and found[at].offset >= end for at, end in ends.items() if end)

    await until(are_committed, every_s=_GLANCE_S)


async def _judge(settings: ConnectedSettings, events: int) -> None:
    """Raise BenchError unless the topic has so many keys, and each holds what was seen of it last."""
    seen = _seen_in(await read_topic(settings, settings.topics.resolved))
    newest: dict[bytes, datetime] = {}
    for event in seen:
        newest[event.key] = max(event.observed_at, newest.get(event.key, event.observed_at))
    kept = _seen_in(await read_topic(settings, settings.topics.latest))
    if {event.key: event.observed_at for event in kept} != newest or len(newest) != events:
        raise BenchError("the snapshot process does not keep the newest odds")


def _seen_in(records: Iterable[RawRecord]) -> list[SeenEvent]:
    found = [seen_in(record.value) for record in records]
    readable = [event for event in found if event is not None]
    if len(readable) < len(found):
        raise BenchError("a resolved event of the bench cannot be read")
    return readable


async def _compacted(
    ground: Ground, settings: ConnectedSettings, process: Process, written: int
) -> int:
    """Have the broker compact the topic; its bytes when that leaves no less any more."""
    latest = settings.topics.latest
    _alter(settings, latest)
    least, unchanged = written, 0
    for turn in range(_MOST_TURNS):
        process.require_alive()
        # A segment ends, and can be cleaned, only when a later record arrives.
        await publish(settings, _pokes(settings, turn))
        await _read_through(settings, process)
        await asyncio.sleep(_TURN_S)
        found = log_bytes(ground.services, [latest])
        unchanged = unchanged + 1 if found >= least else 0
        least = min(least, found)
        if unchanged >= _UNCHANGED_TURNS and least < written:
            return least
    raise BenchError("the broker does not compact the newest odds")


def _pokes(settings: ConnectedSettings, turn: int) -> list[Outgoing]:
    """A resolved event of nothing for each partition, later with each turn."""
    topic = settings.topics.resolved
    documents = [
        {
            "platform": "sportybet",
            "observed_at": timestamp_text(STARTED_AT + timedelta(seconds=turn)),
            "event": {"id": f"poke {partition}"},
            "mapping_version": 1,
        }
        for partition in range(settings.partitions)
    ]
    return [
        Outgoing(topic, b"poke", orjson.dumps(document), [], partition)
        for partition, document in enumerate(documents)
    ]


def _alter(settings: ConnectedSettings, topic: str) -> None:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in _EAGER.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    client = AdminClient({"bootstrap.servers": settings.kafka_bootstrap_servers, "log_level": 0})
    for altered in client.incremental_alter_configs([resource]).values():
        altered.result()


async def _opened_again_s(place: RunSite) -> float:
    """How long a process takes to have all partitions open that another one left."""
    since_s = time.perf_counter()
    async with started(_PROCESS, place) as (process,):
        await _has_opened(process, place.settings.partitions)
        return time.perf_counter() - since_s


async def _has_opened(process: Process, partitions: int) -> None:
    async def are_open() -> bool:
        process.require_alive()
        return process.times_said(_PROCESS.begins) >= partitions

    await until(are_open, every_s=_GLANCE_S)
