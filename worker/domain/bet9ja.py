"""Bet9ja: a flat object of keys to odds; market, param and outcome are in the key.

Grammar: PREFIX ``_`` MARKET [``@`` PARAM] ``_`` OUTCOME. A market holds no underscore, so the first one after
the prefix ends it; an outcome is free text and may hold more.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

from worker.domain.odds import is_no_price
from worker.domain.rows import MarketNames, Row, Rows, Selection, text_or_none, unreadable

LONGEST_KEY: Final = 500
_KEY: Final = re.compile(r"((?:S|LIVES|B|T)_[A-Z0-9-]+)(?:@([^_@]+))?_(.+)", re.ASCII | re.DOTALL)


class Key(NamedTuple):
    """A key's parts; ``market`` with its prefix, as ``user_market_mappings.bet9ja_key`` has it."""

    market: str
    param: str | None
    outcome: str


def parse_key(key: str) -> Key | None:
    """The parts of ``key``, or None when it is not of the grammar or longer than 500 characters.

    ``format_key`` of the result is the key again.
    """
    return None if len(key) > LONGEST_KEY else _parse_key(key)


@lru_cache(maxsize=65536)
def _parse_key(key: str) -> Key | None:
    match = _KEY.fullmatch(key)
    return None if match is None else Key(match[1], match[2], match[3])


def format_key(key: Key) -> str:
    param = "" if key.param is None else f"@{key.param}"
    return f"{key.market}{param}_{key.outcome}"


def rows(markets: dict[str, Any], names: MarketNames | None) -> Rows:
    """Rows of ``D.O``: the keys of one market and param are one row."""
    names = names or {}
    groups: dict[tuple[str, str | None], list[Selection]] = {}
    for text, value in markets.items():
        key = parse_key(text)
        if key is None:
            yield unreadable("the key is not of the form S_MARKET[@PARAM]_OUTCOME", text, text)
            continue
        odds = value.get("v") if type(value) is dict else value
        selection = Selection(key.outcome, None, odds, not is_no_price(odds))
        groups.setdefault((key.market, key.param), []).append(selection)
    for (market, param), selections in groups.items():
        yield Row(market, param, text_or_none(names.get(market)), selections)
