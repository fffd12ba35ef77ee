"""Reads usual messages from bytes to rows by their types; ``decode`` reads all others.

Theory of operation. Parsing a message into dictionaries and validating them takes four times the CPU of
msgspec, which decodes bytes into typed structs at once. So the types here describe what the bookmakers
usually send, and nothing else.

- A message that does not fit the types (a label that is a number, an envelope with a further field) is not
  rejected here. ``read_usual`` returns None, and ``decode`` reads the whole message. So only one piece of
  code rejects, with one set of reasons.
- The invariant: a message that fits gives exactly the rows that ``decode`` would give. Property tests compare
  both on the same bytes.

What would break: a field that means something and is not listed here. msgspec skips unknown fields of
markets, so such a field (as ``suspended`` once was) would be ignored in fast messages only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
import orjson
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from schemas.fields import EventStatus
from schemas.observation import MOST_PARTS
from worker.domain.books import bet9ja, betpawa, sportybet
from worker.domain.books.odds import closed_prices
from worker.domain.books.platforms import Platform
from worker.domain.books.rows import (
    MarketNames,
    ParsedRow,
    Rejection,
    Row,
    RowReading,
    Selection,
    Side,
    abbreviate,
)
from worker.domain.resolve import Observation, platform_rows

_Text = Annotated[str, Meta(min_length=1)]
_Text100 = Annotated[str, Meta(max_length=100)]
_Text255 = Annotated[str, Meta(max_length=255)]
# Other readers take larger integers as floats.
_Integer = Annotated[int, Meta(ge=-(2**53), le=2**53)]


class _SportybetOutcome(Struct, gc=False):
    label: str = field(name="desc")
    odds: str | None = None
    flag: Literal[0, 1] = field(name="isActive", default=1)
    id: str | None = None


_PREMATCH: Final = 3
_MOST_SHOWN: Final = 4  # lines next to the prices of a row: one for each side
_OUTCOMES: Final = msgspec.json.Decoder(list[_SportybetOutcome])
_SIDES: Final = {None: None, 1: betpawa.side_of(1), 2: betpawa.side_of(2)}


class SportybetMarket(Struct, gc=False):
    """A SportyBet market, which is one row. Its outcomes are parsed when they are read."""

    market_id: _Text = field(name="id")
    qualifier: _Text | None = field(name="specifier", default=None)
    title: str | None = field(name="name", default=None)
    desc: str | None = None
    status: int = 0
    banned: bool | None = None
    sold_by: int | str | None = field(name="product", default=None)
    outcomes: Raw = field(default_factory=Raw)
    sides: ClassVar[tuple[Side | None, ...]] = ()

    @property
    def name(self) -> str | None:
        return self.title or self.desc or None

    @property
    def product(self) -> str:
        return "3" if self.sold_by == _PREMATCH else sportybet.product_of(self.sold_by)

    @property
    def is_partial(self) -> bool:
        return self._parsed().is_partial

    @property
    def selections(self) -> Sequence[Selection]:
        return self._parsed().selections

    def read(self, rejected: set[Rejection]) -> RowReading | None:
        try:
            outcomes = _OUTCOMES.decode(self.outcomes)
        except (
            msgspec.DecodeError,
            RecursionError,
        ):  # the depth that is left depends on the caller
            return self._parsed().read(rejected)
        labels = tuple([outcome.label for outcome in outcomes])
        ids = tuple([outcome.id for outcome in outcomes])
        if self.status or self.banned:
            return labels, [closed_prices[outcome.odds] for outcome in outcomes], ids
        try:
            prices = [
                sportybet.open_prices[outcome.odds] if outcome.flag else closed_prices[outcome.odds]
                for outcome in outcomes
            ]
        except KeyError:  # an active price without usable odds
            return labels, None, ids
        return labels, prices, ids

    def _parsed(self) -> ParsedRow:
        """Return the row, with outcomes of any form."""
        is_open = self.status == 0 and not self.banned
        return sportybet.row_of(
            self.market_id, self.qualifier, self.name, _loaded(self.outcomes), is_open=is_open
        )


def _loaded(raw: Raw) -> Any:
    """Return the parsed value; if it cannot be parsed, a text of it, which no reader accepts."""
    try:
        return orjson.loads(bytes(raw)) if bytes(raw) else None
    except orjson.JSONDecodeError:
        return abbreviate(bytes(raw).decode("utf-8", "replace"))


_Scalar = _Integer | float | str | None


class _BetpawaPrice(Struct, gc=False):
    label: str = field(name="name")
    shown_line: Annotated[str, Meta(max_length=betpawa.LONGEST_SHOWN_LINE)] | None = field(
        name="handicap", default=None
    )
    specifier: dict[str, _Scalar] | None = None
    id: str | None = field(name="typeId", default=None)
    team: Literal[1, 2] | None = None
    price: _Integer | float | str | None = None
    odds: _Integer | float | str | None = None
    suspended: bool | None = None


class _BetpawaLayoutRow(Struct, gc=False):
    suspended: bool | None = None
    handicap: _Integer | float | None = None
    specifier: dict[str, _Scalar] | None = None
    formatted: Annotated[str, Meta(max_length=betpawa.LONGEST_SHOWN_LINE)] | None = field(
        name="formattedHandicap", default=None
    )
    prices: list[_BetpawaPrice] = []


class _BetpawaMarketType(Struct, gc=False):
    id: _Text
    name: str | None = None
    title: str | None = field(name="displayName", default=None)


class _BetpawaMarket(Struct, gc=False):
    market_type: _BetpawaMarketType = field(name="marketType")
    suspended: bool | None = None
    rows: list[_BetpawaLayoutRow] | UnsetType = field(name="row", default=UNSET)


class BetpawaRow(Struct, gc=False):
    """The prices of a BetPawa market at one line, from one or several rows of its layout."""

    market_id: str
    qualifier: str | None
    name: str | None
    seen: list[_BetpawaPrice]
    is_partial: ClassVar[bool] = False
    product: ClassVar[str | None] = None

    @property
    def sides(self) -> tuple[Side | None, ...]:
        return tuple([_SIDES[price.team] for price in self.seen])

    @property
    def selections(self) -> list[Selection]:
        return [
            Selection(
                price.label,
                price.shown_line,
                odds := betpawa.one_price(price.price, price.odds),
                not price.suspended and not betpawa.is_no_price(odds),
                price.id,
                _SIDES[price.team],
            )
            for price in self.seen
        ]

    def read(self, rejected: set[Rejection]) -> RowReading | None:
        del rejected  # a usual message has nothing that cannot be read
        seen = self.seen
        labels = tuple(
            [
                price.label if price.shown_line is None else (price.label, price.shown_line)
                for price in seen
            ]
        )
        ids = tuple([price.id for price in seen])
        try:
            prices = [
                (closed_prices if price.suspended else betpawa.open_prices)[
                    price.price
                    if price.odds is None
                    else betpawa.one_price(price.price, price.odds)
                ]
                for price in seen
            ]
        except KeyError:  # an active price without usable odds
            return labels, None, ids
        return labels, prices, ids


class _Event(Struct, forbid_unknown_fields=True, gc=False):
    """The same fields as the model. ``is_usual`` checks the characters."""

    id: Annotated[str, Meta(min_length=1, max_length=100)]
    sportradar_id: Annotated[str, Meta(min_length=1, max_length=20)] | None = None
    home: _Text255 | None = None
    away: _Text255 | None = None
    starts_at: str | None = None
    sport: _Text100 | None = None
    competition: _Text255 | None = None
    live: bool | None = None
    status: EventStatus | None = None

    @property
    def is_usual(self) -> bool:
        number = self.sportradar_id
        return self.id.isprintable() and (number is None or (number.isascii() and number.isdigit()))


class _Part(Struct, forbid_unknown_fields=True, gc=False):
    number: Annotated[int, Meta(ge=1)]
    of: Annotated[int, Meta(le=MOST_PARTS)]


class _Envelope(Struct, tag_field="platform", forbid_unknown_fields=True, kw_only=True):
    """An unknown field makes ``decode`` read the message."""

    observed_at: str
    event: _Event
    schema_version: Literal[1] = 1
    scrape_id: _Text100 | None = None
    part: _Part | None = None

    @property
    def is_usual(self) -> bool:
        part = self.part
        return self.event.is_usual and (part is None or part.number <= part.of)


class Sportybet(_Envelope, tag="sportybet", kw_only=True):
    platform: ClassVar[Platform] = "sportybet"
    market_names: None = None
    markets: list[SportybetMarket]

    def rows(self) -> Iterable[Row | Rejection]:
        return self.markets


class Betpawa(_Envelope, tag="betpawa", kw_only=True):
    platform: ClassVar[Platform] = "betpawa"
    market_names: None = None
    markets: list[_BetpawaMarket]

    def rows(self) -> Iterable[Row | Rejection]:
        for market in self.markets:
            yield from _rows(market)


class Bet9ja(_Envelope, tag="bet9ja", kw_only=True):
    platform: ClassVar[Platform] = "bet9ja"
    markets: dict[str, Any]
    market_names: dict[str, str] | None = None

    def rows(self) -> Iterable[Row | Rejection]:
        return bet9ja.rows(self.markets, self.market_names)


Usual = Sportybet | Betpawa | Bet9ja
_DECODER: Final = msgspec.json.Decoder(Usual)


def _rows(market: _BetpawaMarket) -> Iterator[Row]:
    kind = market.market_type
    name = kind.name or kind.title or None
    if isinstance(market.rows, UnsetType):
        yield betpawa.without_rows(kind.id, name)
        return
    rows, is_suspended = market.rows, market.suspended
    if len(rows) == 1:  # most markets; to group rows takes twice as long
        (row,) = rows
        if is_suspended or row.suspended:
            _suspend(row.prices)
        yield BetpawaRow(kind.id, _line_of(row), name, row.prices)
        return
    by_line: dict[str | None, list[_BetpawaPrice]] = {} if rows else {None: []}
    for row in rows:
        if is_suspended or row.suspended:
            _suspend(row.prices)
        by_line.setdefault(_line_of(row), []).extend(row.prices)
    for line, prices in by_line.items():
        yield BetpawaRow(kind.id, line, name, prices)


def _suspend(prices: Iterable[_BetpawaPrice]) -> None:
    """As `books` reads it: a suspension applies to everything below."""
    for price in prices:
        price.suspended = True


def _line_of(row: _BetpawaLayoutRow) -> str | None:
    """Return the row's qualifier. Also give each price one text for the line that is shown next to it."""
    shown = set()
    keys = set()
    for price in row.prices:
        shown_line = price.shown_line
        if price.specifier is not None or shown_line == "":
            keys.add(betpawa.key_next_to_price(price.specifier))
            shown_line = price.shown_line = betpawa.shown_line_of(
                shown_line, price.specifier, row.handicap
            )
        if shown_line is not None:
            shown.add(shown_line)
    if not shown and row.handicap is None and row.formatted is None and row.specifier is None:
        return None
    is_only_shown = row.handicap is None and row.formatted is None
    if is_only_shown or keys or row.specifier is not None or len(shown) > _MOST_SHOWN:
        labelled = [(price.label, price.shown_line) for price in row.prices]
        return betpawa.qualifier(row.handicap, row.specifier, row.formatted, labelled, keys)
    return _known_line(row.handicap, row.formatted, frozenset(shown))


