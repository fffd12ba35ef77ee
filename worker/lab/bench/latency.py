"""From publishing an observation to its resolved event, at a steady rate below the highest."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from schemas import ID_HEADER
from worker.kafka.bounded_reader import read_topic
from worker.kafka.connections import admin_of
from worker.lab.bench.contestants import CONTESTANTS
from worker.lab.bench.ground import Coordinate, Ground, Published, RunSite, scraper, send
from worker.lab.bench.processes import started
from worker.lab.bench.trial import Ends, require_right, run
from worker.lab.bench.verdict import judge
from worker.lab.bench.workloads import Message, Workload

SHARES: Final = (0.3, 0.7)
_QUANTILES: Final = (0.5, 0.99, 0.999)
# What has come while the process was starting, with nothing remembered yet, is to be worked off by then.
_WARMING_S: Final = 5.0


class Latency(NamedTuple):
    """Milliseconds by quantile at ``rate`` messages/s, which is ``share`` of the highest."""

    share: float
    rate: float
    messages: int
    p50_ms: float
    p99_ms: float
    p999_ms: float


async def latencies(
    ground: Ground, workload: Workload, *, seconds: float, partitions: int
) -> list[Latency]:
    """Find the highest rate of one worker, then measure at shares of it, each for this number of seconds."""
    highest = await run(
        ground, await ground.publish(workload, partitions=partitions), CONTESTANTS["worker"]
    )
    require_right(highest.contestant, highest.faults)
    rate = highest.messages / highest.seconds
    return [
        await _measure(
            ground, workload, share, share * rate, seconds=seconds, partitions=partitions
        )
        for share in SHARES
    ]


async def _measure(
    ground: Ground,
    workload: Workload,
    share: float,
    rate: float,
    *,
    seconds: float,
    partitions: int,
) -> Latency:
    number = math.ceil(rate * (_WARMING_S + seconds))
    messages = [workload.messages[each % len(workload.messages)] for each in range(number)]
    published = Published(Workload(workload.name, messages), await ground.topics(partitions), {})
    async with (
        ground.place(published) as place,
        started(CONTESTANTS["worker"], place) as running,
    ):
        await running[0].has_said("partition_opened")
        ends = await Ends.of(place)
        due_ms = await _publish_steadily(place, messages, rate)
        await ends.reached(running)
        places = dict(zip(due_ms, messages, strict=True))
        judged = replace(place, published=replace(published, places=places))
        require_right("worker", await judge(judged, CONTESTANTS["worker"]))
        waited = sorted(
            await _waited_ms(place, due_ms, since_ms=min(due_ms.values()) + 1000 * _WARMING_S)
        )
    return Latency(share, rate, len(waited), *(_quantile(waited, each) for each in _QUANTILES))


async def _publish_steadily(
    place: RunSite, messages: Sequence[Message], rate: float
) -> dict[Coordinate, float]:
    """When each record was due, in milliseconds since the epoch. A late one counts from when it was due."""
    began_s = time.time()
    async with scraper(place.settings) as producer:
        acks = []
        for number, message in enumerate(messages):
            await asyncio.sleep(began_s + number / rate - time.time())
            acks.append(await send(producer, place.settings, message))
        places = await asyncio.gather(*acks)
    return {
        (where.topic, where.partition, where.offset): 1000 * (began_s + number / rate)
        for number, where in enumerate(places)
    }


async def _waited_ms(
    place: RunSite, due_ms: dict[Coordinate, float], *, since_ms: float
) -> list[float]:
    """By event, from when its observation was due to the broker's time of its arrival."""
    ids = await admin_of(place.settings).topics.ids(place.settings.topics.observations.values())
    due = {f"{ids[topic]}/{number}/{offset}": ms for (topic, number, offset), ms in due_ms.items()}
    waited = []
    for record in await read_topic(place.settings, place.resolved):
        at_ms = due[dict(record.headers)[ID_HEADER].decode()]
        if at_ms >= since_ms:
            waited.append(record.timestamp - at_ms)
    return waited


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]
