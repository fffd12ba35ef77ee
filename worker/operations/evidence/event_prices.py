"""One watched event: the bookmakers' prices of each market side by side, the best one, and what disagrees.

Only boards of one moment are compared, as the insight process compares them: prices move. What an older board
says is shown, and is neither the best price nor a disagreement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.markets import Market
from worker.insight.grades import CONTRADICTS
from worker.runtime.index.covering import usable
from worker.storage import mappings
from worker.storage.insight import evidence
from worker.storage.insight.evidence import StoredEvent

if TYPE_CHECKING:  # these need the extra `insight`
    from worker.insight.boards import Board, MarketLine, Quoted

# In logits: further apart than two bookmakers are about one bet.
DISAGREES: Final = CONTRADICTS
OutcomeFilter = Literal["all", "compared", "disagreeing"]
_Quotes = Mapping[Platform, "Mapping[MarketLine, Quoted]"]


class BookOnEvent(NamedTuple):
    """What one bookmaker sells: markets at a line, and how many of them no mapping reads.

    ``is_compared``: its board is of the same moment as the newest one.
    """

    platform: Platform
    observed_at: datetime
    markets: int
    unknown: int
    is_compared: bool


class PricedOutcome(NamedTuple):
    """The odds of one outcome by bookmaker, and who has the highest where several are compared.

    ``distance`` is how far the two furthest bookmakers are apart, in logits without margin; None where
    nothing compares.
    """

    outcome: str
    odds: Mapping[Platform, float]
    best: tuple[Platform, ...]
    distance: float | None


class PricedMarket(NamedTuple):
    """A canonical market at one line."""

    canonical_id: str
    name: str
    line: str | None
    outcomes: Sequence[PricedOutcome]

    @property
    def distance(self) -> float | None:
        """Of the outcome that is furthest apart."""
        known = [one.distance for one in self.outcomes if one.distance is not None]
        return max(known, default=None)

    def is_sold_by(self, platform: Platform) -> bool:
        return any(platform in one.odds for one in self.outcomes)

    @property
    def disagrees(self) -> bool:
        return self.distance is not None and self.distance >= DISAGREES

    @property
    def is_compared(self) -> bool:
        return any(one.best for one in self.outcomes)


class EventPrices(NamedTuple):
    """An event with its bookmakers and their prices: what disagrees most first."""

    event: str
    home: str | None
    away: str | None
    starts_at: datetime | None
    seen_at: datetime
    books: Sequence[BookOnEvent]
    markets: Sequence[PricedMarket]

    @property
    def disagreeing(self) -> int:
        return sum(one.disagrees for one in self.markets)

    @property
    def compared(self) -> int:
        return sum(one.is_compared for one in self.markets)

    def chosen(
        self, shown: OutcomeFilter, containing: str = "", platform: Platform | None = None
    ) -> Sequence[PricedMarket]:
        """Markets that two bookmakers sell, that disagree, or all; with this text in the id or the name.

        With a bookmaker, those that it sells.
        """
        text = containing.casefold()
        return [
            one
            for one in self.markets
            if (platform is None or one.is_sold_by(platform))
            and text in f"{one.canonical_id} {one.name}".casefold()
            and {"all": True, "compared": one.is_compared, "disagreeing": one.disagrees}[shown]
        ]


class SoldEvent(NamedTuple):
    """A watched event, its boards with their times, and the mappings in force of all ids sold on it."""

    event: StoredEvent
    boards: Sequence[tuple[datetime, Board]]
    active: Collection[MarketMapping]


class UnknownEvent(LookupError):  # noqa: N818 (it names what was found: nothing)
    """The event is not watched, or is watched no longer."""


class NotReadableError(Exception):
    """The stored boards cannot be read here; the text says why."""


async def read_event_prices(connection: AsyncConnection, event: str) -> EventPrices:
    """Return the prices of one watched event. Raises UnknownEvent and NotReadableError.

    Only the mappings of the ids that are sold on it are read: how many there are does not matter.
    """
    return arranged(await read_sold(connection, event))


async def read_sold(connection: AsyncConnection, event: str) -> SoldEvent:
    """Return what is sold on a watched event. Raises UnknownEvent and NotReadableError.

    Boards are unpacked in a thread: those of a large event take a part of a second.
    """
    stored = await evidence.get_event(connection, event)
    if stored is None:
        raise UnknownEvent(f"{event} is not watched")
    boards, sold = await asyncio.to_thread(_boards_and_ids, stored)
    rows = await mappings.selling(connection, sold)
    return SoldEvent(stored, boards, await asyncio.to_thread(usable, rows))


def arranged(sold: SoldEvent, *, proceed: Callable[[], None] = lambda: None) -> EventPrices:
    """What the boards of an event say under these mappings, at least all of the ids that are sold on it.

    A large event takes seconds; ``proceed`` is called between the steps, and may raise.
    """
    from worker.insight.boards import read  # noqa: PLC0415
    from worker.insight.watching.judgement import is_comparable  # noqa: PLC0415
    from worker.insight.watching.window import MOST_APART  # noqa: PLC0415

    stored, boards, active = sold
    compared = [one for one in active if is_comparable(one)]
    index, names = MappingIndex(compared), {one.canonical_id: one.name for one in compared}
    newest = max(observed_at for observed_at, _ in boards)
    quotes: dict[Platform, Mapping[MarketLine, Quoted]] = {}
    for _, board in boards:
        proceed()
        quotes[board.platform] = read(board, index)
    proceed()
    books = [
        BookOnEvent(
            board.platform,
            observed_at,
            len(board.rows),
            _unknown(board, index),
            newest - observed_at <= MOST_APART,
        )
        for observed_at, board in boards
    ]
    together = [one.platform for one in books if one.is_compared]
    proceed()
    distances = _distances({platform: quotes[platform] for platform in together})
    proceed()
    keys = dict.fromkeys(key for found in quotes.values() for key in found)
    markets = [
        PricedMarket(
            key.canonical_id,
            names.get(key.canonical_id, key.canonical_id),
            key.line,
            _outcomes(key, quotes, together, distances.get(key, {})),
        )
        for key in keys
    ]
    markets.sort(key=_furthest_first)
    event = stored.event, stored.home, stored.away, stored.starts_at, stored.seen_at
    return EventPrices(*event, books, markets)


def _boards_and_ids(
    stored: StoredEvent,
) -> tuple[Sequence[tuple[datetime, Board]], Sequence[tuple[Platform, str]]]:
    """The boards, and the bookmakers' ids of all that is sold on them, in order."""
    boards = _boards_of(stored)
    return boards, sorted(
        {(board.platform, row.market_id) for _, board in boards for row in board.rows}
    )


