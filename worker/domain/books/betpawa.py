"""BetPawa: one object a market type; its rows are layout, each with the line times four in ``handicap``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from worker.domain.books.book import WRITTEN_AS, Book, Params
from worker.domain.books.lines import from_quarters, parse_line
from worker.domain.books.odds import TwoPrices, is_exactly, prices_of
from worker.domain.books.rows import (
    LONGEST_ID,
    MarketNames,
    ParsedRow,
    ParticipantIds,
    RejectCause,
    Rejection,
    Rows,
    Selection,
    Side,
    abbreviate,
    id_or_none,
    text_or_none,
    unreadable,
)
from worker.domain.books.shape import Shape

_HIGHEST_QUARTERS: Final = 3_999_999
_KEYS: Final = frozenset({"total", "hcp", "number"})
LONGEST_BESIDE: Final = 40
UNREADABLE: Final = "! "
# How a qualifier that no rule can read begins where there is more to say of it.
_CAUSES: Final[dict[str, RejectCause]] = {
    f"{UNREADABLE}levels disagree: ": "UNITS_DISAGREE",
    f"{UNREADABLE}unit not known: ": "UNIT_NOT_KNOWN",
}
_BEGINS: Final = {cause: begins for begins, cause in _CAUSES.items()}


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
    if "row" not in market:
        yield without_rows(market_id, name)
        return
    layout = market["row"] or []
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
    faults: list[Rejection] = []
    for price in prices:
        selection = _selection(price, is_open=is_open)
        if selection is None:
            faults.append(
                unreadable("a price must be an object whose name is a text", price, market_id)
            )
        else:
            selections.append(selection)
    yield from faults
    if selections or not prices:
        line = qualifier(
            row.get("handicap"),
            row.get("specifier"),
            row.get("formattedHandicap"),
            [selection.beside for selection in selections],
        )
        yield ParsedRow(market_id, line, name, selections, faults)


def without_rows(market_id: str, name: str | None) -> ParsedRow:
    """What a market of another form is: nothing of it can be read."""
    fault = Rejection(
        market_id[:LONGEST_ID], None, "INVALID_KEY_FORMAT", "a market must have rows with prices"
    )
    return ParsedRow(market_id, None, name, [], [fault])


def qualifier(
    handicap: Any, specifier: Any, formatted: Any = None, shown: Iterable[str | None] = ()
) -> str | None:
    """A row's line, with the key that it is written under where there is one: ``2.5``, ``2.5 total``.

    A line may be given by the row's handicap (in quarters), its specifier, its formatted handicap, and by
    what is shown next to its prices. All that is there must agree. What cannot be read, or disagrees, gives
    a qualifier that no rule can read; it begins with UNREADABLE.
    """
    try:
        said = _agreed(_from_handicap(handicap), _Specifier.of(specifier))
        line = _shown_line(said.line, formatted, shown)
    except _UnreadableError as error:
        begins = UNREADABLE if error.cause is None else _BEGINS[error.cause]
        return f"{begins}{error}"
    return line if said.key is None or line is None else f"{line} {said.key}"


def cause_of(qualifier: str | None) -> RejectCause | None:
    """What more there is to say of a qualifier that no rule can read."""
    begins = (cause for text, cause in _CAUSES.items() if qualifier and qualifier.startswith(text))
    return next(begins, None)


class _UnreadableError(Exception):
    """Why a row has no line that can be trusted."""

    def __init__(self, detail: str, cause: RejectCause | None = None) -> None:
        super().__init__(detail)
        self.cause = cause


class _Said(NamedTuple):
    """A line, and the key of the specifier that it is written under."""

    line: str | None
    key: str | None


class _Specifier(NamedTuple):
    """What a specifier says; ``is_padded`` when it lists keys that do not apply as well."""

    key: str | None
    value: str | None
    is_padded: bool

    @classmethod
    def of(cls, specifier: Any) -> _Specifier:
        if _is_absent(specifier) or specifier == {}:
            return cls(None, None, is_padded=False)
        if type(specifier) is not dict:
            raise _UnreadableError(f"the specifier is {abbreviate(specifier)}")
        said = {key: value for key, value in specifier.items() if not _is_absent(value)}
        numbers = {key: _number(key, value) for key, value in said.items()}
        if len(numbers) > 1:  # a zero is how some say that a key does not apply
            numbers = {key: value for key, value in numbers.items() if value != "0"} or {"": "0"}
        if len(numbers) > 1:
            raise _UnreadableError(f"the specifier has {len(numbers)} keys")
        is_padded = len(specifier) > len(numbers)
        for key, value in numbers.items():
            return cls(key or None, value, is_padded)
        return cls(None, None, is_padded)


def _number(key: str, value: Any) -> str:
    is_number = type(value) is int or (type(value) is float and math.isfinite(value))
    line = (
        parse_line(str(value) if is_number else value) if is_number or type(value) is str else None
    )
    if key not in _KEYS or line is None or (key == "number" and "." in line):
        raise _UnreadableError(f"the specifier says {abbreviate(key)}: {abbreviate(value)}")
    return line


def _is_absent(value: Any) -> bool:
    return value is None or value == ""


def _agreed(line: str | None, specifier: _Specifier) -> _Said:
    """The line of a row's handicap and its specifier, whose number may be in quarters, too."""
    key, value, is_padded = specifier
    if value is None:
        return _Said(line, None)
    if line is None:
        if is_padded and key != "number" and value != "0":
            raise _UnreadableError(
                f"the specifier says {value}, and there is no handicap", "UNIT_NOT_KNOWN"
            )
        return _Said(value, key)
    if value == line or (
        key != "number" and "." not in value and from_quarters(int(value)) == line
    ):
        return _Said(line, key)
    raise _UnreadableError(f"the handicap says {line}, the specifier {value}", "UNITS_DISAGREE")


