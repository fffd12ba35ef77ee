"""Whether a run was right. A fast wrong result is a failed run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import asyncpg
import orjson

from schemas import ID_HEADER
from worker.kafka.bounded_reader import read_topic
from worker.kafka.connections import admin_of
from worker.kafka.record import Record
from worker.lab.bench.contestants import Contestant
from worker.lab.bench.ground import Published, RunSite
from worker.lab.bench.workloads import Message
from worker.lab.synthetic.expected import UNKNOWN_MARKET, expected_miss_counts
from worker.lab.synthetic.oracle import check

_COUNTS = "SELECT source, external_market_id, occurrence_count FROM unmapped_market_log"
_SHOWN = 3

MissCounts = Counter[tuple[str, str]]
KeyedValues = Counter[tuple[bytes | None, bytes | None]]


async def judge(place: RunSite, contestant: Contestant) -> list[str]:
    """What is wrong with what a run has left, in sentences; nothing when all is right."""
    records = await read_topic(place.settings, place.resolved)
    faults = list(await _wrong_outputs(place, contestant, records))
    if contestant.counts:
        faults += wrong_counts(place.published.workload.messages, await _counted(place))
    return (
        faults if len(faults) <= _SHOWN else [*faults[:_SHOWN], f"and {len(faults) - _SHOWN} more"]
    )


async def _wrong_outputs(
    place: RunSite, contestant: Contestant, records: Sequence[Record]
) -> Iterable[str]:
    match contestant.truth:
        case "unchanged":
            return changed(place.published.workload.messages, records)
        case "looked up":
            return wrongly_looked_up(place.published, records)
        case "resolved":
            ids = await admin_of(place.settings).topics.ids(
                place.settings.topics.observations.values()
            )
            return wrong_events(place.published, ids, records)


def changed(messages: Sequence[Message], records: Sequence[Record]) -> Iterator[str]:
    """Records that are not what was published, byte for byte, each as often as it was."""
    sent: Counter[tuple[bytes | None, bytes | None]] = Counter(
        (message.key, message.value) for message in messages
    )
    got = KeyedValues((record.key, record.value) for record in records)
    if sent != got:
        missing, extra = (sent - got).total(), (got - sent).total()
        yield f"{missing} messages are missing, {extra} are not what was published"


def wrong_events(
    published: Published, ids: dict[str, str], records: Sequence[Record]
) -> Iterator[str]:
    """Every message has one event, and the event says what the generator knows to be true."""
    by_source = {_header(record): record for record in records}
    if len(by_source) != len(records):
        yield f"{len(records) - len(by_source)} events are repeated"
    for (topic, partition, offset), message in published.places.items():
        record = by_source.pop(f"{ids[topic]}/{partition}/{offset}", None)
        if record is None:
            yield f"{topic} {partition} {offset}: no event"
            continue
        for difference in check(message.seen.expected, orjson.loads(record.value or b"{}")):
            yield f"{topic} {partition} {offset}: {' '.join(difference)}"
    if by_source:
        yield f"{len(by_source)} events of no message"


def wrongly_looked_up(published: Published, records: Sequence[Record]) -> Iterator[str]:
    """What a lookup by id alone can know: which markets are known under no id at all."""
    for record in records:
        topic, partition, offset = _header(record).split("/")
        message = published.places[topic, int(partition), int(offset)]
        known = {
            miss.external_market_id
            for miss in message.seen.expected.misses
            if miss.reason == UNKNOWN_MARKET
        }
        if set(orjson.loads(record.value or b"{}")["misses"]) != known:
            yield f"{topic} {partition} {offset}: other misses"


def wrong_counts(messages: Sequence[Message], counted: MissCounts) -> Iterator[str]:
    """Markets whose count is not the number of messages that missed them."""
    expected = expected_miss_counts(message.seen for message in messages)
    for key in sorted(counted.keys() | expected.keys()):
        if counted[key] != expected[key]:
            yield f"{' '.join(key)}: counted {counted[key]} times, missed {expected[key]} times"


def _header(record: Record) -> str:
    return (dict(record.headers)[ID_HEADER] or b"").decode()


async def _counted(place: RunSite) -> MissCounts:
    connection = await asyncpg.connect(place.settings.database_url)
    try:
        rows = await connection.fetch(_COUNTS)
    finally:
        await connection.close()
    return Counter(
        {(row["source"], row["external_market_id"]): row["occurrence_count"] for row in rows}
    )
