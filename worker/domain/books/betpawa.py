"""BetPawa: one object a market type; its rows are layout, each with the line times four in ``handicap``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from worker.domain.books.book import WRITTEN_AS, Book, Params
from worker.domain.books.lines import from_quarters, negate, parse_line
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
LONGEST_SHOWN_LINE: Final = 40
UNREADABLE: Final = "! "
_UNKNOWN_UNIT: Final = " in an unknown unit"
# How a qualifier that no rule can read begins where there is more to say of it.
_CAUSES: Final[dict[str, RejectCause]] = {
    f"{UNREADABLE}levels disagree: ": "UNITS_DISAGREE",
    f"{UNREADABLE}unit not known: ": "UNIT_NOT_KNOWN",
    f"{UNREADABLE}kinds differ: ": "LINE_KIND_DIFFERS",
    f"{UNREADABLE}side not known: ": "SIDE_NOT_KNOWN",
}
_BEGINS: Final = {cause: begins for begins, cause in _CAUSES.items()}
# Labels, and words in a line next to a price, that say from which side the line is seen.
_SIDES: Final[dict[str, Side]] = {"1": "home", "2": "away", "home": "home", "away": "away"}


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
        selection = _selection(price, row.get("handicap"), is_open=is_open)
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
            [(selection.label, selection.shown_line) for selection in selections],
            {key_next_to_price(price.get("specifier")) for price in prices if type(price) is dict},
        )
        yield ParsedRow(market_id, line, name, selections, faults)


def without_rows(market_id: str, name: str | None) -> ParsedRow:
    """What a market of another form is: nothing of it can be read."""
    fault = Rejection(
        market_id[:LONGEST_ID], None, "INVALID_KEY_FORMAT", "a market must have rows with prices"
    )
    return ParsedRow(market_id, None, name, [], [fault])


def qualifier(
    handicap: Any,
    specifier: Any,
    formatted: Any = None,
    shown: Iterable[tuple[str, str | None]] = (),
    keys: Iterable[str | None] = (),
) -> str | None:
    """A row's line, with the key that it is written under where there is one: ``2.5``, ``2.5 total``.

    A line may be given by the row's handicap (in quarters), its specifier, its formatted handicap, and by
    what is ``shown`` next to its prices, each with its label; ``keys`` are those of the prices' specifiers.
    All that is there must agree. What cannot be read, or disagrees, gives a qualifier that no rule can read;
    it begins with UNREADABLE.
    """
    try:
        said = _agreed(_from_handicap(handicap), _Specifier.of(specifier))
        key = _one_key(said.key, keys)
        line = _shown_line(said.line, formatted, shown)
    except _UnreadableError as error:
        begins = UNREADABLE if error.cause is None else _BEGINS[error.cause]
        return f"{begins}{error}"
    return line if key is None or line is None else f"{line} {key}"


def _one_key(of_row: str | None, of_prices: Iterable[str | None]) -> str | None:
    """The key that the line is written under, in the row and next to its prices."""
    keys = sorted({key for key in (of_row, *of_prices) if key is not None})
    if not keys:
        return None
    if len(keys) > 1 or keys[0] not in _KEYS:
        said = " and ".join(map(abbreviate, keys[:3]))
        raise _UnreadableError(f"the line is written under {said}", "LINE_KIND_DIFFERS")
    return keys[0]


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
        said = {
            key: value
            for key, value in specifier.items()
            if not (_is_absent(value) or (key not in _KEYS and is_exactly(0, value)))
        }
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


def _shown_line(
    line: str | None, formatted: Any, shown: Iterable[tuple[str, str | None]]
) -> str | None:
    """The line, with which all that is shown of it agrees, but for its sides where there is a line."""
    if not _is_absent(formatted):
        said = parse_line(formatted) if type(formatted) is str else None
        if said is None:
            raise _UnreadableError(f"the formatted handicap is {abbreviate(formatted)}")
        if line not in {None, said}:
            raise _UnreadableError(
                f"the line is {line}, in its formatted form {said}", "UNITS_DISAGREE"
            )
        line = said
    labelled = [(label, text) for label, text in shown if text]
    if not labelled:
        return line
    if line is None:
        return _only_shown(labelled)
    sizes = {size for _, text in labelled if (size := _size(text)) is not None}
    if sizes - {line.lstrip("-")}:
        raise _UnreadableError(f"the line is {line}, next to a price is another", "UNITS_DISAGREE")
    return line


def _only_shown(labelled: list[tuple[str, str]]) -> str | None:
    """The line of a row that gives it next to its prices only.

    A number without a sign next to all prices is the line. Numbers with signs are seen from the sides of
    their outcomes: they are read where those of both sides are there and mirror each other.
    """
    texts = {text for _, text in labelled}
    if any(text.endswith(_UNKNOWN_UNIT) for text in texts):
        raise _UnreadableError("a line is only shown next to prices", "UNIT_NOT_KNOWN")
    sizes = {size for text in texts if (size := _size(text)) is not None}
    (only,) = texts if len(texts) == 1 else ("",)
    if only[:1].isdigit() and parse_line(only) in sizes:
        return parse_line(only)
    if sizes <= {"0"}:
        return None if any(_size(text) is None for text in texts) else "0"
    if len(sizes) > 1:
        raise _UnreadableError("next to prices are different lines", "UNITS_DISAGREE")
    seen = {
        (side, _from_home(side, text)) for label, text in labelled if (side := _side(label, text))
    }
    lines = {line for _, line in seen}
    if len(lines) > 1:
        raise _UnreadableError(
            "the lines next to prices do not mirror each other", "UNITS_DISAGREE"
        )
    if len(seen) < 2:
        raise _UnreadableError(
            "a line is only shown next to prices, and not from both sides", "SIDE_NOT_KNOWN"
        )
    return lines.pop()


def _side(label: str, shown: str) -> Side | None:
    """The side from which a line next to a price is seen: it says so, or its label does."""
    *said, _ = shown.casefold().split(" ")
    return (
        None if _size(shown) is None else _SIDES.get(said[0] if said else label.strip().casefold())
    )


def _from_home(side: Side, shown: str) -> str | None:
    """The line that is shown to a side, as the home side sees it."""
    line = parse_line(shown.rsplit(" ", maxsplit=1)[-1])
    return line if side == "home" or line is None else negate(line)


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


def _selection(price: Any, of_row: Any, *, is_open: bool) -> Selection | None:
    """A price; what is above it, its row and its market, may be suspended as well."""
    if type(price) is not dict or type(label := price.get("name")) is not str:
        return None
    odds = one_price(price.get("price"), price.get("odds"))
    is_active = is_open and not price.get("suspended") and not is_no_price(odds)
    shown = shown_line_of(price.get("handicap"), price.get("specifier"), of_row)
    id_, side = id_or_none(price.get("typeId")), side_of(price.get("team"))
    return Selection(label, shown, odds, is_active, id_, side)


def side_of(team: Any) -> Side | None:
    """The side of a price's `team`, which players have: 1 or 2."""
    if type(team) not in {int, float}:
        return None
    return {1: "home", 2: "away"}.get(team)  # type: ignore[return-value]  # literals


