"""Everything the workers published, read on from where the last reading ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas import ID_HEADER
from schemas.fields import parse_timestamp
from tests.faults.stage.oracle import number_of_dead, observed_at, part_of
from tests.support.services.installation import Installation
from worker.kafka.record import RawRecord


class Output(NamedTuple):
    """A resolved event or a dead letter: which record it was made of, and its key."""

    number: int
    source_id: bytes
    key: bytes


class Tape:
    def __init__(self, installation: Installation) -> None:
        settings = installation.settings
        self._installation = installation
        self._resolved, self._dead, self._first_sightings = settings.topics.outputs
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka_bootstrap_servers, auto_offset_reset="earliest"
        )
        self.announced: set[str] = set()

    async def start(self) -> None:
        await self._consumer.start()
        topics = await self._installation.admin.topics.states(
            [self._resolved, self._dead, self._first_sightings]
        )
        places = [
            TopicPartition(t.name, number)
            for t in topics.values()
            for number in range(t.partitions)
        ]
        self._consumer.assign(places)

    async def stop(self) -> None:
        await self._consumer.stop()

    async def read(self) -> list[Output]:
        """What was published since the last call, up to where the topics end now; in order by key."""
        records = await self._read_on()
        for record in records[self._first_sightings]:
            self.announced.add(orjson.loads(record.value or b"")["external_market_id"])
        return [
            *(_resolved(record) for record in records[self._resolved]),
            *(_dead(record) for record in records[self._dead]),
        ]

    async def _read_on(self) -> dict[str, list[RawRecord]]:
        ends = await self._consumer.end_offsets(list(self._consumer.assignment()))
        records: defaultdict[str, list[RawRecord]] = defaultdict(list)
        while any([await self._consumer.position(place) < end for place, end in ends.items()]):
            for place, batch in (await self._consumer.getmany(timeout_ms=200)).items():
                records[place.topic] += batch
        return records


def _resolved(record: RawRecord) -> Output:
    """Raises ValueError when its part or its time is not that of the record."""
    document = orjson.loads(record.value or b"")
    number = int(document["event"]["home"])
    found = document["part"], parse_timestamp(document["observed_at"])
    if found != (part_of(number), parse_timestamp(observed_at(number))):
        raise ValueError(f"{number} came out as another part, or of another time: {found}")
    return Output(number, _source_id(record.headers), record.key or b"")


def _dead(record: RawRecord) -> Output:
    return Output(number_of_dead(record.value), _source_id(record.headers), record.key or b"")


def _source_id(headers: Sequence[tuple[str, bytes]]) -> bytes:
    return dict(headers)[ID_HEADER]