def _boards_of(stored: StoredEvent) -> Sequence[tuple[datetime, Board]]:
    try:
        from worker.insight.watching.stored import (  # noqa: PLC0415
            UnreadableBoardsError,
            read_together,
        )
    except ModuleNotFoundError as error:
        if error.name not in {"numpy", "scipy"}:
            raise
        raise NotReadableError(f"{error.name} of the extra `insight` is missing") from error
    try:
        boards = read_together(stored.event, stored.boards)
    except UnreadableBoardsError as error:
        raise NotReadableError(str(error)) from error
    if not boards:
        raise NotReadableError(f"there are no boards of {stored.event}")
    return boards


def _unknown(board: Board, index: MappingIndex) -> int:
    meanings = (index.meaning(board.platform, row.market_id, row.qualifier) for row in board.rows)
    return sum(not isinstance(one, Market) for one in meanings)


def _distances(quotes: _Quotes) -> dict[MarketLine, dict[str, float]]:
    """The largest distance of each outcome, over each two bookmakers."""
    from worker.insight.distances import between_books, sizes_of  # noqa: PLC0415

    pairs = combinations(sorted(quotes), 2)
    distances = [
        distance for one, other in pairs for distance in between_books(quotes[one], quotes[other])
    ]
    found: dict[MarketLine, dict[str, float]] = {}
    for distance, size in zip(distances, sizes_of(distances), strict=True):
        of_market = found.setdefault(distance.key, {})
        rounded = round(size, 3)
        of_market[distance.outcome] = max(rounded, of_market.get(distance.outcome, 0.0))
    return found


def _outcomes(
    key: MarketLine,
    quotes: _Quotes,
    together: Sequence[Platform],
    distances: Mapping[str, float],
) -> list[PricedOutcome]:
    quoted = {platform: found[key].odds for platform, found in quotes.items() if key in found}
    outcomes = dict.fromkeys(outcome for odds in quoted.values() for outcome in odds)
    found = []
    for outcome in outcomes:
        odds = {platform: one[outcome] for platform, one in quoted.items() if outcome in one}
        rivals = {platform: price for platform, price in odds.items() if platform in together}
        highest = max(rivals.values(), default=0.0)
        best = tuple(platform for platform, price in rivals.items() if price == highest)
        found.append(
            PricedOutcome(outcome, odds, best if len(rivals) > 1 else (), distances.get(outcome))
        )
    return found


def _furthest_first(market: PricedMarket) -> tuple[float, bool, str, float, str]:
    line = market.line or ""
    try:
        number = float(line)
    except ValueError:
        number = 0.0
    distance = -1.0 if market.distance is None else market.distance
    return -distance, not market.is_compared, market.canonical_id, number, line
