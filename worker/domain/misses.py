"""Counting misses: one occurrence for each observation in which a market was missed.

A tally is a commutative monoid under merge: a batch may be counted in any order, or in parts.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple, NotRequired, TypedDict

from worker.domain.books.odds import Odds, parse_odds
from worker.domain.books.platforms import Platform
from worker.domain.books.rows import Row, Selection
from worker.domain.events import EventHashes, smallest, union
from worker.domain.resolve import Miss

MOST_SAMPLES: Final = 12
LONGEST_TEXT: Final = 80

# Qualifier, label, odds, id. Odds are 0 where there is no usable price, an id is empty where it is not kept.
_Outcome = tuple[str, str, Odds, str]


class Sample(TypedDict):
    """One outcome of a missed market as it was last seen; ``odds`` None when there was no usable price.

    ``id`` is the bookmaker's own id of the outcome, which may tell what a label that cannot be read means.
    """

    label: str
    odds: Odds | None
    qualifier: str | None
    id: NotRequired[str]


class SampledRows(Iterable[Row]):
    """Rows of a missed market whose sample may be known without reading them."""

    __slots__ = ()

    @property
    @abstractmethod
    def sample(self) -> str | None:
        """The JSON text of what `sample` returns for them; None if it has to be taken from them."""


class Sighting(NamedTuple):
    """What one observation missed. ``at`` (partition and offset) makes the newest one unique.

    ``event`` is the hash of the event's key, which the books share.
    """

    source: Platform
    missed: Sequence[Miss]
    observed_at: datetime
    mapping_version: int
    at: tuple[str, int, int]
    event: int


class Count(NamedTuple):
    """What is known of one missed market: how often, from when to when, its newest sighting, its events.

    ``missed`` is the market as the newest sighting has it.
    """

    occurrences: int
    first_seen_at: datetime
    last_seen_at: datetime
    newest: Sighting
    missed: Miss
    events: EventHashes


MissKey = tuple[Platform, str]
Tally = dict[MissKey, Count]


_Found = tuple[Sighting, Miss]


def tally(sightings: Iterable[Sighting]) -> Tally:
    found: defaultdict[MissKey, list[_Found]] = defaultdict(list)
    for sighting in sightings:
        source = sighting.source
        for missed in sighting.missed:
            found[source, missed.external_market_id].append((sighting, missed))
    return {key: _count(pairs) for key, pairs in found.items()}


def merge(one: Tally, other: Tally) -> Tally:
    both = {key: _sum(one[key], other[key]) for key in one.keys() & other.keys()}
    return one | other | both


def _count(found: list[_Found]) -> Count:
    times = [sighting.observed_at for sighting, _ in found]
    newest, missed = max(found, key=lambda pair: (pair[0].observed_at, pair[0].at))
    events = smallest({sighting.event for sighting, _ in found})
    return Count(len(found), min(times), max(times), newest, missed, events)


def _sum(one: Count, other: Count) -> Count:
    newest = max(one, other, key=lambda count: (count.newest.observed_at, count.newest.at))
    return Count(
        one.occurrences + other.occurrences,
        min(one.first_seen_at, other.first_seen_at),
        max(one.last_seen_at, other.last_seen_at),
        newest.newest,
        newest.missed,
        union(one.events, other.events),
    )


def sample(rows: Iterable[Row], *, with_ids: bool = False) -> list[Sample]:
    """A bounded sample of the outcomes of a missed market, the same for any order of the feed.

    It is the least by qualifier, label and odds. Of hundreds of rows only those are read that may be in it.
    Ids are of use only where labels are what is missed; for all others they would double the sample.
    """
    found: set[_Outcome] = set()
    for qualifier, alike in groupby(sorted(rows, key=_qualifier), key=_qualifier):
        selections = [selection for row in alike for selection in row.selections]
        found.update(_least(qualifier, selections, with_ids=with_ids))
        if len(found) >= MOST_SAMPLES:
            break  # what follows has a greater qualifier
    return [_sampled(*outcome) for outcome in sorted(found)[:MOST_SAMPLES]]


def _sampled(qualifier: str, label: str, odds: Odds, outcome_id: str) -> Sample:
    said: Sample = {
        "label": label[:LONGEST_TEXT],
        "odds": odds or None,
        "qualifier": qualifier[:LONGEST_TEXT] or None,
    }
    if outcome_id and len(outcome_id) <= LONGEST_TEXT:
        said["id"] = outcome_id
    return said


def _qualifier(row: Row) -> str:
    return row.qualifier or ""


def _least(qualifier: str, selections: list[Selection], *, with_ids: bool) -> Iterable[_Outcome]:
    """All of one qualifier that may be among the least; no odds are read of the others."""
    if len(selections) > MOST_SAMPLES:
        labels = set(sorted({selection.label for selection in selections})[:MOST_SAMPLES])
        selections = [selection for selection in selections if selection.label in labels]
    return [
        (
            qualifier,
            selection.label,
            parse_odds(selection.odds) or 0,
            (selection.id or "") if with_ids else "",
        )
        for selection in selections
    ]
