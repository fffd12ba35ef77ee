"""Whether bookmakers agree on what the catalogue says that they both sell. Pure.

What is held against each other are canonical markets at a line. A market is *comparable* on an event when
two bookmakers or more sell it; that is asked of the catalogue with every further id switched on, so that an
id that ships switched off counts as not resolved. Distances are those of `worker.insight.distances`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple

from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.resolve import Resolution
from worker.insight.boards import MarketLine, Quoted
from worker.insight.distances import Distance, between_books

from .entries import SoldEntry


class Comparable(NamedTuple):
    """Markets of one event that several bookmakers sell, and those of them that are resolved on each."""

    sold: int
    resolved: int


def switched_on(mappings: Iterable[MarketMapping]) -> list[MarketMapping]:
    """The mappings with every further id active, whatever its grade."""
    return [
        replace(one, also=tuple(replace(further, active=True) for further in one.also))
        for one in mappings
    ]


def comparable(
    known: Iterable[list[SoldEntry]], resolved: Iterable[list[SoldEntry]], *, players: bool
) -> Comparable:
    """Of one event, the entries of each bookmaker with every id switched on, and as the catalogue ships."""
    sold_by: defaultdict[str, set[int]] = defaultdict(set)
    for book, found in enumerate(known):
        for place in _places(found, players=players):
            sold_by[place].add(book)
    several = {place: books for place, books in sold_by.items() if len(books) > 1}
    said = [_places(found, players=players) for found in resolved]
    whole = [place for place, books in several.items() if all(place in said[one] for one in books)]
    return Comparable(len(several), len(whole))


def _places(found: Iterable[SoldEntry], *, players: bool) -> set[str]:
    return {
        place
        for entry in found
        if entry.verdict in ("resolved", "in part") and (players or not entry.names_players)
        for place in entry.places
    }


def quoted(found: Resolution) -> dict[MarketLine, Quoted]:
    """The prices of a resolution that can be bet on, by canonical market and line."""
    by_line: dict[MarketLine, Quoted] = {}
    for layout, prices in found.markets:
        odds = {
            outcome: float(price.odds)
            for outcome, price in zip(layout.outcomes, prices, strict=True)
            if price.active and price.odds is not None
        }
        is_complete = layout.is_complete and len(odds) == len(prices)
        if odds:
            key = MarketLine(layout.canonical_id, layout.line)
            by_line[key] = Quoted(odds, is_complete, (layout.sold_as,))
    return by_line


def agreement(books: Mapping[str, Resolution]) -> Iterator[tuple[str, list[Distance]]]:
    """Of each two bookmakers on one event the distances of what both sell."""
    prices = {book: quoted(found) for book, found in books.items()}
    for one, other in combinations(sorted(prices), 2):
        yield f"{one} and {other}", between_books(prices[one], prices[other])
