"""A draft: all active mappings as they are and as a change would leave them. Pure.

Only observations that hold a touched id can be resolved otherwise: what a row means depends on the claims to
its id alone, and rows influence each other only where one of them has such an id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex, claimed_markets
from worker.domain.mapping import Mapping as MarketMapping

ActiveMappings = Mapping[str, MarketMapping]


@dataclass(frozen=True)
class Draft:
    """Active mappings by canonical id, before and after a change; ``version`` is that of the table before."""

    before: ActiveMappings
    after: ActiveMappings
    version: int

    @cached_property
    def names(self) -> list[str]:
        """The canonical ids of the mappings that the change adds, removes or alters."""
        names = self.before.keys() | self.after.keys()
        return sorted(name for name in names if self.before.get(name) != self.after.get(name))

    @cached_property
    def touched(self) -> dict[Platform, frozenset[str]]:
        """By bookmaker, the ids that the changed mappings claim before or after; only those with any."""
        changed = [
            state[name]
            for name in self.names
            for state in (self.before, self.after)
            if name in state
        ]
        return {
            platform: frozenset(market_id for _, market_id in places)
            for platform, places in claimed_markets(changed).items()
            if places
        }

    @cached_property
    def related(self) -> dict[Platform, frozenset[str]]:
        """By bookmaker, the touched ids and all whose rows may meet theirs in a canonical market.

        Two rows meet if some mapping claims the ids of both. So it is the ids that are connected to a touched
        one by mappings of either side.
        """
        claimed: dict[Platform, list[frozenset[str]]] = {}
        changed = [self.after[name] for name in self.names if name in self.after]
        for mapping in (*self.before.values(), *changed):
            for platform, places in claimed_markets([mapping]).items():
                if places and platform in self.touched:
                    ids = frozenset(market_id for _, market_id in places)
                    claimed.setdefault(platform, []).append(ids)
        return {
            platform: _connected(ids, claimed.get(platform, []))
            for platform, ids in self.touched.items()
        }

    def indexes(self) -> tuple[MappingIndex, MappingIndex]:
        """The index of each side, both under the version of the table before: only meanings differ."""
        before = MappingIndex(self.before.values(), self.version)
        gone = [self.before[name] for name in self.names if name in self.before]
        new = [self.after[name] for name in self.names if name in self.after]
        return before, before.revised(gone, new, self.version)


def _connected(ids: frozenset[str], groups: Iterable[frozenset[str]]) -> frozenset[str]:
    """The ids, and those of all groups that are connected to them."""
    found, left = ids, list(groups)
    while True:
        meeting = [group for group in left if group & found]
        if not meeting:
            return found
        found = found.union(*meeting)
        left = [group for group in left if not group & found]
