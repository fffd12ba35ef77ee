"""BetPawa: one object a market type; its rows are layout, each with the line times four in ``handicap``."""

from __future__ import annotations

from typing import Any, Final

from worker.domain.books.book import Book, Params
from worker.domain.books.lines import from_quarters, parse_line
from worker.domain.books.odds import is_exactly, prices_of
from worker.domain.books.rows import (
    MarketNames,
    ParsedRow,
    Rows,
    Selection,
    abbreviate,
    id_or_none,
    text_or_none,
    unreadable,
)

_HIGHEST_QUARTERS = 3_999_999
LONGEST_BESIDE = 40


def rows(markets: list[Any], names: MarketNames | None = None) -> Rows:
    """Rows of ``markets``: those of one market and line may be spread over several."""
    del names  # each market carries its own
    for market in markets:
        yield from _market_rows(market)


def _market_rows(market: Any) -> Rows:
    if type(market) is not dict:
        yield unreadable("a market must be an object", market)
        return
    market_type = market.get("marketType")
    market_type = market_type if type(market_type) is dict else {}
    market_id = id_or_none(market_type.get("id"))
    if market_id is None:
        said = market_type.get("id")
        yield unreadable("a market's marketType.id must be a text or a whole number", said)
        return
    name = text_or_none(market_type.get("name")) or text_or_none(market_type.get("displayName"))
    layout = market.get("row") or []
    if type(layout) is not list:
        yield unreadable("row must be a list", layout, market_id)
        return
    if not layout:
        yield ParsedRow(market_id, None, name, [])
    is_open = not market.get("suspended")
    for row in layout:
        yield from _row(market_id, name, row, is_open=is_open)


def _row(market_id: str, name: str | None, row: Any, *, is_open: bool) -> Rows:
    prices = (row.get("prices") or []) if type(row) is dict else None
    if type(prices) is not list:
        yield unreadable("a row must be an object whose prices are a list", row, market_id)
        return
    is_open = is_open and not row.get("suspended")
    selections: list[Selection] = []
    for price in prices:
        selection = _selection(price, is_open=is_open)
        if selection is None:
            yield unreadable("a price must be an object whose name is a text", price, market_id)
        else:
            selections.append(selection)
    if selections or not prices:
        yield ParsedRow(
            market_id, qualifier(row.get("handicap"), row.get("specifier")), name, selections
        )


def qualifier(handicap: Any, specifier: Any) -> str | None:
    """The row's line; what cannot be read, or is said twice and differently, is a text that is no line."""
    line = _from_handicap(handicap)
    if type(specifier) is not dict or not specifier:
        return line
    said = {parse_line(value) if type(value) is str else None for value in specifier.values()}
    if len(said) == 1 and (line is None or line in said):
        return said.pop() or abbreviate(specifier)
    return f"{line} and {sorted(map(str, said))}"


def _from_handicap(handicap: Any) -> str | None:
    if handicap is None:
        return None
    if type(handicap) is float and handicap.is_integer():
        handicap = int(handicap)
    if type(handicap) is int and abs(handicap) <= _HIGHEST_QUARTERS:
        return from_quarters(handicap)
    # Not the number alone: 10.5 quarters would read as the line 10.5.
    return f"{abbreviate(handicap)} quarters"


def _selection(price: Any, *, is_open: bool) -> Selection | None:
    """A price; what is above it, its row and its market, may be suspended as well."""
    if type(price) is not dict or type(label := price.get("name")) is not str:
        return None
    odds = one_price(price.get("price"), price.get("odds"))
    is_active = is_open and not price.get("suspended") and not is_no_price(odds)
    return Selection(label, _beside(price.get("handicap")), odds, is_active)


def _beside(handicap: Any) -> str | None:
    if handicap is None:
        return None
    is_short = type(handicap) is str and len(handicap) <= LONGEST_BESIDE
    return handicap if is_short else abbreviate(handicap)


def one_price(older: object, newer: object) -> object:
    """``price`` of the older form or ``odds`` of v4; two that differ become a text that is no number."""
    if older is None or newer is None:
        return newer if older is None else older
    return older if older == newer else f"{abbreviate(older)} and {abbreviate(newer)}"


def is_no_price(odds: object) -> bool:
    return odds is None or is_exactly(0, odds) or is_exactly(1, odds)


open_prices: Final = prices_of(is_no_price)


def parse_qualifier(qualifier: str | None) -> Params:
    """A row's line, as the one pair that it is."""
    return () if qualifier is None else (("handicap", qualifier),)


BOOK: Final = Book(
    platform="betpawa",
    id_column="betpawa_id",
    label_column="betpawa_name",
    line_keys={"total": "handicap", "handicap": "handicap", "european": "handicap"},
    container=list,
    read_rows=rows,
    parse_qualifier=parse_qualifier,
    is_no_price=is_no_price,
)
