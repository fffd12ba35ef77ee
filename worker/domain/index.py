"""The mapping index: immutable, built whole from mappings, looked up by exact platform id.

How it works. For each platform there is a dictionary from market id to ``Meanings``: the claims of the
mappings that name this id, the strongest first. ``Meanings`` is a dictionary itself, from a row's qualifier
to what id and qualifier mean together; it fills when a qualifier is asked for. So a lookup is two
dictionary reads, however many mappings there are.

An index never changes. A change of mappings gives a new one by ``revised``, which shares everything that
the change does not touch, with what has been learnt of it. Workers swap the whole index between two
batches.

Claims are ranked by priority, then by age. A label belongs to the first claim that knows it, so a conflict
is two claims of one priority that know the same label in the same market.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingABC
from itertools import combinations
from typing import NamedTuple

from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.books.registry import BOOKS
from worker.domain.mapping import Mapping
from worker.domain.markets import Claim, Meaning, Meanings, NotMapped


class Conflict(NamedTuple):
    """Two mappings of equal priority that claim one label of one platform market: the lower id wins."""

    platform: Platform
    market_id: str
    label: str
    winner: str
    loser: str


class MappingIndex:
    """All active mappings at one version. ``version`` is the last audit id it was built from, 0 for none."""

    def __init__(self, mappings: Iterable[Mapping], version: int = 0) -> None:
        self.version = version
        self._markets: dict[Platform, dict[str, Meanings]] = {}
        ranked = sorted(mappings, key=_rank)
        self.size = len(ranked)
        for platform in PLATFORMS:
            grouped: defaultdict[str, list[Claim]] = defaultdict(list)
            for mapping in ranked:
                market_id = mapping.id_on(platform)
                if market_id is not None:
                    grouped[market_id].append(Claim(mapping, platform))
            self._markets[platform] = {
                market_id: Meanings(platform, market_id, claims)
                for market_id, claims in grouped.items()
            }

    def revised(
        self, gone: Iterable[Mapping], new: Iterable[Mapping], version: int
    ) -> MappingIndex:
        """The index that all mappings of this one give without ``gone`` and with ``new``.

        What none of them claims is shared with this index, and what is remembered of it: the work is that of
        the change. A canonical id occurs once in an index; one that changes is both gone and new.
        """
        gone, new = list(gone), list(new)
        names = {mapping.canonical_id for mapping in gone}
        revised = MappingIndex((), version)
        revised.size = self.size - len(gone) + len(new)
        touched = claimed_markets([*gone, *new])
        for platform in PLATFORMS:
            markets = self._markets[platform].copy()
            for market_id in touched[platform]:
                before = markets.pop(market_id, None)
                claims = () if before is None else before.claims
                kept = [claim for claim in claims if claim.canonical_id not in names]
                added = [
                    Claim(mapping, platform)
                    for mapping in new
                    if mapping.id_on(platform) == market_id
                ]
                if kept or added:
                    ranked = sorted(kept + added, key=lambda claim: _rank(claim.mapping))
                    markets[market_id] = Meanings(platform, market_id, ranked)
            revised._markets[platform] = markets
        return revised

    def claimed(self, platform: Platform) -> MappingABC[str, Meanings]:
        """The platform's markets that anybody claims, by id."""
        return self._markets[platform]

    def claims(self, platform: Platform, market_id: str) -> Sequence[Claim]:
        """The claims to a platform market, highest priority first; empty when nobody claims it."""
        claimed = self._markets[platform].get(market_id)
        return () if claimed is None else claimed.claims

    def meaning(self, platform: Platform, market_id: str, qualifier: str | None) -> Meaning:
        """What a row's id and qualifier mean."""
        claimed = self._markets[platform].get(market_id)
        return NotMapped(market_id, "UNKNOWN_MARKET") if claimed is None else claimed[qualifier]

    def conflicts(self, among: Iterable[Mapping] | None = None) -> list[Conflict]:
        """Labels that two mappings of equal priority claim in the same market.

        ``among`` narrows it to the markets that these mappings claim.
        """
        touched = None if among is None else claimed_markets(among)
        found: list[Conflict] = []
        for platform, markets in self._markets.items():
            for market_id in markets if touched is None else sorted(touched[platform]):
                # The claims come in order of rank, so the first of a pair is the one that wins.
                for winner, loser in combinations(self.claims(platform, market_id), 2):
                    found += _conflicts(platform, market_id, winner, loser)
        return found


def claimed_markets(mappings: Iterable[Mapping]) -> dict[Platform, set[str]]:
    """The platform markets that any of the mappings claims."""
    claimed: dict[Platform, set[str]] = {platform: set() for platform in PLATFORMS}
    for mapping in mappings:
        for platform in PLATFORMS:
            market_id = mapping.id_on(platform)
            if market_id is not None:
                claimed[platform].add(market_id)
    return claimed


def _rank(mapping: Mapping) -> tuple[int, int, str]:
    """The order of claims to one market: priority, then age."""
    return (-mapping.priority, mapping.id or 0, mapping.canonical_id)


def _conflicts(platform: Platform, market_id: str, winner: Claim, loser: Claim) -> list[Conflict]:
    if winner.mapping.priority != loser.mapping.priority or not _may_meet(winner, loser):
        return []
    return [
        Conflict(platform, market_id, label, winner.canonical_id, loser.canonical_id)
        for label in sorted(winner.by_label.keys() & loser.by_label.keys())
    ]


def _may_meet(one: Claim, other: Claim) -> bool:
    """Whether one row can be read by both claims.

    Not when one needs a specifier key that the other refuses, nor when a key is fixed to different values.
    """
    if _needed(one) - _allowed(other) or _needed(other) - _allowed(one):
        return False
    mine = one.mapping.line_rule.fixed_on(one.platform)
    fixed = other.mapping.line_rule.fixed_on(other.platform)
    return all(mine[key] == fixed[key] for key in mine.keys() & fixed.keys())


def _needed(claim: Claim) -> set[str]:
    rule = claim.mapping.line_rule
    key = BOOKS[claim.platform].line_key(rule.kind)
    return {*rule.fixed_on(claim.platform), *([key] if key else [])}


def _allowed(claim: Claim) -> set[str]:
    return _needed(claim) | claim.mapping.line_rule.free
