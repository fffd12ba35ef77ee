"""A platform's own form, read into rows: one market as the platform sells it, with a price for each label.

Reading a row interprets nothing: no mapping is known here. What cannot even be read as a row is a Rejection,
and costs none of its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

RejectCode = Literal["INVALID_SPECIFIER", "INVALID_ODDS", "INVALID_KEY_FORMAT"]

_SHOWN = 80


class Selection(NamedTuple):
    """One price: its label, the line beside it (BetPawa only), the raw odds, whether it can be bet on."""

    label: str
    beside: str | None
    odds: object
    active: bool


class Row(NamedTuple):
    """One market of one event as the platform sells it.

    ``qualifier`` is everything that tells this row from the others of its market, verbatim: SportyBet's
    specifier, Bet9ja's param, BetPawa's handicap.
    """

    market_id: str
    qualifier: str | None
    name: str | None
    selections: list[Selection]


class Rejection(NamedTuple):
    """Data at fault: nothing that an editor of mappings could mend."""

    external_market_id: str
    line: str | None
    code: RejectCode
    detail: str


Rows = Iterator[Row | Rejection]
MarketNames = Mapping[str, str]


def shown(value: object) -> str:
    """A value as an error message may show it: bounded, control characters escaped."""
    if isinstance(value, str) and len(value) > _SHOWN:
        value = value[:_SHOWN]
    elif isinstance(value, (dict, list)):
        return f"{type(value).__name__} of {len(value)}"
    return repr(value)[: _SHOWN + 2]


def unreadable(reason: str, value: object, market_id: str = "?") -> Rejection:
    return Rejection(market_id[:100] or "?", None, "INVALID_KEY_FORMAT", f"{reason}: {shown(value)}")


def text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
