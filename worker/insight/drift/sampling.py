"""Samples of observations, resolved as a worker resolves them.

A bookmaker that changes the form of what it sends is seen here at once, and with an example: metrics show
that a share has risen, but hold no market. Older records are planned first, so that what is recalled of
the newer ones is what had the same form then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson
from aiokafka import TopicPartition

from worker.domain.books.rows import abbreviate
from worker.domain.index import MappingIndex
from worker.ingest.planning.plan import Planned
from worker.ingest.planning.recall import IS_COMPILED, make_planner
from worker.ingest.reading.field_samples import sample_of
from worker.ingest.reading.framing import unframed
from worker.insight.drift.shapes import ShapeSample
from worker.kafka.bounded_reader import OffsetRange, bounded_reader
from worker.kafka.record import Outgoing, Partition, RawRecord, Record
from worker.runtime.planner import clock_guard, make_encoder
from worker.settings.connected import KafkaSettings
from worker.settings.settings import Settings

# Of one bookmaker and one time. A large observation takes some ten milliseconds.
MOST_RECORDS: Final = 20
_LONGEST_EXAMPLE: Final = 300

SampledRanges = dict[TopicPartition, OffsetRange]


def newest_ranges(
    floors: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> SampledRanges:
    """The last records of partitions, none below its floor; of many partitions the first ones."""
    filled = [place for place in sorted(ends) if floors[place] < ends[place]][:MOST_RECORDS]
    of_each = max(1, MOST_RECORDS // max(1, len(filled)))
    return {
        place: OffsetRange(max(floors[place], ends[place] - of_each), ends[place])
        for place in filled
    }


async def read_records(settings: KafkaSettings, ranges: SampledRanges) -> list[RawRecord]:
    """Read the records of ranges, in an order that follows from them. Raises TransientError, FatalError.

    A partition is sampled up to a record that cannot be read: who reads all of it says so.
    """
    async with bounded_reader(settings, ranges, failures={}) as reader:
        records = [record async for batch in reader.batches() for record in batch]
    return sorted(records, key=lambda record: (record.partition, record.offset))


class Sampler:
    """Takes samples of one bookmaker, the oldest first."""

    def __init__(self, settings: Settings, index: MappingIndex) -> None:
        self._planner = make_planner(
            make_encoder(settings),
            max_message_bytes=settings.max_message_bytes,
            guard=clock_guard(settings),
        )
        self._index = index
        self._has_seen = False

    def take(self, records: Sequence[Record]) -> ShapeSample:
        """What records show; what is recalled of them was in samples before."""
        placed = [(record, Partition(record.topic, record.partition, "")) for record in records]
        sample = _sample(records, self._planner.plan_all(placed, self._index))
        if not self._has_seen:
            sample.recalled = None
        self._has_seen = self._has_seen or sample.observations > 0
        return sample


def _sample(records: Sequence[Record], planned: Iterable[Planned[Outgoing]]) -> ShapeSample:
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
        published: dict[str, Any] = orjson.loads(verdict.output.value or b"{}")
        sample.mappings.update(_mappings_in(published))
        _add_examples(sample, record, published, reasons)
        looked_at = sample_of(unframed(record.value) or b"")
        if looked_at is not None:
            sample.unread |= {
                (level, name) for level, names in looked_at.unread.items() for name in names
            }
    return sample


def _mappings_in(published: Mapping[str, Any]) -> set[str]:
    """The mappings by which a market was resolved, those of players included."""
    lists = (published.get(name) or () for name in ("markets", "participant_markets"))
    return {market["canonical_id"] for markets in lists for market in markets}


def _add_examples(
    sample: ShapeSample, record: Record, published: Mapping[str, Any], reasons: set[str]
) -> None:
    """Take examples from what is published of a record, of the reasons that have none yet."""
    if reasons <= sample.examples.keys() | {"resolved"}:
        return
    for entry in published.get("misses", []):
        said = f"{entry['external_market_id']}{_label(entry.get('outcome'))}"
        sample.examples.setdefault(entry["reason"], _clipped(said, record))
    for entry in published.get("rejected", []):
        said = f"{entry['external_market_id']} {entry['code']} {entry['detail']}"
        sample.examples.setdefault(entry["code"], _clipped(said, record))


def _clipped(said: str, record: Record) -> str:
    return f"{said[:_LONGEST_EXAMPLE]}, {_place(record)}"


def _label(outcome: str | None) -> str:
    return "" if outcome is None else f" {abbreviate(outcome)}"


def _place(record: Record) -> str:
    return f"{record.topic} [{record.partition}] offset {record.offset}"
