"""Counting misses: one occurrence for each observation in which a market was missed.

A tally is a commutative monoid under merge: a batch may be counted in any order, or in parts.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple, TypedDict

from worker.domain.events import EventHashes, union
from worker.domain.odds import Odds, parse_odds
from worker.domain.platforms import Platform
from worker.domain.resolve import Missed
from worker.domain.rows import Row

MOST_SAMPLES: Final = 12
_LONGEST_TEXT: Final = 80


class Sample(TypedDict):
    """One outcome of a missed market as it was last seen; ``odds`` None when there was no usable price."""

    label: str
    odds: Odds | None
    qualifier: str | None


class Sighting(NamedTuple):
    """One market missed in one observation. ``at`` (partition and offset) makes the newest one unique.

    ``event`` is the hash of the event's key, which the books share.
    """

    source: Platform
    missed: Missed
    observed_at: datetime
    mapping_version: int
    at: tuple[str, int, int]
    event: int


class Count(NamedTuple):
    """What is known of one missed market: how often, from when to when, its newest sighting, its events."""

    occurrences: int
    first_seen_at: datetime
    last_seen_at: datetime
    newest: Sighting
    events: EventHashes


MissKey = tuple[Platform, str]
Tally = dict[MissKey, Count]


def tally(sightings: Iterable[Sighting]) -> Tally:
    counts: Tally = {}
    for sighting in sightings:
        _add(counts, (sighting.source, sighting.missed.external_market_id), _once(sighting))
    return counts


def merge(one: Tally, other: Tally) -> Tally:
    merged = dict(one)
    for key, count in other.items():
        _add(merged, key, count)
    return merged


def _once(sighting: Sighting) -> Count:
    return Count(1, sighting.observed_at, sighting.observed_at, sighting, (sighting.event,))


def _add(counts: Tally, key: MissKey, count: Count) -> None:
    known = counts.get(key)
    counts[key] = count if known is None else _sum(known, count)


def _sum(one: Count, other: Count) -> Count:
    return Count(
        one.occurrences + other.occurrences,
        min(one.first_seen_at, other.first_seen_at),
        max(one.last_seen_at, other.last_seen_at),
        max(one.newest, other.newest, key=lambda sighting: (sighting.observed_at, sighting.at)),
        union(one.events, other.events),
    )


def sample(rows: Iterable[Row]) -> list[Sample]:
    """A bounded sample of the outcomes of a missed market, the same for any order of the feed."""
    seen = {
        (row.qualifier or "", selection.label, parse_odds(selection.odds) or 0)
        for row in rows
        for selection in row.selections
    }
    return [
        {"label": label[:_LONGEST_TEXT], "odds": odds or None, "qualifier": qualifier[:_LONGEST_TEXT] or None}
        for qualifier, label, odds in heapq.nsmallest(MOST_SAMPLES, seen)
    ]
