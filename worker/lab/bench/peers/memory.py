"""In memory: `resolver` decodes, plans and encodes every record; `orjson` reads and writes it once.

The records are read from Kafka before, and the outputs published after what is measured. `resolver N` has N
mappings in its index: those of the table, and others that no message names.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import orjson

from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping, parse_mapping
from worker.ingest.planning.plan import Planner, combine
from worker.ingest.planning.recall import make_planner
from worker.kafka.bounded_reader import read_topic
from worker.kafka.connections import admin_of, client_connection
from worker.kafka.producer import Outputs
from worker.kafka.record import Outgoing, Partition, RawRecord
from worker.lab.bench.peers.kafka import say
from worker.runtime.planner import clock_guard, make_encoder
from worker.settings.connected import ConnectedSettings, load_connected
from worker.settings.settings import Settings
from worker.storage.engine import opened, transaction
from worker.storage.mappings import load_index_rows

Work = Callable[[Sequence[RawRecord]], list[Outgoing]]
_BATCH = 64


async def resolver(settings: ConnectedSettings, mappings: int = 0) -> Work:
    index = await load_index(settings, mappings)
    ids = await admin_of(settings).topics.ids(settings.topics.observations.values())
    planner = planner_of(settings)

    def resolve(records: Sequence[RawRecord]) -> list[Outgoing]:
        placed = [
            (record, Partition(record.topic, record.partition, ids[record.topic]))
            for record in records
        ]
        plan = combine(planner.plan_all(placed, index))
        planner.tally(sighting for _, _, sighting in plan.sightings)
        return list(plan.outputs)

    return resolve


def reader_and_writer(settings: ConnectedSettings) -> Work:
    topic = settings.topics.resolved

    def read_and_write(records: Sequence[RawRecord]) -> list[Outgoing]:
        return [
            Outgoing(topic, record.key, orjson.dumps(orjson.loads(record.value or b"")), [])
            for record in records
        ]

    return read_and_write


def planner_of(settings: Settings) -> Planner[Outgoing]:
    """As the worker has it."""
    return make_planner(
        make_encoder(settings),
        max_message_bytes=settings.max_message_bytes,
        guard=clock_guard(settings),
    )


async def load_index(settings: ConnectedSettings, size: int) -> MappingIndex:
    """The table's mappings, filled up to ``size``."""
    async with opened(settings.database_url) as engine, transaction(engine) as connection:
        version, rows = await load_index_rows(connection)
    mappings = [parse_mapping(row) for row in rows]
    return MappingIndex([*mappings, *fillers(mappings[0], size - len(mappings))], version)


def fillers(like: Mapping, number: int) -> Iterator[Mapping]:
    """Mappings of markets that nobody sells, a third of them on each platform."""
    for each in range(number):
        name = f"filler_{each}"
        betpawa, sportybet, bet9ja = (name if each % 3 == place else None for place in range(3))
        yield Mapping(name, "filler", like.outcomes, betpawa, sportybet, bet9ja)


async def main(work: Work, settings: ConnectedSettings) -> None:
    topics = settings.topics.observations.values()
    records = [record for topic in topics for record in await read_topic(settings, topic)]
    gc.collect()
    gc.freeze()
    outputs: list[Outgoing] = []
    since_s, cpu_since_s = time.perf_counter(), time.process_time()
    for start in range(0, len(records), _BATCH):
        outputs += work(records[start : start + _BATCH])
    seconds, cpu_s = time.perf_counter() - since_s, time.process_time() - cpu_since_s
    await publish(settings, outputs)
    say("measured", seconds=seconds, cpu_s=cpu_s)


async def publish(settings: ConnectedSettings, outputs: Sequence[Outgoing]) -> None:
    sink = Outputs(
        client_connection(settings),
        timeout_s=settings.publish_timeout_s,
    )
    await sink.start()
    for start in range(0, len(outputs), _BATCH):
        await sink.send(outputs[start : start + _BATCH])
    await sink.stop()


async def run() -> None:
    settings = load_connected()
    kind, *sizes = sys.argv[1:]
    if kind == "orjson":
        await main(reader_and_writer(settings), settings)
    else:
        await main(await resolver(settings, *map(int, sizes)), settings)


if __name__ == "__main__":
    asyncio.run(run())
