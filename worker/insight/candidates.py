"""What an unmapped market may be: its rows on sampled events, held against every canonical market.

How it works. The rows of a target (one market id of one bookmaker) are read with each canonical market in
turn: its kind of line picks the line out of the qualifier. What the other bookmakers on the event ask for
that market and line, and what the goal model of the same bookmaker says, are the *references*. Every label is
compared with every outcome, event after event, in logits; then one assignment of labels to outcomes is found
that costs least in all. A market whose labels find no outcome near them costs much.

After a few events the candidates that cost several times the best are dropped, so that the others can be
compared on many events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from worker.domain.books.book import WRITTEN_AS
from worker.domain.books.lines import LineKind
from worker.domain.books.platforms import Platform
from worker.domain.books.registry import BOOKS
from worker.domain.labels import Teams, fold, name_roles, readings
from worker.domain.line_rule import LineRule
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.specifier import Line, parse_qualifier, read_line

from .boards import USUAL_OVERROUND, MarketLine, Sold, text_of
from .judging import Judge, Reading
from .likeness import likeness, name_likeness
from .margin import logit

_Array = NDArray[np.float64]
_FARTHEST: Final = 2.0  # logits; what is farther says no more
_UNMATCHED: Final = 0.6  # what a label without an outcome costs
_SAME_LABEL: Final = 0.05  # what a pair costs that has one label and no price to compare
_BY_LABEL: Final = 0.1  # what a like label is worth in logits when labels are assigned to outcomes
_SAME_WORDS: Final = 0.2  # and more when the label is the same in all words
_CLAIMED: Final = 0.2  # what it costs that the bookmaker sells this very bet under another id
_LEFT_OVER: Final = 0.03  # what an outcome without a label costs
_FIRST_LOOK: Final = 5  # events before the hopeless are dropped
_KEPT: Final = 12
_LEAST_CHANCE: Final = 0.015
_MOST_LABELS: Final = 80
_RARE: Final = 0.15  # of a target's rows: labels that are rarer are strays


# A line that is taken for another; None where there is no such line.
LineMove = Callable[[str], str | None]


class Glimpse(NamedTuple):
    """A target on one event: its rows, and what is known of the event without it."""

    event: str
    teams: Teams | None
    rows: tuple[Sold, ...]
    own: Reading
    others: tuple[Reading, ...]


class UnmappedMarket(NamedTuple):
    """An unmapped market of a bookmaker."""

    platform: Platform
    market_id: str
    name: str | None
    glimpses: tuple[Glimpse, ...]


class Read(NamedTuple):
    """A row as one kind of market: its line, and the inverse odds of each label."""

    line: str | None
    inverse: Mapping[str, float]


class KindCost(NamedTuple):
    """The mean distance by one kind of reference, over how many events and prices."""

    cost: float
    events: int
    prices: int


class MarketCandidate(NamedTuple):
    """A canonical market that the target may be.

    ``cost`` is the mean distance of its prices in logits, ``likeness`` of its labels and name from 0 to 1;
    ``claimed_at`` are ids of the same bookmaker that are this very bet on the same events.
    """

    canonical_id: str
    line_kind: LineKind
    outcomes: Mapping[str, str]
    unmatched: tuple[str, ...]
    cost: float
    by_kind: Mapping[str, KindCost]
    likeness: float
    claimed_at: tuple[str, ...]
    events: int


def candidates(
    target: UnmappedMarket, catalogue: Iterable[MarketMapping], judge: Judge
) -> list[MarketCandidate]:
    """Every canonical market that was compared with the target, the nearest first."""
    trials = [MarketTrial(target, mapping, judge) for mapping in catalogue]
    for count, glimpse in enumerate(target.glimpses, start=1):
        for trial in trials:
            trial.see(glimpse)
        if count == _FIRST_LOOK:
            trials = _worth_keeping(trials)
    found = [one for trial in trials if (one := trial.candidate()) is not None]
    return sorted(found, key=lambda one: (score(one), one.canonical_id))


def score(one: MarketCandidate) -> float:
    """What a candidate costs in all, in logits: prices first; labels and claims where prices are near."""
    return (
        one.cost
        + _UNMATCHED * len(one.unmatched) / max(len(one.outcomes) + len(one.unmatched), 1)
        + 0.15 * (1 - one.likeness)
        + (_CLAIMED if one.claimed_at else 0.0)
    )


def _worth_keeping(trials: list[MarketTrial]) -> list[MarketTrial]:
    seen = [(score(one), trial) for trial in trials if (one := trial.candidate()) is not None]
    unseen = [trial for trial in trials if not trial.was_compared and not trial.is_impossible]
    ranked = sorted(seen, key=lambda pair: (pair[0], pair[1].mapping.canonical_id))
    return [trial for _, trial in ranked[:_KEPT]] + unseen


class _Pairs:
    """Sums of distances between each label and each outcome, and how often the two were compared."""

    def __init__(self, outcomes: int) -> None:
        self.total: _Array = np.zeros((_MOST_LABELS, outcomes))
        self.count: _Array = np.zeros((_MOST_LABELS, outcomes))
        self.events: set[str] = set()

    def add(self, event: str, labels: list[int], outcomes: list[int], apart: _Array) -> None:
        self.events.add(event)
        where = np.ix_(labels, outcomes)
        self.total[where] += apart
        self.count[where] += 1


class MarketTrial:
    """One canonical market held against a target, event after event."""

    def __init__(
        self,
        target: UnmappedMarket,
        mapping: MarketMapping,
        judge: Judge,
        move: LineMove | None = None,
    ) -> None:
        self.mapping = mapping
        self._move = move
        self._target = target
        self._judge = judge
        self._pairs: dict[str, _Pairs] = {}
        self._outcomes = {one.canonical_id: n for n, one in enumerate(mapping.outcomes)}
        self._labels: dict[str, int] = {}
        self._claimed_at: dict[str, None] = {}
        self._seen: dict[str, int] = {}
        self._rows = 0
        self._failed = 0

    @property
    def was_compared(self) -> bool:
        return bool(self._pairs)

    @property
    def is_impossible(self) -> bool:
        """Whether the line of the market cannot be read from the rows."""
        return self._failed > self._rows

    def see(self, glimpse: Glimpse) -> None:
        kind = self.mapping.line_rule.kind
        lines: set[str | None] = set()
        for row in glimpse.rows:
            read = read_as(self._target.platform, row, kind, glimpse.teams)
            if self._move is not None and read is not None and read.line is not None:
                line = self._move(read.line)
                read = None if line is None else read._replace(line=line)
            if read is None or (read.line is None and read.line in lines):
                # One canonical market has one price on an event: several rows need a line to tell them apart.
                self._failed += 1
                continue
            lines.add(read.line)
            self._rows += 1
            for label in read.inverse:
                self._seen[label] = self._seen.get(label, 0) + 1
            self._compare(glimpse, read)

    def _compare(self, glimpse: Glimpse, read: Read) -> None:
        key = MarketLine(self.mapping.canonical_id, read.line)
        at_home = glimpse.own.quoted.get(key)
        if at_home is not None:
            self._claimed_at |= dict.fromkeys(market_id for market_id, _ in at_home.sold_as)
        for other in glimpse.others:
            fair = other.fair.get(key)
            if fair is not None:
                self._add("books", glimpse.event, read, fair.chances)
        model = glimpse.own.model
        priced = None if model is None else model.price(self._judge.bets, key)
        if priced is not None:
            self._add("model", glimpse.event, read, priced)

    def _add(self, kind: str, event: str, read: Read, reference: Mapping[str, float]) -> None:
        outcomes = [
            o for o, chance in reference.items() if chance >= _LEAST_CHANCE and o in self._outcomes
        ]
        labels = list(read.inverse)
        places = [self._labels.setdefault(label, len(self._labels)) for label in labels]
        too_many = len(labels) > 2 * len(reference) + 2 or len(self._labels) > _MOST_LABELS
        if not outcomes or too_many:
            return
        inverse = np.array([read.inverse[label] for label in labels])
        chances = np.array([reference[outcome] for outcome in outcomes])
        same_length = len(labels) == len(reference)
        scale = sum(reference.values()) / inverse.sum() if same_length else 1 / USUAL_OVERROUND
        if not 0.4 <= scale <= 1.1:
            scale = 1 / USUAL_OVERROUND
        apart = np.abs(logit(inverse * scale)[:, None] - logit(chances)[None, :])
        pairs = self._pairs.setdefault(kind, _Pairs(len(self._outcomes)))
        columns = [self._outcomes[outcome] for outcome in outcomes]
        pairs.add(event, places, columns, np.minimum(apart, _FARTHEST))

    def cost_of(self, assigned: Mapping[str, str]) -> KindCost | None:
        """What an assignment of labels to outcomes costs; None when nothing of it could be compared."""
        places = [
            (self._labels[label], self._outcomes[outcome])
            for label, outcome in assigned.items()
            if label in self._labels and outcome in self._outcomes
        ]
        costs = [one for pairs in self._pairs.values() if (one := _kind_cost(pairs, places))]
        if not costs:
            return None
        events = set().union(*(pairs.events for pairs in self._pairs.values()))
        mean = float(np.mean([one.cost for one in costs]))
        return KindCost(mean, len(events), sum(one.prices for one in costs))

    def candidate(self) -> MarketCandidate | None:
        """What it comes to so far; None when nothing could be compared."""
        labels = [
            label
            for label, times in self._seen.items()
            if times >= _RARE * self._rows and self._labels.get(label, _MOST_LABELS) < _MOST_LABELS
        ]
        if not self._pairs or not labels or self._failed > self._rows:
            return None
        outcomes = [one.canonical_id for one in self.mapping.outcomes]
        apart, alike = self._apart(labels), self._alike(labels)
        # Of a pair whose prices were never compared only the label speaks.
        known = np.where(np.isnan(apart), np.where(alike == 1, _SAME_LABEL, _UNMATCHED), apart)
        rows, columns = linear_sum_assignment(
            known - _BY_LABEL * alike - _SAME_WORDS * (alike == 1)
        )
        matched = {
            labels[i]: outcomes[j]
            for i, j in zip(rows, columns, strict=True)
            if not np.isnan(apart[i, j]) or alike[i, j] == 1
        }
        if not matched:
            return None
        places = [(self._labels[one], self._outcomes[o]) for one, o in matched.items()]
        by_kind = {
            kind: cost
            for kind, pairs in self._pairs.items()
            if (cost := _kind_cost(pairs, places)) is not None
        }
        if not by_kind:
            return None
        of_labels = np.mean(
            [alike[labels.index(one), self._outcomes[o]] for one, o in matched.items()]
        )
        of_name = name_likeness(self._target.name, self.mapping.name)
        left_over = len(outcomes) - len(matched)
        return MarketCandidate(
            self.mapping.canonical_id,
            self.mapping.line_rule.kind,
            matched,
            tuple(label for label in labels if label not in matched),
            float(np.mean([one.cost for one in by_kind.values()]))
            + _LEFT_OVER * min(left_over, 4) / 4,
            by_kind,
            float(of_labels if of_name is None else 0.6 * of_labels + 0.4 * of_name),
            tuple(self._claimed_at),
            len(set().union(*(pairs.events for pairs in self._pairs.values()))),
        )

    def _apart(self, labels: list[str]) -> _Array:
        places = [self._labels[label] for label in labels]
        count = sum(pairs.count[places] for pairs in self._pairs.values())
        total = sum(pairs.total[places] for pairs in self._pairs.values())
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def _alike(self, labels: list[str]) -> _Array:
        named = [
            [text for p in BOOKS if (text := one.on(p)) is not None] + [one.canonical_id]
            for one in self.mapping.outcomes
        ]
        return np.array(
            [[max(likeness(label, text) for text in texts) for texts in named] for label in labels]
        )


def _kind_cost(pairs: _Pairs, matched: Sequence[tuple[int, int]]) -> KindCost | None:
    rows, columns = [row for row, _ in matched], [column for _, column in matched]
    prices = int(pairs.count[rows, columns].sum())
    if not prices:
        return None
    return KindCost(float(pairs.total[rows, columns].sum()) / prices, len(pairs.events), prices)


def read_as(platform: Platform, row: Sold, kind: LineKind, names: Teams | None) -> Read | None:
    """The row as a market of this kind of line; None where its line cannot be read so."""
    line = _line(platform, row.qualifier, kind)
    if line is None:
        return None
    inverse = {
        label_of(platform, text_of(label)[0], kind, names): 1 / odds
        for label, odds in row.odds.items()
    }
    return Read(line.value, inverse) if inverse else None


@lru_cache(maxsize=65536)
def _line(platform: Platform, qualifier: str | None, kind: LineKind) -> Line | None:
    params = parse_qualifier(platform, qualifier)
    if params is None:
        return None
    key = BOOKS[platform].line_key(kind)
    free = frozenset(name for name, _ in params if name not in {key, WRITTEN_AS})
    found = read_line(LineRule(kind, {}, free), platform, params)
    return found if isinstance(found, Line) else None


def label_of(platform: Platform, label: str, kind: LineKind, names: Teams | None) -> str:
    """A label as it is in every event: without line and team names."""
    if not BOOKS[platform].folds_labels:
        return label
    roles = None if names is None else name_roles(label, names)
    return readings(roles or fold(label), kind if BOOKS[platform].shows_lines else "none")[0].words
