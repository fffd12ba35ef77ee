"""Labels that a form has not paired with an outcome, and what a bookmaker's lines are read as.

The labels of an id are those of its missed markets and of the newest watched events, written as a mapping
writes them: without lines, with placeholders for team names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.console.bounded import BoundedWork
from worker.console.context import RefusedError
from worker.console.editor.form import EditorFields
from worker.console.editor.further import labels_of
from worker.domain.books.platforms import Platform
from worker.domain.books.registry import BOOKS, ID_COLUMNS, LABEL_COLUMNS
from worker.domain.draft import draft
from worker.domain.index import MappingIndex
from worker.domain.labels import fold
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.mapping import claims_of
from worker.domain.scope import parse_external_id
from worker.domain.specifier import Line, OtherMarket, parse_qualifier, read_line
from worker.storage import misses
from worker.storage.insight import evidence
from worker.storage.insight.evidence import StoredEvent
from worker.storage.misses import QueuedMiss

_MOST_EVENTS: Final = 20
_MOST_LABELS: Final = 60
_MOST_LINES: Final = 12
# Senders choose how many labels an event has. The sign-in needs one of the few threads, too.
_working_out = BoundedWork(1, patience_s=5.0)


class LooseLabel(NamedTuple):
    """A label of a bookmaker that no outcome of the form has."""

    platform: Platform
    column: str
    label: str


class Sightings(NamedTuple):
    """The ids of a form, their missed markets, and the newest watched events."""

    ids: Mapping[Platform, Sequence[str]]
    missed: Sequence[QueuedMiss]
    events: Sequence[StoredEvent]


class LineReading(NamedTuple):
    """What the mapping reads from one specifier of a bookmaker."""

    platform: Platform
    market_id: str
    qualifier: str | None
    says: str
    is_read: bool


async def read_sightings(connection: AsyncConnection, fields: EditorFields) -> Sightings:
    """Read what was seen of the form's ids: what is slow to work out of it needs no connection."""
    ids = ids_of(fields)
    if not ids:
        return Sightings(ids, (), ())
    sold = [(platform, one) for platform, listed in ids.items() for one in listed]
    return Sightings(
        ids,
        await misses.misses_of(connection, sold),
        await evidence.read_events(connection, _MOST_EVENTS),
    )


async def loose_labels(fields: EditorFields, seen: Sightings) -> list[LooseLabel]:
    """The labels of the form's ids that none of its outcomes has, by bookmaker.

    While the labels of events are worked out for others, only those of missed markets: nobody loses what was
    typed because of labels that are offered.
    """
    if not seen.ids:
        return []
    try:
        async with _working_out.place():
            return await asyncio.to_thread(_loose_labels, fields, seen)
    except RefusedError:
        return await asyncio.to_thread(_loose_labels, fields, seen._replace(events=()))


def _loose_labels(fields: EditorFields, seen: Sightings) -> list[LooseLabel]:
    ids = seen.ids
    watched = _labels_of_events(
        seen.events, {platform: listed[0] for platform, listed in ids.items()}
    )
    found: list[LooseLabel] = []
    for place, (platform, column) in enumerate(LABEL_COLUMNS.items()):
        if platform not in ids:
            continue
        known = {_same(platform, one.labels[place]) for one in fields.outcomes}
        further = [row for row in fields.further if row.platform == platform]
        known |= {_same(platform, label) for row in further for label in labels_of(row)}
        written = [
            label
            for market_id in ids[platform]
            for label in _as_written(
                platform,
                market_id,
                [one for miss in seen.missed for one in _samples(miss, platform, market_id)],
            )
        ]
        for label in (*written, *watched[platform]):
            if label and _same(platform, label) not in known:
                known.add(_same(platform, label))
                found.append(LooseLabel(platform, column, label))
                if len(found) == _MOST_LABELS:
                    return found
    return found


def ids_of(fields: EditorFields) -> dict[Platform, list[str]]:
    """The ids of each bookmaker whose labels are those of the outcomes: a further id may have its own.

    None of a market with participants, whose labels are names.
    """
    ids: dict[Platform, list[str]] = {}
    if fields.participant:
        return ids
    for platform, column in ID_COLUMNS.items():
        further = [
            one.id for one in fields.further if one.platform == platform and not labels_of(one)
        ]
        if listed := [one for each in (fields.ids[column], *further) if (one := each.strip())]:
            ids[platform] = list(dict.fromkeys(listed))
    return ids


def line_readings(mapping: MarketMapping, missed: Iterable[QueuedMiss]) -> list[LineReading]:
    """What the mapping reads from each specifier that was sampled, once each."""
    seen: dict[tuple[Platform, str, str | None], None] = {}
    claims = claims_of(mapping)
    listed = list(missed)
    for claim in claims:
        for miss in listed:
            for one in _samples(miss, claim.platform, claim.market_id):
                qualifier = one.get("qualifier")
                if qualifier is None or isinstance(qualifier, str):
                    seen.setdefault((claim.platform, claim.market_id, qualifier))
    rules = {(one.platform, one.market_id): one.rule for one in claims}
    readings = []
    for platform, market_id, qualifier in islice(seen, _MOST_LINES):
        rule = rules[platform, market_id]
        match read_line(rule, platform, parse_qualifier(platform, qualifier)):
            case Line(value):
                says, is_read = ("no line" if value is None else f"line {value}"), True
            case OtherMarket():
                says, is_read = "another market", False
            case unreadable:
                says, is_read = unreadable.reason, False
        readings.append(LineReading(platform, market_id, qualifier, says, is_read))
    return readings


def _samples(miss: QueuedMiss, platform: Platform, market_id: str) -> list[dict[str, Any]]:
    source, external_id = miss.key
    if source != platform or parse_external_id(external_id).market_id != market_id:
        return []
    listed = miss.sample_outcomes if isinstance(miss.sample_outcomes, list) else []
    return [one for one in listed if isinstance(one, dict) and isinstance(one.get("label"), str)]


def _as_written(platform: Platform, market_id: str, samples: Sequence[dict[str, Any]]) -> list[str]:
    """The labels as a mapping writes them, without the line that a bookmaker may write into its own."""
    if not samples:
        return []
    rows = draft(platform, market_id, None, samples)["outcome_mapping"]
    return [row[LABEL_COLUMNS[platform]] for row in rows]


def _labels_of_events(
    events: Sequence[StoredEvent], ids: Mapping[Platform, str]
) -> dict[Platform, list[str]]:
    """The labels on the watched events; none without the extra `insight`."""
    nothing: dict[Platform, list[str]] = {platform: [] for platform in ids}
    if not events:
        return nothing
    try:
        from worker.insight.price_check import unpacked_event  # noqa: PLC0415  needs the extra `insight`
        from worker.insight.seen_labels import seen_labels  # noqa: PLC0415
        from worker.insight.watching.stored import UnreadableBoardsError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in {"numpy", "scipy"}:
            raise
        return nothing
    try:
        boards = [board for one in events for board in unpacked_event(one, ids).boards]
    except UnreadableBoardsError:
        return nothing
    index = MappingIndex([])
    return {
        platform: _as_written(
            platform,
            market_id,
            [
                {"label": one.label, "qualifier": one.qualifier}
                for one in seen_labels(boards, platform, market_id, index).labels
            ],
        )
        for platform, market_id in ids.items()
    }


def _same(platform: Platform, label: str) -> str:
    """A label in the form in which the bookmaker's labels are compared."""
    return fold(label) if BOOKS[platform].folds_labels else label
