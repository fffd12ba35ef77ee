"""Ids that a demo takes out of the catalogue, so that somebody finds out blindly what they are.

The generator's own missed markets have prices that mean nothing. The hidden ids have the prices of what they
are, and the answers are known: they go to a file that the user names, and nowhere else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Final, NamedTuple

import orjson

from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.mapping import Mapping, MappingError, claims_of, dump_mapping, parse_mapping
from worker.lab.demo import mapping as demo_mapping
from worker.lab.demo import odds
from worker.lab.insight.without import without
from worker.lab.synthetic.expected import Generated
from worker.storage.misses import QueueKey

# What the three acts of a demo are about.
_ACTS: Final = frozenset((odds.CANONICAL_ID, odds.SWAPPED[0], demo_mapping.CANONICAL_ID))
# A suggestion needs five events on which two bookmakers sell a market.
_LEAST_EVENTS: Final = 10


class LeftOutId(NamedTuple):
    """An id of a bookmaker, and the mapping that it is taken out of."""

    platform: Platform
    market_id: str
    mapping: Mapping

    @property
    def key(self) -> QueueKey:
        return self.platform, self.market_id


class TooFewIdsError(Exception):
    """Fewer ids than asked for can be hidden in this scrape."""


def choose(
    catalogue: Sequence[Mapping], scrape: Iterable[Generated], *, count: int, seed: int
) -> list[LeftOutId]:
    """Choose ids at random, one of a mapping; the same seed chooses the same. Raises TooFewIdsError."""
    events = _events_of(scrape)
    found = [one for one in _alone(catalogue) if _is_sold_twice(one, events)]
    Random(f"{seed} hidden").shuffle(found)  # noqa: S311  # repeatable, no secret
    by_mapping = {one.mapping.canonical_id: one for one in found}
    if len(by_mapping) < count:
        raise TooFewIdsError(
            f"this scrape has {len(by_mapping)} ids that can be hidden: ids of one mapping only,"
            f" sold on {_LEAST_EVENTS} events or more, on which another bookmaker sells the same"
        )
    return list(by_mapping.values())[:count]


def without_hidden(catalogue: Iterable[Mapping], hidden: Iterable[LeftOutId]) -> list[Mapping]:
    """The catalogue without these ids and their labels."""
    taken = {one.mapping.canonical_id: one.platform for one in hidden}
    left = (
        without(one, taken[one.canonical_id]) if one.canonical_id in taken else one
        for one in catalogue
    )
    return [one for one in left if one is not None]


def answers(hidden: Iterable[LeftOutId]) -> bytes:
    """The file of the answers: each mapping, as it was, with what the bookmaker calls its outcomes."""
    found = [
        {
            "platform": one.platform,
            "external_market_id": one.market_id,
            "canonical_id": one.mapping.canonical_id,
            "outcomes": _labels(one),
            "mapping": dump_mapping(one.mapping),
        }
        for one in hidden
    ]
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _labels(one: LeftOutId) -> dict[str, Any]:
    labels = ((outcome.on(one.platform), outcome.canonical_id) for outcome in one.mapping.outcomes)
    return {label: outcome for label, outcome in labels if label is not None}


def _alone(catalogue: Sequence[Mapping]) -> list[LeftOutId]:
    """Ids that one mapping has, as the only one of their bookmaker, and that can be taken out of it."""
    claims = [(mapping, claim) for mapping in catalogue for claim in claims_of(mapping)]
    by_id: dict[QueueKey, list[Mapping]] = defaultdict(list)
    by_mapping: dict[tuple[str, Platform], int] = defaultdict(int)
    for mapping, claim in claims:
        by_id[claim.platform, claim.market_id].append(mapping)
        by_mapping[mapping.canonical_id, claim.platform] += 1
    return [
        LeftOutId(platform, market_id, mapping)
        for mapping in catalogue
        for platform in PLATFORMS
        if mapping.canonical_id not in _ACTS
        and (market_id := mapping.id_on(platform)) is not None
        and len(by_id[platform, market_id]) == by_mapping[mapping.canonical_id, platform] == 1
        and _is_usable(without(mapping, platform))
    ]


def _is_usable(mapping: Mapping | None) -> bool:
    """Whether it could be saved: each outcome needs a label, for example."""
    if mapping is None:
        return False
    try:
        parse_mapping(dump_mapping(mapping))
    except MappingError:
        return False
    return True


class _Events(NamedTuple):
    """By mapping and bookmaker, the events on which it is sold; and the ids of which something is missed."""

    sold: dict[tuple[str, str], set[str]]
    doubtful: set[QueueKey]


def _events_of(scrape: Iterable[Generated]) -> _Events:
    sold: dict[tuple[str, str], set[str]] = defaultdict(set)
    doubtful: set[QueueKey] = set()
    for seen in scrape:
        for market in seen.expected.markets:
            sold[market.canonical_id, seen.platform].add(seen.key)
        doubtful.update(
            (seen.platform, miss.external_market_id.partition("?")[0])
            for miss in seen.expected.misses
        )
    return _Events(sold, doubtful)


def _is_sold_twice(one: LeftOutId, events: _Events) -> bool:
    name = one.mapping.canonical_id
    here = events.sold[name, one.platform]
    others = set[str]().union(
        *(events.sold[name, other] for other in PLATFORMS if other != one.platform)
    )
    return one.key not in events.doubtful and len(here & others) >= _LEAST_EVENTS
