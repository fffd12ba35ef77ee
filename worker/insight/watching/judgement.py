"""What follows from the watched events: evidence, suggestions, alarms, samples. Pure.

How it works. `EventVerdicts` are made for one index and the events of one moment. They are a function of
both, so whoever makes them again comes to the same. Their work is done in steps (`look`, `suggest`, `alarm`),
so that the caller can rest between them.

- *Evidence* of an event is how far apart its prices are. It is kept by event (`comparisons`) and put together
  for all events, so events are counted once, however often they are seen.
- *Suggestions* and *alarms* take some time each. So a missed market is judged again only when its events have
  changed, and a mapping only when its evidence is further apart than `SUSPICIOUS`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from typing import Any, Final, NamedTuple

from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.scope import FOOTBALL
from worker.insight import suggestions
from worker.insight.alarms import Alarm, alarm, judged_events
from worker.insight.boards import Board, MarketLine, Quoted, Sold, read, text_of
from worker.insight.candidates import Glimpse, UnmappedMarket
from worker.insight.distances import Distance, between_books, to_model
from worker.insight.judging import Judge, Reading
from worker.insight.suggestions import Suggestion
from worker.insight.targets import MissedRows, mapped_ids, mapped_rows, missed_rows, without_market
from worker.insight.watching.comparisons import MODEL, Comparisons, EvidenceKey, EvidenceRow
from worker.insight.watching.window import WatchedEvent, boards_together

# Events on which one market is judged.
MOST_EVENTS: Final = 20
MOST_SAMPLES: Final = 5
MOST_PRICES: Final = 200
# Mean distance in logits from which on a mapping is judged: below it no alarm can be raised.
SUSPICIOUS: Final = 0.07
# A megabyte each. The first events, on which nearly all is judged, are asked for again and again.
_MOST_READINGS: Final = 90
_LEARNT_FROM: Final = 30  # boards, for how a bookmaker spreads its margin
_NOTHING_MISSED: Final = MissedRows((), {})

MissedMarket = tuple[Platform, str]
MappedMarket = tuple[str, Platform]


class SampleRow(NamedTuple):
    """One event as an example: what the bookmaker sells there, and what others ask for what it may be."""

    event: str
    home: str | None
    away: str | None
    starts_at: datetime | None
    seen_at: datetime
    prices: list[dict[str, Any]]
    others: list[dict[str, Any]]


class Judged(NamedTuple):
    """Suggestions for a missed market, with examples."""

    name: str | None
    suggestions: list[Suggestion]
    samples: list[SampleRow]


class Raised(NamedTuple):
    """An alarm on a mapping, with examples."""

    alarm: Alarm
    samples: list[SampleRow]


class EventVerdicts:
    """What some events say under one index. ``judge`` knows no bookmaker's margin yet.

    ``only`` are the mappings to judge, all when None: with a few, `look` takes a fraction of the time, and
    finds nothing of what is missed. ``boards`` gives the boards of one moment of an event.
    """

    def __init__(
        self,
        judge: Judge,
        index: MappingIndex,
        mappings: Mapping[str, MarketMapping],
        events: Sequence[WatchedEvent],
        *,
        only: frozenset[str] | None = None,
        boards: Callable[[WatchedEvent], Iterable[Board]] = boards_together,
    ) -> None:
        self.index = index
        self.mappings = mappings
        self._catalogue = [one for one in mappings.values() if is_comparable(one)]
        self._only = only
        self._boards = boards
        self._events = {one.event: one for one in events}
        learnt_from = (board for event in events for board in boards(event))
        # With a few mappings to judge, the board of each event is read once; with all, memory is short.
        self._quoted: dict[str, dict[Platform, Mapping[MarketLine, Quoted]]] = {}
        self._judge = judge.learning(
            (board.platform, self._quoted_on(board)) for board in _first(learnt_from, _LEARNT_FROM)
        )
        self._learnt_from = _boards_to_learn_from(events)
        self._evidence = Comparisons()
        self._stale: set[str] = set()
        self._readings: OrderedDict[str, dict[Platform, Reading]] = OrderedDict()
        self._missed: dict[str, set[MissedMarket]] = {}
        self._mapped: set[MissedMarket] = set()

    def can_learn_more(self, events: Sequence[WatchedEvent]) -> bool:
        """Whether how a bookmaker spreads its margin was learnt from too few boards, and more are there."""
        return _boards_to_learn_from(events) > self._learnt_from

    def update(self, events: Sequence[WatchedEvent]) -> list[str]:
        """Take the events of now; return those that are to be looked at.

        What was found on an event stays until it is looked at again.
        """
        now = {one.event: one for one in events}
        for event, before in self._events.items():
            if event not in now:
                self._forget(event)
            elif now[event] is not before:
                self._stale.add(event)
                self._readings.pop(event, None)
                self._quoted.pop(event, None)
        self._events = now
        return [event for event in now if event in self._stale or event not in self._evidence]

    def look(self, event: str) -> None:
        """Compare the prices of one event. Raises UnreadableBoardsError."""
        boards = list(self._boards(self._events[event]))
        readings = self._read(event, boards) if self._only is None else self._read_in_part(boards)
        found: dict[EvidenceKey, list[Distance]] = {}
        for one, other in combinations(sorted(readings.values(), key=lambda r: r.platform), 2):
            for distance in between_books(one.quoted, other.quoted):
                name = distance.key.canonical_id
                found.setdefault((name, one.platform, other.platform), []).append(distance)
        for reading in readings.values():
            for distance in to_model(reading, self._judge.bets):
                key = (distance.key.canonical_id, reading.platform, MODEL)
                found.setdefault(key, []).append(distance)
        self._evidence.put(event, self._events[event].seen_at, found)
        self._stale.discard(event)
        if self._only is not None:
            return
        self._missed[event] = {
            (board.platform, external_id)
            for board in boards
            for external_id in missed_rows(board, self.index)
        }
        self._mapped |= {
            (board.platform, external_id)
            for board in boards
            for external_id in mapped_ids(board, self.index)
        }

    def evidence(self) -> list[EvidenceRow]:
        """Every comparison, over all events that were looked at."""
        return self._evidence.rows(self._events, self.mappings)

    @property
    def mapped(self) -> set[MissedMarket]:
        """The markets of which nothing was missed on the events that were looked at."""
        return self._mapped.difference(*self._missed.values())

    def missed(self) -> dict[MissedMarket, frozenset[str]]:
        """The missed markets with the events on which each is judged, those with most events first."""
        events: dict[MissedMarket, list[str]] = {}
        for event in self._events:
            for key in self._missed.get(event, ()):
                on = events.setdefault(key, [])
                if len(on) < MOST_EVENTS:
                    on.append(event)
        ranked = sorted(events, key=lambda key: (-len(events[key]), key))
        return {key: frozenset(events[key]) for key in ranked}

    def suggest(self, key: MissedMarket) -> Judged:
        """What a missed market may be."""
        platform, external_id = key
        glimpses: list[Glimpse] = []
        for event in self._events:
            if key in self._missed.get(event, ()) and len(glimpses) < MOST_EVENTS:
                board = self._board(event, platform)
                found = missed_rows(board, self.index).get(external_id, _NOTHING_MISSED)
                glimpse = self._glimpse(event, board, found.rows, None)
                glimpses.append(glimpse._replace(known=found.known))
        names = {row.name for glimpse in glimpses for row in glimpse.rows if row.name is not None}
        name = min(names, default=None)
        market_id = external_id.partition("?")[0]
        target = UnmappedMarket(platform, market_id, name, tuple(glimpses))
        ranked = suggestions.suggest(target, self._catalogue, self._judge)
        known = [one for one in ranked if one.candidate.canonical_id in self.mappings]
        among = {one.candidate.canonical_id for one in known}
        return Judged(name, known, self._samples(glimpses, among))

    def suspects(self, evidence: Iterable[EvidenceRow]) -> dict[MappedMarket, frozenset[str]]:
        """The mappings whose prices are too far from something, the furthest first, with their events."""
        furthest: dict[MappedMarket, float] = {}
        for one in evidence:
            key = (one.canonical_id, one.platform)
            furthest[key] = max(furthest.get(key, 0.0), one.mean)
        far = {key: mean for key, mean in furthest.items() if mean > SUSPICIOUS}
        ranked = sorted(far, key=lambda key: (-far[key], key))
        return {key: self.events_of(key) for key in ranked}

    def events_of(self, key: MappedMarket) -> frozenset[str]:
        """The events on which a mapping at a bookmaker is judged: those on which it was compared."""
        return frozenset(self._evidence.events_with(*key, self._events)[:MOST_EVENTS])

    def alarm(self, key: MappedMarket) -> Raised | None:
        """The alarm on a mapping at a bookmaker, None where nothing explains its prices better."""
        canonical_id, _ = key
        read = self._read_by(key)
        if read is None:
            return None
        target, outcomes = read
        found = alarm(target, self.mappings[canonical_id], outcomes, self._catalogue, self._judge)
        if found is None or found.canonical_id_instead not in self.mappings:
            return None
        among = {canonical_id, found.canonical_id_instead}
        return Raised(found, self._samples(target.glimpses, among))

    def judged_events(self, key: MappedMarket) -> int:
        """The number of events on which ``alarm`` judges a mapping at a bookmaker."""
        read = self._read_by(key)
        if read is None:
            return 0
        target, outcomes = read
        return judged_events(target, self.mappings[key[0]], outcomes, self._judge)

    def _read_by(self, key: MappedMarket) -> tuple[UnmappedMarket, Mapping[str, str]] | None:
        """What a mapping reads at a bookmaker, as a target without it, and the outcome of each label."""
        canonical_id, platform = key
        mapping = self.mappings[canonical_id]
        glimpses: list[Glimpse] = []
        outcomes: dict[str, str] = {}
        for event in self._events:
            if event not in self._evidence or platform not in self._events[event].together:
                continue
            board = self._board(event, platform)
            read = mapped_rows(board, mapping, self.index)
            if read.rows and len(glimpses) < MOST_EVENTS:
                outcomes |= read.outcomes
                glimpses.append(self._glimpse(event, board, read.rows, canonical_id))
        if not glimpses:
            return None
        names = {row.name for glimpse in glimpses for row in glimpse.rows if row.name is not None}
        target = UnmappedMarket(
            platform, glimpses[0].rows[0].market_id, min(names, default=None), tuple(glimpses)
        )
        return target, outcomes

    def _glimpse(
        self, event: str, board: Board, rows: tuple[Sold, ...], without: str | None
    ) -> Glimpse:
        readings = self._reading(event)
        own = readings[board.platform]
        if without is not None:
            own = without_market(own, without, self._judge)
        others = tuple(one for platform, one in readings.items() if platform != board.platform)
        return Glimpse(event, board.teams, rows, own, others)

    def _samples(self, glimpses: Sequence[Glimpse], among: set[str]) -> list[SampleRow]:
        newest = sorted(glimpses, key=lambda one: self._events[one.event].seen_at, reverse=True)
        return [self._sample(glimpse, among) for glimpse in newest[:MOST_SAMPLES]]

    def _sample(self, glimpse: Glimpse, among: set[str]) -> SampleRow:
        event = self._events[glimpse.event]
        prices = [
            {"qualifier": row.qualifier, "label": " ".join(filter(None, text_of(label))), "odds": o}
            for row in glimpse.rows
            for label, o in row.odds.items()
        ]
        others = [
            {
                "platform": other.platform,
                "canonical_id": key.canonical_id,
                "line": key.line,
                "outcome": outcome,
                "odds": odds,
            }
            for other in glimpse.others
            for key, quoted in other.quoted.items()
            if key.canonical_id in among
            for outcome, odds in quoted.odds.items()
        ]
        return SampleRow(
            event.event,
            event.home,
            event.away,
            event.starts_at,
            event.seen_at,
            prices[:MOST_PRICES],
            others[:MOST_PRICES],
        )

    def _board(self, event: str, platform: Platform) -> Board:
        boards = self._boards(self._events[event])
        return next(board for board in boards if board.platform == platform)

    def _reading(self, event: str) -> dict[Platform, Reading]:
        known = self._readings.get(event)
        if known is not None:
            self._readings.move_to_end(event)
            return known
        return self._read(event, list(self._boards(self._events[event])))

    def _read(self, event: str, boards: list[Board]) -> dict[Platform, Reading]:
        readings = {
            board.platform: self._judge.read_already(board, self._quoted_on(board))
            for board in boards
        }
        self._readings[event] = readings
        if sum(map(len, self._readings.values())) > _MOST_READINGS:
            self._readings.popitem(last=False)
        return readings

    def _read_in_part(self, boards: list[Board]) -> dict[Platform, Reading]:
        names = self._only or frozenset()
        return {
            board.platform: self._judge.read_in_part(board, self._quoted_on(board), names)
            for board in boards
        }

    def _quoted_on(self, board: Board) -> Mapping[MarketLine, Quoted]:
        if self._only is None:
            return read(board, self.index)
        on_event = self._quoted.setdefault(board.event, {})
        if board.platform not in on_event:
            on_event[board.platform] = read(board, self.index)
        return on_event[board.platform]

    def _forget(self, event: str) -> None:
        self._evidence.forget(event)
        self._stale.discard(event)
        self._readings.pop(event, None)
        self._quoted.pop(event, None)
        self._missed.pop(event, None)


def is_comparable(mapping: MarketMapping) -> bool:
    """Whether its prices may be on a board: of football before the match, and not by player."""
    scope = mapping.scope
    return scope.sport == FOOTBALL and scope.phase != "live" and mapping.participant is None


def _boards_to_learn_from(events: Iterable[WatchedEvent]) -> int:
    """The number of boards from which margins are learnt; once there are enough, more make no difference."""
    return min(_LEARNT_FROM, sum(len(one.together) for one in events))


def _first(boards: Iterable[Board], most: int) -> Iterator[Board]:
    for _, board in zip(range(most), boards, strict=False):
        yield board
