"""The bookmakers' prices of a match side by side: the best of each outcome, and what they add up to. Pure.

How it works. A board holds the newest state of each match at each bookmaker; matches are joined by their
SportRadar id. ``compare`` puts the prices of a match into rows, one for each canonical market and line. What
cannot be compared is left out, with the reason: a board never takes two different bets for one.

- Books of another moment, of another phase (in play or not), or with home and away exchanged.
- Markets of which nobody has said what they mean, and outcomes that the mapping does not list.
- Residuals ("any other score"), unless every book lists the same outcomes next to it.
- Markets that a bookmaker settles by rules of its own.
- Prices that are suspended.
- Markets whose grade is lower than asked for.

Markets of players are rows of their own, one for each market, line and player. Players are joined within the
match where that is unique at every bookmaker (`players`); whoever is not joined stays alone in a row.

``overround`` is given only for outcomes that make up one book: the market is exhaustive and exclusive, has no
note on settlement, and every outcome of the mapping has a best price. Of a market that makes up a book, what
could be read in part only (``complete`` is false) is left out, too: what could not be read may be an outcome
that changes the others. So an overround below 1 says that whoever bets on every outcome at the best price
cannot lose, as far as the mapping is right.

Memory is bounded: ``most_matches`` are held; of more, the one that has not been seen for longest is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from .grades import Grades
from .markets import CanonicalMarket, canonical_markets
from .messages import (
    EvidenceGrade,
    MappingState,
    Participant,
    ParticipantMarket,
    ResolvedEvent,
    ResolvedMarket,
)
from .players import PlayerKey, joined_keys, player_key

LeftOutReason = Literal[
    "STALE",
    "OTHER_PHASE",
    "TEAMS_EXCHANGED",
    "UNKNOWN_MEANING",
    "UNKNOWN_OUTCOME",
    "OTHER_SETTLEMENT",
    "INCOMPLETE",
    "SUSPENDED",
    "RESIDUAL",
    "GRADE",
]
LEFT_OUT: Final[dict[LeftOutReason, str]] = {
    "STALE": "The bookmaker was seen too long before the others.",
    "OTHER_PHASE": "The match is in play for one bookmaker, and not for this one.",
    "TEAMS_EXCHANGED": "The bookmaker has home and away the other way round.",
    "UNKNOWN_MEANING": "The mapping has no traits, or is not known.",
    "UNKNOWN_OUTCOME": "The mapping does not list the outcome.",
    "OTHER_SETTLEMENT": "The bookmaker settles such markets by other rules than the others.",
    "INCOMPLETE": "Not all outcomes of the market could be read.",
    "SUSPENDED": "The bookmaker takes no bets on it.",
    "RESIDUAL": "The bookmakers list different outcomes, so what is left over is not the same.",
    "GRADE": "The odds do not bear the mapping out as well as was asked for.",
}

# Who settles by rules of its own what a market counts.
SETTLES_OTHERWISE: Final[Mapping[str, frozenset[str]]] = {
    "bookings": frozenset({"bet9ja"}),  # its prices are always on one side of the others
    "sendings_off": frozenset({"bet9ja"}),  # it counts extra time as well
}

# A mapping that the odds contradict, or that nothing is known of, is none of these.
_BEST_FIRST: Final[tuple[EvidenceGrade, ...]] = ("verified", "modelled", "label")

EventKey = tuple[str, str]
RowKey = tuple[str, str | None]
_PlayerRowKey = tuple[str, str | None, frozenset[PlayerKey]]
_Market = ResolvedMarket | ParticipantMarket


@dataclass(frozen=True, slots=True)
class MarketFacts:
    """What a board needs to know of a canonical market.

    ``is_one_book``: the outcomes are exhaustive and exclusive; false also where that is not known.
    ``residuals`` are the outcomes that are what the others leave over.
    """

    outcomes: frozenset[str]
    counts: str
    is_one_book: bool
    settlement: str | None
    residuals: frozenset[str] = frozenset()

    @property
    def adds_up(self) -> bool:
        """Whether best prices of several bookmakers add up to a book.

        They do not where there is a note on settlement: bookmakers may decide the same match differently.
        """
        return self.is_one_book and self.settlement is None


def facts_of(market: CanonicalMarket | MappingState) -> MarketFacts | None:
    """Return what is known of a market; None for a mapping without traits."""
    if isinstance(market, CanonicalMarket):
        # An outcome that no expression describes, although others have one, is what those leave over.
        residuals = {name for name in market.outcomes if not market.compares(name)}
        return MarketFacts(
            outcomes=frozenset(market.outcomes),
            counts=market.counts,
            is_one_book=market.is_one_book,
            settlement=market.settlement,
            residuals=frozenset(residuals) | market.residuals.keys(),
        )
    traits = market.traits
    if traits is None:
        return None
    further = [name for each in market.also or () for name in each.labels or ()]
    return MarketFacts(
        outcomes=frozenset([*(each.canonical_id for each in market.outcome_mapping), *further]),
        counts=traits.counts,
        is_one_book=traits.exhaustive is True and traits.exclusive is True,
        settlement=traits.settlement,
        residuals=frozenset(traits.residuals or ()),
    )


class Price(NamedTuple):
    """What can be bet on, and where."""

    platform: str
    odds: float


class LeftOut(NamedTuple):
    """What is not compared: a whole book, a market of it, or one outcome; of whom, if it is a player's."""

    platform: str
    canonical_id: str | None
    line: str | None
    outcome: str | None
    reason: LeftOutReason
    participant: Participant | None = None


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A canonical market at one line. ``prices`` are all that compare, by outcome and then by platform.

    ``overround`` is the sum of the inverse best odds; None if the outcomes do not make up one book.
    ``settlement`` is a note for people where bookmakers may settle differently; then there is no overround.
    """

    canonical_id: str
    line: str | None
    prices: Mapping[str, Mapping[str, float]]
    best: Mapping[str, Price]
    overround: float | None
    settlement: str | None

    @property
    def platforms(self) -> frozenset[str]:
        """The bookmakers that have a price here."""
        return frozenset(platform for prices in self.prices.values() for platform in prices)


@dataclass(frozen=True, slots=True)
class PlayerRow(BoardRow):
    """A canonical market at one line for one player. ``participants``: who that is, by platform."""

    participants: Mapping[str, Participant]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows of a match in the order of market and line, those of its players, and what is in neither."""

    rows: tuple[BoardRow, ...]
    left_out: tuple[LeftOut, ...]
    players: tuple[PlayerRow, ...] = ()


