"""Bet9ja: a flat object of keys to odds; market, param and outcome are in the key.

Grammar: PREFIX ``_`` MARKET [``@`` PARAM] ``_`` OUTCOME. A market holds no underscore, so the first one after
the prefix ends it; an outcome is free text and may hold more.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter
from sys import intern
from typing import Any, Final, NamedTuple

from worker.domain.odds import is_no_price, usual_odds
from worker.domain.rows import Label, MarketNames, Price, Rows, Selection, priced, unreadable

LONGEST_KEY: Final = 500
_MOST_KEYS: Final = 65_536
_KEY: Final = re.compile(r"((?:S|LIVES|B|T)_[A-Z0-9-]+(?:@[^_@]+)?)_(.+)", re.ASCII | re.DOTALL)


class Key(NamedTuple):
    """A key's parts; ``market`` with its prefix, as ``user_market_mappings.bet9ja_key`` has it."""

    market: str
    param: str | None
    outcome: str


class _Keys(dict[str, tuple[str, str] | None]):
    """The keys met so far, cut before the outcome: they are the same few thousand in all events.

    What comes before is one interned text: to group 700 keys by it takes 0.3 us each, by a tuple of market
    and param 0.5 us.
    """

    def __missing__(self, key: str) -> tuple[str, str] | None:
        if len(key) > LONGEST_KEY:
            return None
        match = _KEY.fullmatch(key)
        if len(self) >= _MOST_KEYS:
            self.clear()
        parts = self[key] = None if match is None else (intern(match[1]), match[2])
        return parts


_keys: Final = _Keys()


def parse_key(key: str) -> Key | None:
    """The parts of ``key``, or None when it is not of the grammar or longer than 500 characters.

    ``format_key`` of the result is the key again.
    """
    parts = _keys[key]
    if parts is None:
        return None
    place, outcome = parts
    market, _, param = place.partition("@")
    return Key(market, param or None, outcome)


def format_key(key: Key) -> str:
    param = "" if key.param is None else f"@{key.param}"
    return f"{key.market}{param}_{key.outcome}"


class KeyRow(NamedTuple):
    """The keys of one market and param: ``cells`` are outcomes with what stands for their odds, sorted."""

    market_id: str
    qualifier: str | None
    name: str | None
    cells: list[tuple[str, Any]]

    @property
    def selections(self) -> list[Selection]:
        return [_selection(label, value) for label, value in self.cells]

    @property
    def labels(self) -> tuple[Label, ...]:
        return tuple([label for label, _ in self.cells])

    def priced(self, outcomes: Sequence[str]) -> list[Price] | None:
        try:
            return [
                {"outcome": outcome, "odds": None, "active": False}
                if value == "1"  # no price
                else {"outcome": outcome, "odds": usual_odds[value], "active": True}
                for outcome, (_, value) in zip(outcomes, self.cells, strict=True)
            ]
        except (KeyError, TypeError):  # no odds, or an object of the live form
            return priced(self.selections, outcomes)


def _selection(label: str, value: Any) -> Selection:
    odds = value.get("v") if type(value) is dict else value
    return Selection(label, None, odds, not is_no_price(odds))


def rows(markets: dict[str, Any], names: MarketNames | None) -> Rows:
    """Rows of ``D.O``: the keys of one market and param are one row."""
    groups: defaultdict[str, list[tuple[str, Any]]] = defaultdict(list)
    for key, value in markets.items():
        parts = _keys[key]
        if parts is None:
            yield unreadable("the key is not of the form S_MARKET[@PARAM]_OUTCOME", key, key)
            continue
        place, label = parts
        groups[place].append((label, value))
    for place, cells in groups.items():
        market, _, param = place.partition("@")
        if len(cells) > 1:
            cells.sort(key=itemgetter(0))  # Bet9ja's order is another in every event
        name = names.get(market) if names else None
        yield KeyRow(market, param or None, name or None, cells)
