"""Observations under a draft: each is planned twice, as a worker plans it, and compared. Pure.

A record that holds none of the touched ids is not planned at all: both sides would publish the same bytes. Of
the others only the rows are resolved that a touched one can meet; what is published of all other rows is the
same on both sides. Only records for which that does not hold are planned whole: unusually large ones, and
those of which a side may become a dead letter. A property test compares all of it with what a worker
publishes. What differs is added up by market, so the memory does not grow with the number of records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import orjson

from schemas import DeadReason
from worker.domain.books.platforms import Platform
from worker.domain.events import event_key
from worker.domain.resolve import Resolution
from worker.ingest.planning.encode import resolved_event
from worker.ingest.planning.plan import Planner
from worker.ingest.reading.clock import NO_GUARD, ClockGuard
from worker.ingest.reading.decode import UnreadableRecord
from worker.ingest.reading.framing import unframed
from worker.ingest.reading.read import Readable, read
from worker.ingest.reading.record_ids import RecordIds
from worker.kafka.record import Partition, Record
from worker.operations.what_if.difference import (
    CanonicalKey,
    ChangeKind,
    MarketChange,
    MissedLabel,
    ResolvedDocument,
    difference,
    label_misses,
)
from worker.operations.what_if.draft import Draft

MOST_GROUPS: Final = 1000
MOST_EXAMPLES: Final = 3
_MOST_EVENTS: Final = 100_000
# What a message lists is bounded, and its size; only more than this can come near the bounds.
_MOST_USUAL_ROWS: Final = 1000
_MOST_USUAL_BYTES: Final = 2 * 1024 * 1024


class PlannedValue(NamedTuple):
    """What would be published of a record: the value of a ResolvedEvent, or the reason of a dead letter."""

    value: bytes | None
    dead: DeadReason | None


class Example(NamedTuple):
    """One change on one event, and where the observation is."""

    home: str | None
    away: str | None
    line: str | None
    prices_before: Mapping[str, Any]
    prices_after: Mapping[str, Any]
    topic: str
    partition: int
    offset: int


class ChangedMarket(NamedTuple):
    """What happens to a market of a bookmaker: as which canonical market it is resolved before and after."""

    platform: str
    external_market_id: str
    kind: ChangeKind
    before: str | None
    after: str | None


@dataclass(slots=True)
class ChangedCount:
    """How often: markets at one line on one observation, and distinct events."""

    markets: int = 0
    observations: int = 0
    examples: list[Example] = field(default_factory=list)


@dataclass(slots=True)
class LabelCount:
    """In how many observations a label, or a market, is missed before and after."""

    before: int = 0
    after: int = 0


@dataclass(slots=True)
class Forecast:
    """What observations would become under a draft.

    ``holding`` are the observations with a touched id, ``changed`` those whose ResolvedEvent would be
    another. ``misses`` has what is missed more or less often, and every label of a touched market that is
    missed on either side. ``more`` counts changes of markets beyond ``MOST_GROUPS`` kinds; ``cut`` the
    observations of which a message lists only a part of what is missed or refused.
    """

    observations: int = 0
    holding: int = 0
    changed: int = 0
    unreadable: int = 0
    markets: dict[ChangedMarket, ChangedCount] = field(default_factory=dict)
    misses: dict[tuple[str, MissedLabel], LabelCount] = field(default_factory=dict)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    no_longer_refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: set[str] = field(default_factory=set)
    more: int = 0
    cut: int = 0

    def count(self, kind: ChangeKind) -> int:
        """The number of markets, each at one line on one observation, with this change."""
        return sum(found.markets for key, found in self.markets.items() if key.kind == kind)


class _Kept:
    """Keeps what would be published."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    def resolved(
        self,
        source_id: str,
        record: Record,
        envelope: dict[str, Any],
        resolution: Resolution,
        version: int,
    ) -> PlannedValue | None:
        del source_id, record
        value = resolved_event(envelope, resolution, version)
        return None if len(value) > self._max_bytes else PlannedValue(value, None)

    def dead(
        self, source_id: str, record: Record, reason: DeadReason, detail: str, ids: RecordIds
    ) -> PlannedValue:
        del source_id, record, detail, ids
        return PlannedValue(None, reason)