class Board:
    """The newest state of each match at each bookmaker, side by side.

    ``markets`` say what the canonical markets mean, by canonical id: by default the catalogue of this
    version; those of `read_mappings` where an installation has mappings of its own.
    ``max_apart_s``: books that were seen longer before the newest one are left out.
    ``least_grade``: only markets whose mapping has this grade or a better one at the bookmaker, by ``grades``
    as `read_grades` returns them; by default all, whatever their grade. Raises ValueError for another one.
    """

    def __init__(
        self,
        markets: Mapping[str, CanonicalMarket] | Mapping[str, MappingState] | None = None,
        *,
        max_apart_s: float = 300,
        most_matches: int = 20_000,
        grades: Grades | None = None,
        least_grade: EvidenceGrade | None = None,
    ) -> None:
        if least_grade is not None and grades is None:
            raise ValueError("least_grade needs the grades")
        self._grades = grades
        self._accepted = None if least_grade is None else _at_least(least_grade)
        self._markets = canonical_markets() if markets is None else markets
        self._max_apart = timedelta(seconds=max_apart_s)
        self._most_matches = most_matches
        self._matches: dict[str, dict[str, ResolvedEvent]] = {}  # least recently seen first
        self._match_of: dict[EventKey, str] = {}

    def take(self, event: ResolvedEvent) -> str:
        """Take a newer state of an event, as `Latest` gives it; return its match.

        An event that has ended is dropped, also by a part that says so. Raises ValueError for any other part
        of a snapshot: `Latest` joins them.
        """
        has_ended = event.event.status in {"finished", "cancelled"}
        if not has_ended and event.part is not None and event.part.of > 1:
            raise ValueError("a part of a snapshot says too little: pass what Latest gives")
        key = (event.platform, event.event.id)
        match = event.event.sportradar_id or f"{event.platform}:{event.event.id}"
        if self._match_of.get(key, match) != match:
            self.drop(key)
        if has_ended:
            self.drop(key)
            return match
        books = self._matches.pop(match, {})
        self._matches[match] = books
        held = books.get(event.platform)
        if held is None or _age(event) >= _age(held):
            if held is not None:
                self._match_of.pop((held.platform, held.event.id), None)
            books[event.platform] = event
            self._match_of[key] = match
        self._bound()
        return match

    def drop(self, key: EventKey) -> None:
        """Drop an event: its platform and id. `Latest(on_drop=board.drop)` does that by itself."""
        match = self._match_of.pop(key, None)
        if match is None:
            return
        books = self._matches[match]
        del books[key[0]]
        if not books:
            del self._matches[match]

    def __iter__(self) -> Iterator[str]:
        """The matches, the least recently seen first."""
        return iter(list(self._matches))

    def __len__(self) -> int:
        return len(self._matches)

    def books(self, match: str) -> list[ResolvedEvent]:
        """Return the states of a match, one for each bookmaker."""
        return list(self._matches.get(match, {}).values())

    def rows(self, match: str) -> tuple[BoardRow, ...]:
        """Return what `compare` has in its rows."""
        return self.compare(match).rows

    def compare(self, match: str) -> Comparison:
        """Return the rows of a match, and what is left out of them."""
        left_out: list[LeftOut] = []
        books = _of_one_moment(self.books(match), self._max_apart, left_out)
        rows = tuple(self._market_rows(books, left_out))
        players = tuple(self._player_rows(books, left_out))
        return Comparison(rows, tuple(left_out), players)

    def _market_rows(
        self, books: Sequence[ResolvedEvent], left_out: list[LeftOut]
    ) -> Iterator[BoardRow]:
        markets: dict[RowKey, dict[str, _Market]] = {}
        for book in books:
            for market in book.markets:
                if not self._is_accepted(market.canonical_id, book.platform):
                    place = (market.canonical_id, market.line)
                    left_out.append(LeftOut(book.platform, *place, None, "GRADE"))
                    continue
                row = (market.canonical_id, market.line)
                markets.setdefault(row, {})[book.platform] = market
        known = {name: self._facts(name) for name, _ in markets}
        for key in sorted(markets, key=_order):
            found = _row(key, markets[key], known[key[0]], left_out)
            if found is not None:
                yield found

    def _player_rows(
        self, books: Sequence[ResolvedEvent], left_out: list[LeftOut]
    ) -> Iterator[PlayerRow]:
        same = joined_keys(books)
        sold: dict[_PlayerRowKey, dict[str, ParticipantMarket]] = {}
        for book in books:
            for market in book.participant_markets or ():
                if not self._is_accepted(market.canonical_id, book.platform):
                    place = (market.canonical_id, market.line)
                    left_out.append(
                        LeftOut(book.platform, *place, None, "GRADE", market.participant)
                    )
                    continue
                own = player_key(book.platform, market.participant)
                key = (market.canonical_id, market.line, same.get(own, frozenset({own})))
                sold.setdefault(key, {})[book.platform] = market
        known = {name: self._facts(name) for name, *_ in sold}
        for key in sorted(sold, key=lambda key: (*_order(key[:2]), _name(sold[key]))):
            who = {platform: market.participant for platform, market in sold[key].items()}
            of_player: list[LeftOut] = []
            found = _row(key[:2], sold[key], known[key[0]], of_player)
            left_out += [each._replace(participant=who[each.platform]) for each in of_player]
            if found is not None:
                yield PlayerRow(
                    canonical_id=found.canonical_id,
                    line=found.line,
                    prices=found.prices,
                    best=found.best,
                    overround=found.overround,
                    settlement=found.settlement,
                    participants=who,
                )

    def _is_accepted(self, canonical_id: str, platform: str) -> bool:
        if self._accepted is None or self._grades is None:
            return True
        return self._grades.grade(canonical_id, platform) in self._accepted

    def _facts(self, canonical_id: str) -> MarketFacts | None:
        market = self._markets.get(canonical_id)
        return None if market is None else facts_of(market)

    def _bound(self) -> None:
        while len(self._matches) > self._most_matches:
            for book in self._matches.pop(next(iter(self._matches))).values():
                del self._match_of[book.platform, book.event.id]


