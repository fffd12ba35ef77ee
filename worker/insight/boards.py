"""A board: what one bookmaker sells on one event, as prices by label; and what it means under an index.

A board knows no mapping. ``read`` asks an index what each row means, and ``fair`` takes the margin out. Only
prices that can be bet on count; a market of which some price is closed has no margin of its own to take out,
so the usual one of the board is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

from worker.domain.books.odds import Price
from worker.domain.books.platforms import Platform
from worker.domain.books.rows import Label, Rejection, Rows
from worker.domain.index import MappingIndex
from worker.domain.labels import Teams, teams
from worker.domain.markets import Market
from worker.domain.resolve import LONGEST_NAME, Observation, platform_rows

from .grid import BetBook, Bets
from .margin import METHODS, Method

# Of a board on which no market is complete.
USUAL_OVERROUND: Final = 1.06
# Inverse odds in sum, for one winner: below nobody sells, above nobody buys. Long lists carry more margin:
# real ones had 1.40 with 7 outcomes, 1.75 with 10 and 1.80 with 46.
_LEAST_OVERROUND: Final = 0.93
_MOST_OVERROUND: Final = 1.5
_MORE_PER_OUTCOME: Final = 0.03
# Characters of a label, or of the line next to it: those of a mapping are no longer. A longer one would be
# held against every outcome of every market, in proportion to its length.
LONGEST_LABEL: Final = 255


class Sold(NamedTuple):
    """One market as the bookmaker sells it. ``odds`` can be bet on; ``closed`` counts the others."""

    market_id: str
    qualifier: str | None
    name: str | None
    odds: Mapping[Label, float]
    closed: int


@dataclass(frozen=True, slots=True)
class Board:
    """One bookmaker's rows on one event."""

    event: str
    platform: Platform
    teams: Teams | None
    rows: tuple[Sold, ...]


class MarketLine(NamedTuple):
    """A canonical market at one line."""

    canonical_id: str
    line: str | None


class Quoted(NamedTuple):
    """The odds of a canonical market at one line, and where they were sold: (id, qualifier)."""

    odds: Mapping[str, float]
    is_complete: bool
    sold_as: tuple[tuple[str, str | None], ...]


class Fair(NamedTuple):
    """Chances without margin. ``is_whole``: the market's own margin was taken out, not a usual one."""

    chances: Mapping[str, float]
    is_whole: bool


def board(event: str, observation: Observation) -> Board:
    """What is on sale in an observation; rows that cannot be read are left out."""
    names = teams(observation.home, observation.away)
    return board_of_rows(event, observation.platform, names, platform_rows(observation))


def board_of_rows(event: str, platform: Platform, names: Teams | None, rows: Rows) -> Board:
    """What is on sale in rows that are read already; a label that no mapping can have counts as closed."""
    merged: dict[tuple[str, str | None], Sold] = {}
    for row in rows:
        if isinstance(row, Rejection):
            continue
        labels, prices, _ = row.read(set()) or ((), None, ())
        if prices is None:
            continue
        odds = _on_sale(labels, prices)
        key = (row.market_id, row.qualifier)
        before = merged.get(key)
        closed = len(labels) - len(odds) + (0 if before is None else before.closed)
        together = odds if before is None else {**before.odds, **odds}
        name = None if row.name is None else row.name[:LONGEST_NAME]
        merged[key] = Sold(row.market_id, row.qualifier, name, together, closed)
    return Board(event, platform, names, tuple(merged.values()))


def _on_sale(labels: Iterable[Label], prices: Iterable[Price]) -> dict[Label, float]:
    found: dict[Label, float] = {}
    for label, price in zip(labels, prices, strict=True):
        odds = price.odds if price.active else None
        if odds is not None and all(len(text or "") <= LONGEST_LABEL for text in text_of(label)):
            found[label] = float(odds)
    return found


def text_of(label: Label) -> tuple[str, str | None]:
    """The label, and the line next to it."""
    return (label, None) if isinstance(label, str) else label


class Named(NamedTuple):
    """One price of a row that an index knows: ``label`` means ``outcome`` of ``key``."""

    row: Sold
    label: Label
    odds: float
    key: MarketLine
    outcome: str