def _shown_line(line: str | None, formatted: Any, shown: Iterable[str | None]) -> str | None:
    """The line, with which all that is shown of it agrees. One that is only shown is read without a side."""
    if not _is_absent(formatted):
        said = parse_line(formatted) if type(formatted) is str else None
        if said is None:
            raise _UnreadableError(f"the formatted handicap is {abbreviate(formatted)}")
        if line not in {None, said}:
            raise _UnreadableError(
                f"the line is {line}, in its formatted form {said}", "UNITS_DISAGREE"
            )
        line = said
    texts = {text for text in shown if text}
    if not texts:
        return line
    sizes = {size for text in texts if (size := _size(text)) is not None}
    if line is None:
        (only,) = texts if len(texts) == 1 else (None,)
        if only is not None and parse_line(only) in sizes and only[0].isdigit():
            return parse_line(only)
        if sizes <= {"0"}:
            return None
        raise _UnreadableError("a line is only shown next to prices, with its sides")
    if sizes - {line.lstrip("-")}:
        raise _UnreadableError(f"the line is {line}, next to a price is another", "UNITS_DISAGREE")
    return line


@lru_cache(maxsize=4096)  # as many as there are lines
def _size(shown: str) -> str | None:
    """The line that is shown next to a price, without its sign and side; None when it is not a number."""
    *side, number = shown.split(" ")
    line = parse_line(number)
    return None if line is None or len(side) > 1 else line.lstrip("-")


def _from_handicap(handicap: Any) -> str | None:
    if _is_absent(handicap):
        return None
    if type(handicap) is float and handicap.is_integer():
        handicap = int(handicap)
    if type(handicap) is int and abs(handicap) <= _HIGHEST_QUARTERS:
        return from_quarters(handicap)
    raise _UnreadableError(f"the handicap is {abbreviate(handicap)}")