def _at_least(grade: EvidenceGrade) -> frozenset[EvidenceGrade]:
    """The grade and those that are better."""
    if grade not in _BEST_FIRST:
        raise ValueError(f"least_grade is one of {', '.join(_BEST_FIRST)}, not {grade!r}")
    return frozenset(_BEST_FIRST[: _BEST_FIRST.index(grade) + 1])


def _of_one_moment(
    books: list[ResolvedEvent], max_apart: timedelta, left_out: list[LeftOut]
) -> list[ResolvedEvent]:
    """The books that speak of the same moment, phase and order of the teams."""
    if not books:
        return []
    newest = max(books, key=_age)
    sides = _usual_sides(books, newest)
    kept = []
    for book in books:
        reason: LeftOutReason | None = None
        if newest.observed_at - book.observed_at > max_apart:
            reason = "STALE"
        elif bool(book.event.live) != bool(newest.event.live):
            reason = "OTHER_PHASE"
        elif sides is not None and _sides(book) == (sides[1], sides[0]):
            reason = "TEAMS_EXCHANGED"
        elif book.event.status == "suspended":
            reason = "SUSPENDED"
        if reason is None:
            kept.append(book)
        else:
            left_out.append(LeftOut(book.platform, None, None, None, reason))
    return kept


def _usual_sides(books: Iterable[ResolvedEvent], newest: ResolvedEvent) -> tuple[str, str] | None:
    """The names of home and away as most books have them; those of the newest where there is no majority."""
    named = Counter(sides for book in books if (sides := _sides(book)) is not None)
    of_newest = _sides(newest)
    if not named or (of_newest is not None and named[of_newest] == max(named.values())):
        return of_newest
    return named.most_common(1)[0][0]


