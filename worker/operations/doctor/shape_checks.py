"""Samples of the newest observations, resolved as a worker resolves them, next to those of a day before.

A bookmaker that changes the form of what it sends is seen here at once, and with an example: metrics show
that a share has risen, but hold no market. The older records are planned first, so that what is recalled of
the newer ones is what had the same form a day before.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
from aiokafka import TopicPartition

from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.books.rows import abbreviate
from worker.domain.index import MappingIndex
from worker.ingest.planning.plan import Planned
from worker.ingest.planning.recall import IS_COMPILED, make_planner
from worker.ingest.reading.field_samples import sample_of
from worker.ingest.reading.framing import unframed
from worker.kafka.bounded_reader import OffsetRange, bounded_reader
from worker.kafka.connections import admin_of
from worker.kafka.record import Outgoing, Partition, RawRecord
from worker.operations.doctor.check import Check
from worker.operations.doctor.database_checks import opened_connection
from worker.operations.doctor.findings import Finding, failure
from worker.operations.doctor.parts import Part
from worker.operations.doctor.shape_verdicts import ShapeSample, judge_shapes
from worker.runtime.index.live import parse_rows
from worker.runtime.planner import clock_guard, make_encoder
from worker.settings.connected import ConnectedSettings, with_both
from worker.settings.settings import Settings
from worker.storage.mappings import load_index_rows

# Of each bookmaker, now and a day before. A large observation takes some ten milliseconds.
_MOST_RECORDS: Final = 20
_DAY_MS: Final = 24 * 60 * 60 * 1000

_Ranges = dict[TopicPartition, OffsetRange]
_Samples = Mapping[Platform, tuple[ShapeSample, ShapeSample]]


class _Records(NamedTuple):
    """Records of a bookmaker, from now and from a day before."""

    newest: Sequence[RawRecord]
    older: Sequence[RawRecord]


async def _shapes(settings: Settings) -> Sequence[Finding]:
    connected = with_both(settings)
    if connected is None:
        address = "set MARKETMAP_KAFKA_BOOTSTRAP_SERVERS and MARKETMAP_DATABASE_URL"
        return [failure("shapes", "no address", address)]
    async with opened_connection(connected) as reading:
        version, rows = await load_index_rows(reading)
    index = MappingIndex(parse_rows(rows).usable.values(), version)
    now_ms = round(time.time() * 1000)
    records: dict[Platform, _Records] = {
        platform: await _records(connected, connected.topics.observations[platform], now_ms)
        for platform in PLATFORMS
    }
    samples = await asyncio.to_thread(_sampled, connected, index, records)
    return [
        finding
        for platform, (now, before) in samples.items()
        for finding in judge_shapes(platform, now, before)
    ]


async def _records(settings: ConnectedSettings, topic: str, now_ms: int) -> _Records:
    """The newest records of a topic, and as many up to a day before, or the first ones of a younger log."""
    admin = admin_of(settings)
    places = await admin.topics.partitions([topic])
    starts = await admin.offsets.log_starts(places)
    ends = await admin.offsets.log_ends(places)
    then = await admin.offsets.at_time(places, now_ms - _DAY_MS)
    filled = [place for place in sorted(places) if starts[place] < ends[place]][:_MOST_RECORDS]
    of_each = max(1, _MOST_RECORDS // max(1, len(filled)))
    newest = {
        place: OffsetRange(max(starts[place], ends[place] - of_each), ends[place])
        for place in filled
    }
    older = {}
    for place in filled:
        a_day_before = then.get(place, ends[place])
        end = min(max(a_day_before, starts[place] + of_each), newest[place].first)
        if end > starts[place]:
            older[place] = OffsetRange(max(starts[place], end - of_each), end)
    return _Records(await _read(settings, newest), await _read(settings, older))


async def _read(settings: ConnectedSettings, ranges: _Ranges) -> list[RawRecord]:
    async with bounded_reader(settings, ranges) as reader:
        return [record async for batch in reader.batches() for record in batch]


def _sampled(
    settings: Settings, index: MappingIndex, records: Mapping[Platform, _Records]
) -> _Samples:
    planner = make_planner(
        make_encoder(settings),
        max_message_bytes=settings.max_message_bytes,
        guard=clock_guard(settings),
    )
    samples = {}
    for platform, (newest, older) in records.items():
        found = []
        for each in (older, newest):
            placed = [(record, Partition(record.topic, record.partition, "")) for record in each]
            found.append(_sample(each, planner.plan_all(placed, index)))
        before, now = found
        samples[platform] = now, before
    return samples


def _sample(records: Sequence[RawRecord], planned: Iterable[Planned[Outgoing]]) -> ShapeSample:
    """Count what became of the markets of records, with an example of each reason."""
    sample = ShapeSample(recalled=0 if IS_COMPILED else None)
    for record, verdict in zip(records, planned, strict=True):
        if verdict.dead is not None:
            sample.unreadable += 1
            sample.examples.setdefault(verdict.dead, _place(record))
            continue
        sample.observations += 1
        if sample.recalled is not None:
            sample.recalled += verdict.recalled
        reasons: set[str] = set()
        for outcome, times in verdict.outcomes.items():
            sample.markets[outcome.reason or outcome.outcome] += times
            reasons.add(outcome.reason or outcome.outcome)
        _add_examples(sample, record, verdict, reasons)
        looked_at = sample_of(unframed(record.value) or b"")
        if looked_at is not None:
            sample.unread |= {
                (level, name) for level, names in looked_at.unread.items() for name in names
            }
    return sample


def _add_examples(
    sample: ShapeSample, record: RawRecord, verdict: Planned[Outgoing], reasons: set[str]
) -> None:
    """Take examples from what is published of a record, of the reasons that have none yet."""
    if reasons <= sample.examples.keys() | {"resolved"}:
        return
    published: dict[str, Any] = orjson.loads(verdict.output.value or b"{}")
    for entry in published.get("misses", []):
        said = f"{entry['external_market_id']}{_label(entry.get('outcome'))}"
        sample.examples.setdefault(entry["reason"], f"{said}, {_place(record)}")
    for entry in published.get("rejected", []):
        said = f"{entry['external_market_id']} {entry['code']} {entry['detail']}"
        sample.examples.setdefault(entry["code"], f"{said}, {_place(record)}")


def _label(outcome: str | None) -> str:
    return "" if outcome is None else f" {abbreviate(outcome)}"


def _place(record: RawRecord) -> str:
    return f"{record.topic} [{record.partition}] offset {record.offset}"


def checks_of(part: Part, settings: Settings) -> Sequence[Check]:
    """What is to be asked for a part; nothing for one that may not read both observations and mappings."""
    may_read = all(
        "READ" in part.operations_on("TOPIC", name)
        for name in settings.topics.observations.values()
    )
    if not may_read or "user_market_mappings" not in part.needs:
        return ()
    return (Check("shapes", ("kafka", "database"), _shapes, "fix the failures above first"),)