def _selection(price: Any, *, is_open: bool) -> Selection | None:
    """A price; what is above it, its row and its market, may be suspended as well."""
    if type(price) is not dict or type(label := price.get("name")) is not str:
        return None
    odds = one_price(price.get("price"), price.get("odds"))
    is_active = is_open and not price.get("suspended") and not is_no_price(odds)
    shown = beside(price.get("handicap"), price.get("specifier"))
    id_, side = id_or_none(price.get("typeId")), side_of(price.get("team"))
    return Selection(label, shown, odds, is_active, id_, side)


def side_of(team: Any) -> Side | None:
    """The side of a price's `team`, which players have: 1 or 2."""
    if type(team) not in {int, float}:
        return None
    return {1: "home", 2: "away"}.get(team)  # type: ignore[return-value]  # literals


def beside(handicap: Any, specifier: Any) -> str | None:
    """The line next to a price, from its handicap and its specifier; two that differ are no line."""
    said = [handicap, *specifier.values()] if type(specifier) is dict else [handicap, specifier]
    texts = dict.fromkeys(_short(value) for value in said if not _is_absent(value))
    return " and ".join(texts) or None


def _short(value: Any) -> str:
    is_short = type(value) is str and len(value) <= LONGEST_BESIDE
    return value if is_short else abbreviate(value)


def one_price(older: object, newer: object) -> object:
    """``price`` of the older form or ``odds`` of v4; two that differ are no number."""
    if older is None or newer is None:
        return newer if older is None else older
    if older == newer:
        return older
    return TwoPrices(f"{abbreviate(older)} and {abbreviate(newer)}")


def is_no_price(odds: object) -> bool:
    return odds is None or is_exactly(0, odds) or is_exactly(1, odds)


def participant_ids(selection: Selection, has_number: bool) -> ParticipantIds | None:  # noqa: FBT001  (a book's function)
    """A player has an id of its own and, before the match, a team, which no other outcome has."""
    del has_number  # no id says it
    if selection.id is None:
        return None
    return ParticipantIds(None, selection.id, selection.side, is_sure=selection.side is not None)


open_prices: Final = prices_of(is_no_price)


def parse_qualifier(qualifier: str | None) -> Params | None:
    """A row's line, and the key that it is written under."""
    if qualifier is None:
        return ()
    if qualifier.startswith(UNREADABLE):
        return None
    line, _, key = qualifier.partition(" ")
    return (("handicap", line), (WRITTEN_AS, key)) if key else (("handicap", line),)


_PRICE: Final = Shape(
    "outcome",
    read={"handicap", "name", "odds", "price", "specifier", "suspended", "team", "typeId"},
    ignored={"additionalInfo", "displayName", "id", "probability"},
)
_ROW: Final = Shape(
    "row",
    read={"formattedHandicap", "handicap", "prices", "specifier", "suspended"},
    ignored={"id"},
    within={"prices": _PRICE},
)
_MARKET_TYPE: Final = Shape(
    "market_type",
    read={"displayName", "id", "name"},
    ignored={
        "explainer",
        "handicapType",
        "priceColumnCount",
        "priceSortingMethod",
        "priority",
        "tabs",
    },
)
_MARKET: Final = Shape(
    "market",
    read={"marketType", "row", "suspended"},
    ignored={"additionalInfo", "displayNameColumns", "displayNameRows"},
    within={"marketType": _MARKET_TYPE, "row": _ROW},
)
BOOK: Final = Book(
    platform="betpawa",
    id_column="betpawa_id",
    label_column="betpawa_name",
    outcome_ids_column="betpawa_type_ids",
    line_keys={"total": "handicap", "handicap": "handicap", "european": "handicap"},
    container=list,
    read_rows=rows,
    written_as={
        "total": "total",
        "handicap": "hcp",
        "european": "hcp",
        "none": "number",
        "ordinal": "number",
    },
    zero_is_no_line=True,
    participant_ids=participant_ids,
    parse_qualifier=parse_qualifier,
    cause_of=cause_of,
    is_no_price=is_no_price,
    shape=_MARKET,
)