@lru_cache(maxsize=4096)  # the same few lines occur in every event
def _known_line(handicap: float | None, formatted: str | None, shown: frozenset[str]) -> str | None:
    """Return the line of a row that gives one, apart from what is shown next to its prices."""
    return betpawa.qualifier(handicap, None, formatted, [("", text) for text in shown])


_SPORTYBET_MARKETS: Final = msgspec.json.Decoder(list[SportybetMarket])
_BET9JA_MARKETS: Final = msgspec.json.Decoder(dict[str, Any])
_BETPAWA_MARKETS: Final = msgspec.json.Decoder(list[_BetpawaMarket])


def rows_at(
    platform: Platform,
    value: bytes,
    places: Iterable[tuple[int, int]],
    names: MarketNames | None = None,
) -> Iterable[Row | Rejection]:
    """Read the rows of some markets; ``places`` are the ranges of their entries in ``value``.

    Raises orjson.JSONDecodeError if they are not JSON.
    """
    entries = b",".join([value[begin:end] for begin, end in places])
    markets = b"{%b}" % entries if platform == "bet9ja" else b"[%b]" % entries
    try:
        if platform == "bet9ja":
            return bet9ja.rows(_BET9JA_MARKETS.decode(markets), names)
        if platform == "sportybet":
            return _SPORTYBET_MARKETS.decode(markets)
        return chain.from_iterable(map(_rows, _BETPAWA_MARKETS.decode(markets)))
    except (msgspec.DecodeError, RecursionError):
        observed = Observation(platform, orjson.loads(markets), market_names=names)
        return platform_rows(observed)


def read_usual(value: bytes) -> Usual | None:
    """Return the observation in a record's value; None if it does not have the usual form.

    Fields of a market that nobody reads are skipped, so a number in them may exceed a double.
    """
    try:
        if not value.isascii():
            value.decode()  # msgspec does not check strings that it skips
        usual: Usual = _DECODER.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return usual