def _sides(book: ResolvedEvent) -> tuple[str, str] | None:
    home, away = book.event.home, book.event.away
    if home is None or away is None or home.casefold() == away.casefold():
        return None
    return home.casefold(), away.casefold()


@dataclass(slots=True)
class _Sorting:
    """Sorts the prices of one row into those that compare and those that are left out."""

    key: RowKey
    facts: MarketFacts
    left_out: list[LeftOut]
    prices: dict[str, dict[str, float]] = field(default_factory=dict)

    def leave_out(self, platform: str, outcome: str | None, reason: LeftOutReason) -> None:
        self.left_out.append(LeftOut(platform, *self.key, outcome, reason))

    def take(self, platform: str, market: _Market, residuals: frozenset[str]) -> None:
        for price in market.outcomes:
            if price.outcome not in self.facts.outcomes:
                self.leave_out(platform, price.outcome, "UNKNOWN_OUTCOME")
            elif price.outcome in residuals:
                self.leave_out(platform, price.outcome, "RESIDUAL")
            elif not price.active or price.odds is None:
                self.leave_out(platform, price.outcome, "SUSPENDED")
            else:
                self.prices.setdefault(price.outcome, {})[platform] = price.odds


def _row(
    key: RowKey,
    books: Mapping[str, _Market],
    facts: MarketFacts | None,
    left_out: list[LeftOut],
) -> BoardRow | None:
    """Put the prices of a market and line side by side; None if nothing compares."""
    if facts is None:
        left_out += [LeftOut(platform, *key, None, "UNKNOWN_MEANING") for platform in books]
        return None
    sorting = _Sorting(key, facts, left_out)
    compared = _comparable(books, sorting)
    incomparable = _incomparable_residuals(compared.values(), facts)
    for platform, market in compared.items():
        sorting.take(platform, market, incomparable)
    if not sorting.prices:
        return None
    best = {outcome: _best(prices) for outcome, prices in sorting.prices.items()}
    overround = None
    if facts.adds_up and best.keys() == facts.outcomes:
        overround = sum(1 / price.odds for price in best.values())
    return BoardRow(*key, sorting.prices, best, overround, facts.settlement)


def _comparable(books: Mapping[str, _Market], sorting: _Sorting) -> dict[str, _Market]:
    facts = sorting.facts
    settles_otherwise = SETTLES_OTHERWISE.get(facts.counts, frozenset())
    compared = {}
    for platform, market in books.items():
        if len(books) > 1 and platform in settles_otherwise:
            sorting.leave_out(platform, None, "OTHER_SETTLEMENT")
        elif market.complete is False and facts.is_one_book:
            sorting.leave_out(platform, None, "INCOMPLETE")
        else:
            compared[platform] = market
    return compared


def _incomparable_residuals(markets: Iterable[_Market], facts: MarketFacts) -> frozenset[str]:
    """The residuals, if they are what different lists of outcomes leave over; none if the lists are the same.

    A market that was read in part lists what nobody knows.
    """
    residuals = facts.residuals | {name for name in facts.outcomes if _is_residual(name)}
    lists: set[frozenset[str] | None] = set()
    for market in markets:
        named = frozenset(price.outcome for price in market.outcomes)
        if named & residuals:
            lists.add(None if market.complete is False else named - residuals)
    return residuals if len(lists) > 1 or None in lists else frozenset()


def _is_residual(outcome: str) -> bool:
    """Whether an outcome is one by its name, also where the mapping does not declare it."""
    return outcome == "other" or outcome.startswith("other_")


def _best(prices: Mapping[str, float]) -> Price:
    """The highest odds; of equal ones those of the first platform by name."""
    return min(
        (Price(*pair) for pair in prices.items()), key=lambda price: (-price.odds, price.platform)
    )


def _age(event: ResolvedEvent) -> tuple[datetime, int]:
    return event.observed_at, event.mapping_version


def _order(key: RowKey) -> tuple[str, float, str]:
    """Rows in the order of their names and the numbers of their lines."""
    name, line = key
    return name, float("-inf") if line is None else float(line), line or ""


def _name(sold: Mapping[str, ParticipantMarket]) -> tuple[str, str]:
    """A name to sort the rows of players by, and whose it is."""
    return min((market.participant.key, platform) for platform, market in sold.items())
