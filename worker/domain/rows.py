"""A platform's own form, read into rows: one market as the platform sells it, with a price for each label.

Reading a row interprets nothing: no mapping is known here. What cannot even be read as a row is a Rejection,
and costs none of its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypedDict

from worker.domain.odds import Odds, parse_odds

RejectCode = Literal["INVALID_SPECIFIER", "INVALID_ODDS", "INVALID_KEY_FORMAT"]

_SHOWN = 80


class Selection(NamedTuple):
    """One price: its label, the line beside it (BetPawa only), the raw odds, whether it can be bet on."""

    label: str
    beside: str | None
    odds: object
    active: bool


class Price(TypedDict):
    """The price of one canonical outcome as it is published."""

    outcome: str
    odds: Odds | None
    active: bool


# What a selection is known by: its label, with the line beside it where there is one.
Label = str | tuple[str, str]


class Row(Protocol):
    """One market of one event as the platform sells it.

    ``qualifier`` is everything that tells this row from the others of its market, verbatim: SportyBet's
    specifier, Bet9ja's param, BetPawa's handicap. ``labels`` are those of the selections, in their order.
    """

    @property
    def market_id(self) -> str: ...
    @property
    def qualifier(self) -> str | None: ...
    @property
    def name(self) -> str | None: ...
    @property
    def selections(self) -> Sequence[Selection]: ...
    @property
    def labels(self) -> tuple[Label, ...]: ...

    def priced(self, outcomes: Sequence[str]) -> list[Price] | None:
        """The selections as prices of ``outcomes``, one for each.

        None when an active one has no usable odds.
        """


class ParsedRow(NamedTuple):
    """A row whose selections are all read, one by one."""

    market_id: str
    qualifier: str | None
    name: str | None
    selections: Sequence[Selection]

    @property
    def labels(self) -> tuple[Label, ...]:
        return tuple(known_by(label, beside) for label, beside, _, _ in self.selections)

    def priced(self, outcomes: Sequence[str]) -> list[Price] | None:
        return priced(self.selections, outcomes)


def priced(selections: Sequence[Selection], outcomes: Sequence[str]) -> list[Price] | None:
    """As ``Row.priced``, for any odds."""
    prices: list[Price] = [
        {"outcome": outcome, "odds": parse_odds(raw), "active": active}
        for outcome, (_, _, raw, active) in zip(outcomes, selections, strict=True)
    ]
    return None if any(price["active"] and price["odds"] is None for price in prices) else prices


class Rejection(NamedTuple):
    """Data at fault: nothing that an editor of mappings could mend."""

    external_market_id: str
    line: str | None
    code: RejectCode
    detail: str


Rows = Iterator[Row | Rejection]
MarketNames = Mapping[str, str]


def known_by(label: str, beside: str | None) -> Label:
    return label if beside is None else (label, beside)


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