def named(one: Board, index: MappingIndex) -> Iterator[Named]:
    """Each of the board's prices that means something under an index."""
    for row in one.rows:
        market = index.meaning(one.platform, row.market_id, row.qualifier)
        if not isinstance(market, Market):
            continue
        for label, odds in row.odds.items():
            slot = market.slot(*text_of(label), one.teams)
            if slot is not None:
                key = MarketLine(slot.claim.canonical_id, slot.line)
                yield Named(row, label, odds, key, slot.outcome)


def read(one: Board, index: MappingIndex) -> dict[MarketLine, Quoted]:
    """The board's prices under an index, by canonical market and line."""
    odds: dict[MarketLine, dict[str, float]] = {}
    closed: dict[MarketLine, bool] = {}
    sold_as: dict[MarketLine, dict[tuple[str, str | None], None]] = {}
    for row, _, price, key, outcome in named(one, index):
        odds.setdefault(key, {})[outcome] = price
        closed[key] = closed.get(key, False) or row.closed > 0
        sold_as.setdefault(key, {})[row.market_id, row.qualifier] = None
    return {key: Quoted(found, not closed[key], tuple(sold_as[key])) for key, found in odds.items()}


def fair(
    quoted: Mapping[MarketLine, Quoted],
    bets: BetBook,
    partitions: frozenset[str] = frozenset(),
    method: Method = "power",
    *,
    among: Iterable[MarketLine] | None = None,
    overround: float | None = None,
) -> dict[MarketLine, Fair]:
    """Chances without the margin, of all that is quoted or of those ``among`` it.

    How many outcomes win together follows from the meaning. ``partitions`` are markets without expressions
    that are declared to have exactly one winner. ``overround`` is the usual one of the board, which otherwise
    follows from all that is quoted.
    """
    found: dict[MarketLine, Fair] = {}
    for key in quoted if among is None else among:
        one = quoted[key]
        whole = _whole(key, one, bets, partitions, method)
        if whole is not None:
            found[key] = whole
            continue
        if overround is None:
            overround = usual_of(overrounds(quoted, bets, partitions).values())
        usual = {o: min(1 / price / overround, 0.999) for o, price in one.odds.items()}
        found[key] = Fair(usual, is_whole=False)
    return found


def wholes(
    quoted: Mapping[MarketLine, Quoted], bets: BetBook, method: Method
) -> dict[MarketLine, Fair]:
    """Of what ``fair`` gives, the markets whose own margin was taken out."""
    found = ((key, _whole(key, one, bets, frozenset(), method)) for key, one in quoted.items())
    return {key: whole for key, whole in found if whole is not None}


def _whole(
    key: MarketLine, quoted: Quoted, bets: BetBook, partitions: frozenset[str], method: Method
) -> Fair | None:
    odds = list(quoted.odds.values())
    cover = cover_of(key, quoted, bets, partitions)
    if cover is None or not _is_likely(odds, cover):
        return None
    chances = METHODS[method](odds, cover)
    return Fair(dict(zip(quoted.odds, map(float, chances), strict=True)), is_whole=True)


def cover_of(
    key: MarketLine, quoted: Quoted, bets: BetBook, partitions: frozenset[str]
) -> float | None:
    """How many of the quoted outcomes win in every match; None where that is not one number."""
    if not quoted.is_complete:
        return None
    if key.canonical_id not in bets.meanings:
        return 1.0 if key.canonical_id in partitions and len(quoted.odds) > 1 else None
    found: Bets | None = bets.bets(key.canonical_id, key.line, frozenset(quoted.odds))
    return None if found is None else found.cover


def _is_likely(odds: list[float], cover: float) -> bool:
    overround = sum(1 / price for price in odds) / cover
    return len(odds) > cover and is_plausible(overround, len(odds))


def is_plausible(overround: float, outcomes: int) -> bool:
    """Whether a bookmaker may take such a margin on a market with this number of outcomes."""
    return _LEAST_OVERROUND <= overround <= _MOST_OVERROUND + _MORE_PER_OUTCOME * outcomes


def overrounds(
    quoted: Mapping[MarketLine, Quoted], bets: BetBook, partitions: frozenset[str]
) -> dict[MarketLine, float]:
    """The overround of each market that has a margin of its own."""
    return {
        key: sum(1 / price for price in one.odds.values()) / cover
        for key, one in quoted.items()
        if (cover := cover_of(key, one, bets, partitions)) is not None
        and _is_likely(list(one.odds.values()), cover)
    }


def usual_of(found: Iterable[float]) -> float:
    """The overround of a board's markets that have none of their own."""
    each = list(found)
    return median(each) if each else USUAL_OVERROUND