def shown_line_of(handicap: Any, specifier: Any, of_row: Any) -> str | None:
    """The line next to a price, from its handicap and its specifier; two that differ are no line.

    Where nothing says the unit, a whole number is a line or a number of quarters: a number as handicap, and
    what a padded specifier says. It has to agree, in either unit, with a line whose unit is known: one that
    the price shows as a text, or ``of_row``, the row's handicap. Alone it is a text that no line agrees with.
    """
    texts: dict[str, str] = {}  # by the line, so that 2.50 and 2.5 are one
    whole: set[str] = set()
    for value, has_unit in _said_next_to_price(handicap, specifier):
        text = _short(value)
        line = parse_line(text)
        if has_unit or line is None or line == "0" or "." in line:
            texts.setdefault(line or text, text)
        else:
            whole.add(line)
    if whole:
        known = {_size(text) for text in texts.values()} or {_size(_line_or_none(of_row) or "")}
        for line in sorted(whole):
            if not known & {_size(line), _size(from_quarters(int(line)))}:
                texts[line] = f"{line}{_UNKNOWN_UNIT}"
    return " and ".join(texts.values()) or None


def _said_next_to_price(handicap: Any, specifier: Any) -> Iterator[tuple[Any, bool]]:
    """Each value that applies, and whether its unit is known."""
    if not _is_absent(handicap):
        yield handicap, type(handicap) is str
    if type(specifier) is not dict:
        if not _is_absent(specifier):
            yield specifier, False
        return
    said = [(key, value) for key, value in specifier.items() if not _is_absent(value)]
    for key, value in _applying(specifier) or said[:1]:
        yield value, len(specifier) == 1 or key == "number"


def _applying(specifier: dict[str, Any]) -> list[tuple[str, Any]]:
    """The keys that apply, with their values: a zero is how some say that a key does not."""
    return [
        (key, value)
        for key, value in specifier.items()
        if not (_is_absent(value) or is_exactly(0, value))
    ]


def key_next_to_price(specifier: Any) -> str | None:
    """The key that a price's specifier has its line under; several are none that is known."""
    if type(specifier) is not dict:
        return None
    return " and ".join(sorted(key for key, _ in _applying(specifier))) or None


def _line_or_none(handicap: Any) -> str | None:
    try:
        return _from_handicap(handicap)
    except _UnreadableError:
        return None


def _short(value: Any) -> str:
    is_short = type(value) is str and len(value) <= LONGEST_SHOWN_LINE
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
