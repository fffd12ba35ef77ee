"""What follows from the watched events: evidence, suggestions, alarms, samples. Pure.

How it works. `EventVerdicts` are of one index and the events of one moment. They are a function of both, so
whoever makes them again comes to the same. `update` takes other events and `follow` other mappings; what
neither touches is kept. Their work is done in steps (`look`, `suggest`, `alarm`), so that the caller can rest
between them.

- *Evidence* of an event is how far apart its prices are. It is kept by event (`comparisons`) and put together
  for all events, so events are counted once, however often they are seen. After a change of mappings an event
  is looked at again, but only what the change touches is compared again (`revision`).
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
from worker.insight.agreed_proofs import MOST_BOARDS, AgreedProof, QuotedBoard, agreed_proofs
from worker.insight.alarms import Alarm, alarm, judged_events
from worker.insight.boards import Board, MarketLine, Quoted, Sold, read, text_of
from worker.insight.candidates import Glimpse, UnmappedMarket
from worker.insight.distances import Distance, between_books, to_model
from worker.insight.judging import Judge, Reading
from worker.insight.suggestions import Suggestion
from worker.insight.targets import (
    MissedRows,
    judged_rows,
    mapped_ids,
    mapped_rows,
    missed_rows,
    without_market,
)
from worker.insight.watching.comparisons import MODEL, Comparisons, EvidenceKey, EvidenceRow
from worker.insight.watching.revision import (
    Basis,
    BasisChange,
    KeptBoard,
    are_fitted,
    change,
    kept_of,
    quoted_among,
    revised,
    with_ids,
)
from worker.insight.watching.window import WatchedEvent, boards_together

# Events on which one market is judged.
MOST_EVENTS: Final = 20
MOST_SAMPLES: Final = 5
MOST_PRICES: Final = 200
# Mean distance in logits from which on a mapping is judged: below it no alarm can be raised.
SUSPICIOUS: Final = 0.07
# A megabyte each. The first events, on which nearly all is judged, are asked for again and again.
_MOST_READINGS: Final = 80
_LEARNT_FROM: Final = 30  # boards, for how a bookmaker spreads its margin
# Events that show the same proof before there is an alarm: one board may be a strange one.
LEAST_PROVED: Final = 2
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


class Proved(NamedTuple):
    """What a bookmaker's own prices say against a mapping, with the events that show it as examples."""

    agreed: AgreedProof
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
        # With a few mappings to judge, the board of each event is read once; with all, memory is short.
        self._quoted: dict[str, dict[Platform, Mapping[MarketLine, Quoted]]] = {}
        self._basis = Basis(index, mappings)
        self._forget_all(self._learning(judge))

    def _learning(self, judge: Judge) -> Judge:
        learnt_from = (board for event in self._events.values() for board in self._boards(event))
        return judge.learning(
            (board.platform, self._quoted_on(board)) for board in _first(learnt_from, _LEARNT_FROM)
        )

    def _forget_all(self, judge: Judge) -> None:
        self._judge = judge
        self._learnt_from = _boards_to_learn_from(self._events.values())
        self._evidence = Comparisons()
        self._stale: set[str] = set()
        self._readings: OrderedDict[str, dict[Platform, Reading]] = OrderedDict()
        # Of each event that was looked at, under which mappings, what is kept of its boards, what is missed.
        self._bases: dict[str, Basis] = {}
        self._kept: dict[str, dict[Platform, KeptBoard]] = {}
        self._missed: dict[str, set[MissedMarket]] = {}
        # By the id of a row, the external ids under which it is not missed.
        self._mapped: dict[MissedMarket, set[str]] = {}
        # The ids that changes have touched since all events were looked at.
        self._seen_again: dict[Platform, frozenset[str]] = {}
        self._changes: dict[Basis, BasisChange] = {}

    @property
    def judge(self) -> Judge:
        """The judge, who has learnt how each bookmaker spreads its margin."""
        return self._judge

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
        return [
            event
            for event in now
            if event in self._stale or self._bases.get(event) is not self._basis
        ]

    def follow(self, index: MappingIndex, mappings: Mapping[str, MarketMapping]) -> None:
        """Take the mappings of now. Raises UnreadableBoardsError.

        What was found on an event stays until it is looked at again.
        """
        before = self._basis
        self.index, self.mappings = index, mappings
        self._catalogue = [one for one in mappings.values() if is_comparable(one)]
        self._basis = Basis(index, mappings)
        self._changes.clear()
        made = self._changes[before] = change(before, self._basis)
        if are_fitted(made.names, self._judge.meanings):
            judge = self._learning(self._judge)
            if judge.methods != self._judge.methods:
                self._forget_all(judge)
                return
            self._learnt_from = _boards_to_learn_from(self._events.values())
        if all(self._bases.get(event) is before for event in self._events):
            self._seen_again = {}
        for platform, ids in made.ids.items():
            self._seen_again[platform] = self._seen_again.get(platform, frozenset()) | ids
            for market_id in ids:
                self._mapped.pop((platform, market_id), None)

    def look(self, event: str) -> None:
        """Compare the prices of one event. Raises UnreadableBoardsError."""
        boards = list(self._boards(self._events[event]))
        before = self._bases.get(event)
        if before is None or before is self._basis or event in self._stale:
            self._look_at_all(event, boards)
        else:
            if before not in self._changes:
                self._changes[before] = change(before, self._basis)
            self._look_again(event, boards, self._changes[before])
        self._bases[event] = self._basis

    def _look_at_all(self, event: str, boards: list[Board]) -> None:
        readings = self._read(event, boards) if self._only is None else self._read_in_part(boards)
        quoted = {platform: reading.quoted for platform, reading in readings.items()}
        found = self._distances(quoted, readings.values())
        self._evidence.put(event, self._events[event].seen_at, found)
        self._stale.discard(event)
        if self._only is not None:
            return
        self._missed[event] = set()
        for board in boards:
            self._see_missed(event, board)
            self._see_mapped(board)

    def _look_again(self, event: str, boards: list[Board], made: BasisChange) -> None:
        """Compare what a change of mappings touches."""
        quoted: dict[Platform, Mapping[MarketLine, Quoted]] = {}
        touched: list[Board] = []
        for board in boards:
            part = with_ids(board, made.read_by[board.platform])
            before = quoted_among(part, made.before.index, made.names)
            quoted[board.platform] = quoted_among(part, self.index, made.names)
            if before != quoted[board.platform]:
                touched.append(board)
            part = with_ids(board, made.ids[board.platform])
            if missed_rows(part, made.before.index).keys() != missed_rows(part, self.index).keys():
                self._see_missed(event, board)
            self._see_mapped(with_ids(board, self._seen_again[board.platform]))
        if not touched:
            return
        self._readings.pop(event, None)
        # What is compared with the model: all of a board, or the markets of these names.
        readings: list[Reading] = []
        names: dict[str, frozenset[str] | None] = {}
        for board in touched:
            reading, names[board.platform] = self._read_again(board, made)
            readings.append(reading)

        def is_replaced(key: EvidenceKey) -> bool:
            name, platform, against = key
            if against == MODEL:
                among = names.get(platform, frozenset())
                return among is None or name in among
            return name in made.names and (platform in names or against in names)

        found = self._distances(quoted, readings)
        replaced = {key: distances for key, distances in found.items() if is_replaced(key)}
        self._evidence.revise(event, replaced, is_replaced)

    def _read_again(self, board: Board, made: BasisChange) -> tuple[Reading, frozenset[str] | None]:
        """What a change touches of a board, and the names of these markets; None for all of it."""
        kept = self._kept[board.event]
        again = revised(board, kept[board.platform], made, self._judge)
        if again is None:
            return self._read_whole(board), None
        kept[board.platform] = again.kept
        return again.reading, again.names

    def _distances(
        self, quoted: Mapping[Platform, Mapping[MarketLine, Quoted]], readings: Iterable[Reading]
    ) -> dict[EvidenceKey, list[Distance]]:
        """Between the bookmakers that quote something, and between readings and their models."""
        found: dict[EvidenceKey, list[Distance]] = {}
        for one, other in combinations(sorted(quoted), 2):
            for distance in between_books(quoted[one], quoted[other]):
                name = distance.key.canonical_id
                found.setdefault((name, one, other), []).append(distance)
        for reading in readings:
            for distance in to_model(reading, self._judge.bets):
                key = (distance.key.canonical_id, reading.platform, MODEL)
                found.setdefault(key, []).append(distance)
        return found

    def _see_missed(self, event: str, board: Board) -> None:
        missed = {(board.platform, one) for one in missed_rows(board, self.index)}
        others = {one for one in self._missed[event] if one[0] != board.platform}
        self._missed[event] = others | missed

    def _see_mapped(self, board: Board) -> None:
        for market_id, external_id in mapped_ids(board, self.index):
            self._mapped.setdefault((board.platform, market_id), set()).add(external_id)

    def evidence(self) -> list[EvidenceRow]:
        """Every comparison, over all events that were looked at."""
        return self._evidence.rows(self._events, self.mappings)

    @property
    def mapped(self) -> set[MissedMarket]:
        """The markets of which nothing was missed on the events that were looked at."""
        mapped = {
            (platform, external_id)
            for (platform, _), external_ids in self._mapped.items()
            for external_id in external_ids
        }
        return mapped.difference(*self._missed.values())

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
                glimpse = self._glimpse(event, board, judged_rows(found.rows), None)
                glimpses.append(glimpse._replace(known=found.known))
        names = {row.name for glimpse in glimpses for row in glimpse.rows if row.name is not None}
        name = min(names, default=None)
        market_id = external_id.partition("?")[0]
        target = UnmappedMarket(platform, market_id, name, tuple(glimpses))
        ranked = suggestions.suggest(target, self._catalogue, self._judge)
        known = [one for one in ranked if one.candidate.canonical_id in self.mappings]
        among = [one.candidate.canonical_id for one in known]
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
        among = [canonical_id, found.canonical_id_instead]
        return Raised(found, self._samples(target.glimpses, among))

    def agreed_proofs(
        self, key: MappedMarket, among: Iterable[str] | None = None
    ) -> list[AgreedProof]:
        """What a bookmaker's own prices say against a mapping, on the first of these events, or of all."""
        canonical_id, platform = key
        sold = self._selling(canonical_id, platform, self._events if among is None else among)
        return agreed_proofs(canonical_id, sold, self.index, self._judge)

    def proof(self, key: MappedMarket, among: Iterable[str]) -> Proved | None:
        """What a bookmaker's own prices say against a mapping, on several of these events."""
        found = next(
            (one for one in self.agreed_proofs(key, among) if len(one.events) >= LEAST_PROVED),
            None,
        )
        read = None if found is None else self._read_by(key)
        if found is None or read is None:
            return None
        shown = [glimpse for glimpse in read[0].glimpses if glimpse.event in found.events]
        return Proved(found, self._samples(shown, [key[0]]))

    def proved_on(self) -> dict[MappedMarket, tuple[str, ...]]:
        """For each mapping at a bookmaker the events on which a proof is looked for."""
        return self._evidence.first_events(self._events, MOST_BOARDS)

    def _selling(
        self, canonical_id: str, platform: Platform, among: Iterable[str]
    ) -> Iterator[QuotedBoard]:
        """The bookmaker's boards on which a market is sold."""
        for event in among:
            if event in self._events and platform in self._events[event].together:
                board = self._board(event, platform)
                # With all mappings to judge, whole readings are kept and no quotes.
                quoted = (
                    self._reading(event)[platform].quoted
                    if self._only is None
                    else self._quoted_on(board)
                )
                if any(key.canonical_id == canonical_id for key in quoted):
                    yield QuotedBoard(board, quoted)

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
            rows = judged_rows(read.rows)
            if rows and len(glimpses) < MOST_EVENTS:
                outcomes |= read.outcomes
                glimpses.append(self._glimpse(event, board, rows, canonical_id))
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

    def _samples(self, glimpses: Sequence[Glimpse], among: Sequence[str]) -> list[SampleRow]:
        """The newest events, with others' prices of the markets ``among``, those of the first one first."""
        newest = sorted(glimpses, key=lambda one: self._events[one.event].seen_at, reverse=True)
        return [self._sample(glimpse, among) for glimpse in newest[:MOST_SAMPLES]]

    def _sample(self, glimpse: Glimpse, among: Sequence[str]) -> SampleRow:
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
            for name in dict.fromkeys(among)
            for other in glimpse.others
            for key, quoted in other.quoted.items()
            if key.canonical_id == name
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
        readings = {board.platform: self._read_whole(board) for board in boards}
        self._readings[event] = readings
        if sum(map(len, self._readings.values())) > _MOST_READINGS:
            self._readings.popitem(last=False)
        return readings

    def _read_whole(self, board: Board) -> Reading:
        quoted = self._quoted_on(board)
        overrounds = self._judge.overrounds(quoted)
        reading = self._judge.read_already(board, quoted, overrounds)
        self._kept.setdefault(board.event, {})[board.platform] = kept_of(reading, overrounds)
        return reading

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
        self._bases.pop(event, None)
        self._kept.pop(event, None)
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
