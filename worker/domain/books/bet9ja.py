"""Bet9ja: a flat object of keys to odds; market, param and outcome are in the key.

Grammar: PREFIX ``_`` MARKET [``@`` PARAM] ``_`` OUTCOME. The prefix is any word in upper case: S_ is
football, LIVES_ football in play, and so on for other sports. A market holds no underscore, so the first one
after the prefix ends it; an outcome is free text and may hold more. A param has no plus: ``+0.25`` would be
the line of the home side in one reading and of the away side in another, so such a key is refused.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from worker.domain.books.book import Book, Params
from worker.domain.books.odds import is_exactly, prices_of
from worker.domain.books.rows import (
    NO_IDS,
    MarketNames,
    Rejection,
    Row,
    RowReading,
    Selection,
    Side,
    reading_of,
    unreadable,
)
from worker.domain.books.shape import Shape

LONGEST_KEY: Final = 500
_MOST_KEYS: Final = 65_536
_MOST_SHAPES: Final = 8
_KEY: Final = re.compile(r"([A-Z]+_[A-Z0-9-]+(?:@(?!\+)[^_@]+)?)_.+", re.ASCII | re.DOTALL)


class Bet9jaKey(NamedTuple):
    """A key's parts; ``market`` with its prefix, as ``user_market_mappings.bet9ja_key`` has it."""

    market: str
    param: str | None
    outcome: str


class _Places(dict[str, str | None]):
    """What comes before the outcome in the keys met so far: they are the same few thousand in all events.

    None for a key that is not of the grammar.
    """

    def __missing__(self, key: str) -> str | None:
        if len(key) > LONGEST_KEY:
            return None
        match = _KEY.fullmatch(key)
        if len(self) >= _MOST_KEYS:
            self.clear()
        place = self[key] = None if match is None else match[1]
        return place


_places: Final = _Places()


def parse_key(key: str) -> Bet9jaKey | None:
    """The parts of ``key``, or None when it is not of the grammar or longer than 500 characters.

    ``format_key`` of the result is the key again.
    """
    place = _places[key]
    if place is None:
        return None
    market, _, param = place.partition("@")
    return Bet9jaKey(market, param or None, key[len(place) + 1 :])


def format_key(key: Bet9jaKey) -> str:
    param = "" if key.param is None else f"@{key.param}"
    return f"{key.market}{param}_{key.outcome}"


ValueGetter = Callable[[dict[str, Any]], tuple[Any, ...]]


class _Shape(NamedTuple):
    """Keys that are one row: their market and param, and what gets their values out of all."""

    market_id: str
    qualifier: str | None
    labels: tuple[str, ...]
    values: ValueGetter


class KeyRow(NamedTuple):
    """The keys of one market and param: ``values`` are the odds of the outcomes in ``labels``."""

    market_id: str
    qualifier: str | None
    name: str | None
    labels: tuple[str, ...]
    values: tuple[Any, ...]

    @property
    def is_partial(self) -> bool:
        return False

    @property
    def product(self) -> None:
        return None

    @property
    def sides(self) -> tuple[Side | None, ...]:
        return ()

    @property
    def selections(self) -> list[Selection]:
        return [
            _selection(label, value) for label, value in zip(self.labels, self.values, strict=True)
        ]

    def read(self, rejected: set[Rejection]) -> RowReading | None:
        del rejected  # odds are any value
        try:
            return self.labels, [open_prices[value] for value in self.values], NO_IDS
        except (KeyError, TypeError):  # no odds, or an object of the live form
            return reading_of(self.selections)


def _selection(label: str, value: Any) -> Selection:
    odds = value["v"] if type(value) is dict and "v" in value else value
    return Selection(label, None, odds, not is_no_price(odds))


def is_no_price(odds: object) -> bool:
    return odds is None or odds in ("", "-") or is_exactly(1, odds)


open_prices: Final = prices_of(is_no_price)


class _Shapes(dict[tuple[str, int], list[_Shape]]):
    """By what comes before the outcome and by number of keys: the shapes seen, the last one first.

    The same rows come back in every event: as many keys as a shape has, and all of them there, are just its
    keys. To group them again takes three times as long.
    """

    def __missing__(self, counted: tuple[str, int]) -> list[_Shape]:
        if len(self) >= _MOST_KEYS:
            self.clear()
        self[counted] = []
        return self[counted]

    def learn(self, counted: tuple[str, int], keys: Sequence[str]) -> _Shape:
        place, _ = counted
        market, _, param = place.partition("@")
        shape = _Shape(
            market, param or None, tuple(key[len(place) + 1 :] for key in keys), _values_of(keys)
        )
        self[counted] = [shape, *self[counted][: _MOST_SHAPES - 1]]
        return shape


_shapes: Final = _Shapes()


def _values_of(keys: Sequence[str]) -> ValueGetter:
    if len(keys) > 1:
        return itemgetter(*keys)
    only = keys[0]
    return lambda markets: (markets[only],)


def rows(markets: dict[str, Any], names: MarketNames | None) -> list[Row | Rejection]:
    """Rows of ``D.O``: the keys of one market and param are one row."""
    counts: dict[Any, int] = Counter(map(_places.__getitem__, markets))
    found: list[Row | Rejection] = []
    if counts.pop(None, 0):
        found += [_not_a_key(key) for key in markets if _places[key] is None]
    groups: dict[str, list[str]] | None = None
    for counted in counts.items():
        for shape in _shapes[counted]:
            try:
                values = shape.values(markets)
            except KeyError:
                continue
            break
        else:
            groups = groups or _grouped(markets)
            shape = _shapes.learn(counted, sorted(groups[counted[0]]))
            values = shape.values(markets)
        name = names.get(shape.market_id) if names else None
        row = (shape.market_id, shape.qualifier, name or None, shape.labels, values)
        found.append(tuple.__new__(KeyRow, row))  # its own constructor takes three times as long
    return found


def _not_a_key(key: str) -> Rejection:
    return unreadable("the key is not of the form PREFIX_MARKET[@PARAM]_OUTCOME", key, key)


def _grouped(markets: Iterable[str]) -> dict[str, list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for key in markets:
        place = _places[key]
        if place is not None:
            groups[place].append(key)
    return groups


def parse_qualifier(qualifier: str | None) -> Params:
    """A key's param, as the one pair that it is."""
    return () if qualifier is None else (("param", qualifier),)


# In play a value is an object, which holds the price.
_VALUE: Final = Shape("outcome", read={"v"})
# A pair of scores in a key may be the score of the moment, so it is no start score.
BOOK: Final = Book(
    platform="bet9ja",
    id_column="bet9ja_key",
    label_column="bet9ja_suffix",
    line_keys={"total": "param", "handicap": "param", "european": "param"},
    container=dict,
    read_rows=rows,
    parse_qualifier=parse_qualifier,
    is_no_price=is_no_price,
    shape=_VALUE,
    folds_labels=False,
)
