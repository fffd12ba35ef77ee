"""Bytes straight to rows, for what the books usually send; all else is read by ``decode``.

The types say what is usual. What they do not fit, a label that is a number or an envelope with a field more,
is read whole instead: it is refused, or not, by one piece of code. What fits gives the same rows as there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field

from worker.domain import bet9ja, betpawa
from worker.domain.odds import usual_odds
from worker.domain.rows import Label, Price, Rejection, Row, Selection, priced

_Text = Annotated[str, Meta(min_length=1)]
# Beyond it JSON's integers are read as floats elsewhere.
_Integer = Annotated[int, Meta(ge=-(2**53), le=2**53)]


class _SportybetOutcome(Struct, gc=False):
    label: str = field(name="desc")
    odds: str | None = None
    flag: Literal[0, 1] = field(name="isActive", default=1)


class SportybetMarket(Struct, gc=False):
    """A market of SportyBet's, which is a row as it stands."""

    market_id: _Text = field(name="id")
    qualifier: _Text | None = field(name="specifier", default=None)
    title: str | None = field(name="name", default=None)
    desc: str | None = None
    status: int = 0
    banned: bool | None = None
    outcomes: list[_SportybetOutcome] = []

    @property
    def name(self) -> str | None:
        return self.title or self.desc or None

    @property
    def labels(self) -> tuple[Label, ...]:
        return tuple([outcome.label for outcome in self.outcomes])

    @property
    def _is_open(self) -> bool:
        return self.status == 0 and not self.banned

    @property
    def selections(self) -> list[Selection]:
        is_open = self._is_open
        return [
            Selection(outcome.label, None, outcome.odds, is_open and outcome.flag == 1)
            for outcome in self.outcomes
        ]

    def priced(self, outcomes: Sequence[str]) -> list[Price] | None:
        if not self._is_open:
            return priced(self.selections, outcomes)
        try:
            return [
                {"outcome": name, "odds": usual_odds[outcome.odds], "active": outcome.flag == 1}
                for name, outcome in zip(outcomes, self.outcomes, strict=True)
            ]
        except KeyError:
            return priced(self.selections, outcomes)


class _BetpawaPrice(Struct, gc=False):
    label: str = field(name="name")
    beside: Annotated[str, Meta(max_length=betpawa.LONGEST_BESIDE)] | None = field(
        name="handicap", default=None
    )
    price: _Integer | float | str | None = None
    odds: _Integer | float | str | None = None
    suspended: bool | None = None


class _BetpawaLayoutRow(Struct, gc=False):
    handicap: _Integer | float | None = None
    specifier: dict[str, str] | None = None
    prices: list[_BetpawaPrice] = []


class _BetpawaMarketType(Struct, gc=False):
    id: _Text
    name: str | None = None
    title: str | None = field(name="displayName", default=None)


class _BetpawaMarket(Struct, gc=False):
    market_type: _BetpawaMarketType = field(name="marketType")
    rows: list[_BetpawaLayoutRow] = field(name="row", default_factory=list)


class BetpawaRow(Struct, gc=False):
    """The prices of a market of BetPawa's at one line: of one row of its layout, or of several."""

    market_id: str
    qualifier: str | None
    name: str | None
    prices: list[_BetpawaPrice]

    @property
    def labels(self) -> tuple[Label, ...]:
        return tuple(
            [price.label if price.beside is None else (price.label, price.beside) for price in self.prices]
        )

    @property
    def selections(self) -> list[Selection]:
        return [
            Selection(
                price.label, price.beside, betpawa.one_price(price.price, price.odds), not price.suspended
            )
            for price in self.prices
        ]

    def priced(self, outcomes: Sequence[str]) -> list[Price] | None:
        try:
            return [
                {
                    "outcome": outcome,
                    "odds": usual_odds[
                        price.price if price.odds is None else betpawa.one_price(price.price, price.odds)
                    ],
                    "active": not price.suspended,
                }
                for outcome, price in zip(outcomes, self.prices, strict=True)
            ]
        except KeyError:
            return priced(self.selections, outcomes)


class _Envelope(Struct, tag_field="platform", forbid_unknown_fields=True, kw_only=True):
    """Its fields are checked by their model. With a field that is unknown the whole body is parsed."""

    observed_at: Any
    event: Any
    schema_version: Any = 1
    scrape_id: Any = None
    market_names: Any = None


class Sportybet(_Envelope, tag="sportybet", kw_only=True):
    markets: list[SportybetMarket]

    def rows(self) -> Iterable[Row | Rejection]:
        return self.markets


class Betpawa(_Envelope, tag="betpawa", kw_only=True):
    markets: list[_BetpawaMarket]

    def rows(self) -> Iterable[Row | Rejection]:
        for market in self.markets:
            yield from _rows(market)


class Bet9ja(_Envelope, tag="bet9ja", kw_only=True):
    markets: dict[str, Any]

    def rows(self) -> Iterable[Row | Rejection]:
        return bet9ja.rows(self.markets, self.market_names)


Usual = Sportybet | Betpawa | Bet9ja
_DECODER: Final = msgspec.json.Decoder(Usual)


def _rows(market: _BetpawaMarket) -> Iterator[BetpawaRow]:
    kind = market.market_type
    by_line: dict[str | None, list[_BetpawaPrice]] = {} if market.rows else {None: []}
    for row in market.rows:
        plain = row.handicap is None and row.specifier is None
        line = None if plain else betpawa.qualifier(row.handicap, row.specifier)
        by_line.setdefault(line, []).extend(row.prices)
    name = kind.name or kind.title or None
    for line, prices in by_line.items():
        yield BetpawaRow(kind.id, line, name, prices)


def read_usual(value: bytes) -> Usual | None:
    """The observation in a record's value; None when it is not of the usual form, whatever that is worth.

    A field of a market that nobody reads is passed over: a number in it may be beyond a double.
    """
    try:
        if not value.isascii():
            value.decode()  # msgspec does not look into texts that it passes over
        usual: Usual = _DECODER.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return usual