class DraftTrial:
    """Takes records one after the other; ``forecast`` is what they came to so far."""

    def __init__(
        self, draft: Draft, *, max_message_bytes: int, guard: ClockGuard = NO_GUARD
    ) -> None:
        self._max_bytes = max_message_bytes
        self._touched = draft.touched
        self._needles = {
            platform: tuple(sorted({one.encode() for one in ids}, key=len))
            for platform, ids in draft.touched.items()
        }
        self._related = draft.related
        self._before, self._after = draft.indexes()
        self._planner: Planner[PlannedValue] = Planner(
            _Kept(max_message_bytes), max_message_bytes=max_message_bytes, guard=guard
        )
        self.forecast = Forecast()

    def take(self, platform: Platform, records: Iterable[Record]) -> None:
        """Compare what records of a bookmaker's topic would become."""
        for record in records:
            self.forecast.observations += 1
            found = self.foreseen(platform, record)
            if found is not None:
                self._add(record, *found)

    def foreseen(
        self, platform: Platform, record: Record
    ) -> tuple[Readable, PlannedValue, PlannedValue] | None:
        """As ``planned``, but for rows that no touched one can meet: those are missing on both sides."""
        seen = self._touched_record(platform, record)
        if seen is None:
            return None
        rows = list(seen.rows)
        related = self._related[seen.platform]
        kept = [row for row in rows if getattr(row, "market_id", None) in related]
        if len(rows) <= _MOST_USUAL_ROWS and len(record.value or b"") <= _MOST_USUAL_BYTES:
            values = self._whole(record, seen._replace(rows=kept))
            if all(value.value is not None and _says_something(value.value) for value in values):
                return seen, *values
        return seen, *self._whole(record, seen)

    def planned(
        self, platform: Platform, record: Record
    ) -> tuple[Readable, PlannedValue, PlannedValue] | None:
        """What is published of a whole record before and after; None if it holds none of the touched ids."""
        seen = self._touched_record(platform, record)
        return None if seen is None else (seen, *self._whole(record, seen))

    def _touched_record(self, platform: Platform, record: Record) -> Readable | None:
        value = unframed(record.value)
        if not self._may_hold(platform, value):
            return None
        seen = read(value, max_bytes=self._max_bytes)
        if isinstance(seen, UnreadableRecord):
            self.forecast.unreadable += 1
            return None
        touched = self._touched.get(seen.platform, frozenset())
        rows = list(seen.rows)
        if not any(getattr(row, "market_id", None) in touched for row in rows):
            return None
        return seen._replace(rows=rows)

    def _whole(self, record: Record, seen: Readable) -> tuple[PlannedValue, PlannedValue]:
        at = Partition(record.topic, record.partition, "")
        before, after = (
            self._planner.plan_readable(record, at, "", seen, index).output
            for index in (self._before, self._after)
        )
        return before, after

    def _may_hold(self, platform: Platform, value: bytes | None) -> bool:
        """Whether an id may be in the bytes: as it is, or written with an escape."""
        if value is None or b"\\" in value:
            return True
        return any(needle in value for needle in self._needles.get(platform, ()))

    def _add(
        self, record: Record, seen: Readable, before: PlannedValue, after: PlannedValue
    ) -> None:
        forecast = self.forecast
        forecast.holding += 1
        if len(forecast.events) < _MOST_EVENTS:
            forecast.events.add(event_key(seen.envelope))
        old, new = _document(before), _document(after)
        platform = seen.platform
        self._count_labels(platform, old, new)
        if before == after:
            return
        forecast.changed += 1
        found = difference(old, new)
        forecast.cut += found.is_cut
        seen_here: set[ChangedMarket] = set()
        for change in found.markets:
            self._count_market(record, seen, change, seen_here)
        for missed, times in found.missed.items():
            if not self._is_touched_label(platform, missed):
                self._misses(platform, missed).after += times
        for missed, times in found.no_longer_missed.items():
            if not self._is_touched_label(platform, missed):
                self._misses(platform, missed).before += times
        forecast.refused.update({(platform, one): n for one, n in found.refused.items()})
        forecast.no_longer_refused.update(
            {(platform, one): n for one, n in found.no_longer_refused.items()}
        )

    def _count_labels(
        self, platform: Platform, old: ResolvedDocument | None, new: ResolvedDocument | None
    ) -> None:
        for missed in label_misses(old):
            if self._is_touched_label(platform, missed):
                self._misses(platform, missed).before += 1
        for missed in label_misses(new):
            if self._is_touched_label(platform, missed):
                self._misses(platform, missed).after += 1

    def _is_touched_label(self, platform: Platform, missed: MissedLabel) -> bool:
        market_id = missed.external_market_id.partition("?")[0]
        return missed.reason == "NO_MATCHING_OUTCOMES" and market_id in self._touched[platform]

    def _count_market(
        self,
        record: Record,
        seen: Readable,
        change: MarketChange,
        seen_here: set[ChangedMarket],
    ) -> None:
        key = ChangedMarket(
            seen.platform,
            change.external_market_id,
            change.kind,
            _name(change.before),
            _name(change.after),
        )
        groups = self.forecast.markets
        if key not in groups and len(groups) >= MOST_GROUPS:
            self.forecast.more += 1
            return
        count = groups.setdefault(key, ChangedCount())
        count.markets += 1
        if key in seen_here:
            return
        seen_here.add(key)
        count.observations += 1
        if len(count.examples) < MOST_EXAMPLES:
            event = seen.envelope["event"]
            line = change.after or change.before
            count.examples.append(
                Example(
                    event.get("home"),
                    event.get("away"),
                    None if line is None else line.line or None,
                    change.prices_before,
                    change.prices_after,
                    record.topic,
                    record.partition,
                    record.offset,
                )
            )

    def _misses(self, platform: Platform, missed: MissedLabel) -> LabelCount:
        misses = self.forecast.misses
        key = (platform, missed)
        if key not in misses and len(misses) >= MOST_GROUPS:
            self.forecast.more += 1
            return LabelCount()
        return misses.setdefault(key, LabelCount())


def _says_something(value: bytes) -> bool:
    """Whether a market is resolved or missed in it: then the whole record is no dead letter."""
    return b'"markets":[]' not in value or b'"misses":[]' not in value


def _document(planned: PlannedValue) -> ResolvedDocument | None:
    if planned.value is None:
        return None
    document: ResolvedDocument = orjson.loads(planned.value)
    return document


def _name(key: CanonicalKey | None) -> str | None:
    return None if key is None else key.canonical_id
