"""What an unmapped market may be: its rows on sampled events, held against every canonical market.

How it works. The rows of a target (one market id of one bookmaker) are read with each canonical market in
turn: its kind of line picks the line out of the qualifier. What the other bookmakers on the event ask for
that market and line, and what the goal model of the same bookmaker says, are the *references*. Every label is
compared with every outcome, event after event, in logits; then one assignment of labels to outcomes is found
that costs least in all. A market whose labels find no outcome near them costs much.

Of a row that is mapped in part only the labels that nobody knows are looked for. The markets that have its
other labels may have them too: in such a market the known labels keep their outcomes, and no unknown label
is given the outcome of a known one in the same row.

After a few events the candidates that cost several times the best are dropped, so that the others can be
compared on many events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from math import log
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from worker.domain.books.book import WRITTEN_AS
from worker.domain.books.lines import LineKind
from worker.domain.books.platforms import Platform
from worker.domain.books.registry import BOOKS
from worker.domain.books.rows import Label
from worker.domain.labels import Teams, fold, name_roles, readings
from worker.domain.line_rule import LineRule
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.specifier import Line, parse_qualifier, read_line

from .boards import USUAL_OVERROUND, MarketLine, Sold, text_of
from .grid import Bets
from .judging import Judge, Reading
from .likeness import label_as_name, likeness, name_in_key, name_likeness
from .margin import logit

_Array = NDArray[np.float64]
_FARTHEST: Final = 2.0  # logits; what is farther says no more
_UNMATCHED: Final = 0.6  # what a label without an outcome costs
_SAME_LABEL: Final = 0.05  # what a pair costs that has one label and no price to compare
_BY_LABEL: Final = 0.1  # what a like label is worth in logits when labels are assigned to outcomes
_SAME_WORDS: Final = 0.2  # and more when the label is the same in all words
_IS_SAME: Final = 0.9  # so alike are labels that are the same, run together or not
_SAME_NUMBERS: Final = 1.0  # and in all numbers of a long list: 1-4 goals, 2:1
_LONG_LIST: Final = 6
_CLAIMED: Final = 0.2  # what it costs that the bookmaker sells this very bet under another id
_SAME_PRICE: Final = 0.1  # and when it is at the same prices on several events
_ONE_PRICE: Final = 0.005  # logits between two ids of one bookmaker that are at one price
_OTHER_LABELS: Final = 0.1  # what labels cost that are not alike
_OTHER_NAME: Final = 0.15  # and names
_NO_NAME: Final = 0.5
_NOT_COMPARED: Final = (
    0.1  # what it costs that no price could be compared, in part if some could not
)
_ONE_KIND: Final = 0.02  # what it costs that books or model say nothing
_NOBODY_SELLS: Final = 0.03  # and that no other bookmaker sells it on these events
_AT_HOME: Final = 0.05  # what it is worth that the row is of this market but for the label
_FORBIDDEN: Final = 1e3
_LEFT_OVER: Final = 0.03  # what an outcome without a label costs
_BY_CHANCE: Final = 0.05  # what it costs that one of many outcomes has such a price by chance
_FIRST_LOOK: Final = 5  # events before the hopeless are dropped
_KEPT: Final = 12
_LEAST_CHANCE: Final = 0.015
_MOST_LABELS: Final = 80
_RARE: Final = 0.15  # of a target's rows: labels that are rarer are strays


# A line that is taken for another; None where there is no such line.
LineMove = Callable[[str], str | None]


# A bookmaker's id of a market, and its qualifier.
RowKey = tuple[str, str | None]


class KnownRow(NamedTuple):
    """What is mapped of a row that is a target because of its other labels.

    ``lines`` has the line of each market that claims the row, ``labels`` the market and outcome of each known
    label.
    """

    lines: Mapping[str, str | None]
    labels: Mapping[Label, tuple[str, str]]


_NOTHING: Final[Mapping[RowKey, KnownRow]] = MappingProxyType({})


class Glimpse(NamedTuple):
    """A target on one event: its rows, and what is known of the event without it."""

    event: str
    teams: Teams | None
    rows: tuple[Sold, ...]
    own: Reading
    others: tuple[Reading, ...]
    known: Mapping[RowKey, KnownRow] = _NOTHING


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

    ``cost`` is the mean distance of its prices in logits. ``likeness`` is that of its labels; it and
    ``name_likeness`` are from 0 to 1, and a market without a name has a ``name_likeness`` of None.
    ``coverage`` is the share of the target's prices that could be compared, ``misfits`` the number of labels
    whose prices no outcome has.
    ``choice`` is how many outcomes there are for each label: a single price is near one of twenty by chance.
    ``claimed_at`` are ids of the same bookmaker that are this very bet on the same events, at other prices.
    ``is_at_home``: the rows are mapped to this market already, but for these labels.
    """

    canonical_id: str
    line_kind: LineKind
    outcomes: Mapping[str, str]
    unmatched: tuple[str, ...]
    cost: float
    by_kind: Mapping[str, KindCost]
    likeness: float
    name_likeness: float | None
    coverage: float
    misfits: int
    claimed_at: tuple[str, ...]
    events: int
    is_at_home: bool = False
    is_same_price: bool = False
    choice: float = 1.0
    lines: frozenset[str | None] = frozenset()


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
    ranked = sorted(found, key=lambda one: (score(one), one.canonical_id))
    return _sold_twin_first(ranked, judge)


def _sold_twin_first(ranked: list[MarketCandidate], judge: Judge) -> list[MarketCandidate]:
    """Of two markets that are the same bet, the one that other bookmakers sell goes first.

    The model alone is no nearer to a bet than the model and other bookmakers' prices together.
    """
    if not ranked or "books" in ranked[0].by_kind:
        return ranked
    first, *others = ranked
    for one in others[:_KEPT]:
        if "books" in one.by_kind and is_same_bet(first, one, judge):
            return [one, first, *(other for other in others if other is not one)]
    return ranked


def is_same_bet(one: MarketCandidate, other: MarketCandidate, judge: Judge) -> bool:
    """Whether every label wins and loses alike in both, on the one line that was seen."""
    if one.outcomes.keys() != other.outcomes.keys() or len(one.lines) != 1 or len(other.lines) != 1:
        return False
    (line,), (line_of_other,) = one.lines, other.lines
    bets = judge.bets.bets(one.canonical_id, line)
    bets_of_other = judge.bets.bets(other.canonical_id, line_of_other)
    if bets is None or bets_of_other is None:
        return False
    return all(
        outcome in bets.outcomes
        and other.outcomes[label] in bets_of_other.outcomes
        and _wins_alike(bets, outcome, bets_of_other, other.outcomes[label])
        for label, outcome in one.outcomes.items()
    )


def _wins_alike(bets: Bets, outcome: str, others: Bets, outcome_of_other: str) -> bool:
    won = bets.won[bets.outcomes.index(outcome)]
    won_by_other = others.won[others.outcomes.index(outcome_of_other)]
    return np.array_equal(won, won_by_other) and np.array_equal(bets.decided, others.decided)


def score(one: MarketCandidate) -> float:
    """What a candidate costs in all, in logits: prices first; labels, names, claims where prices are near."""
    unlike = _NO_NAME if one.name_likeness is None else 1 - one.name_likeness
    return score_without_name(one) + _OTHER_NAME * unlike


def by_chance(one: MarketCandidate) -> float:
    """What it costs that there are many outcomes to choose from, where the labels do not say which."""
    return _BY_CHANCE * log(max(one.choice, 1.0)) * (1 - one.likeness)


def score_without_name(one: MarketCandidate) -> float:
    """What a candidate costs but for its name."""
    return (
        one.cost
        + by_chance(one)
        + _UNMATCHED * one.misfits / max(len(one.outcomes) + one.misfits, 1)
        + _OTHER_LABELS * (1 - one.likeness)
        + _NOT_COMPARED * (1 - one.coverage)
        + (_ONE_KIND if len(one.by_kind) == 1 else 0.0)
        + (_NOBODY_SELLS if "books" not in one.by_kind else 0.0)
        + ((_SAME_PRICE if one.is_same_price else _CLAIMED) if one.claimed_at else 0.0)
        - (_AT_HOME if one.is_at_home else 0.0)
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
        self.signed: _Array = np.zeros((_MOST_LABELS, outcomes))
        self.events: set[str] = set()

    def add(self, event: str, labels: list[int], outcomes: list[int], off: _Array) -> None:
        """``off`` are differences with their signs: above 0 where the label is likelier."""
        self.events.add(event)
        where = np.ix_(labels, outcomes)
        self.total[where] += np.abs(off)
        self.signed[where] += off
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
        self._same_book = _Pairs(len(mapping.outcomes))
        # The outcomes of known labels, and of each unknown one those that are next to it in some row.
        self._known: dict[str, str] = {}
        self._taken: dict[str, set[str]] = {}
        self._is_at_home = False
        self._outcomes = {one.canonical_id: n for n, one in enumerate(mapping.outcomes)}
        self._labels: dict[str, int] = {}
        self._claimed_at: dict[str, None] = {}
        self._seen: dict[str, int] = {}
        self._lines: set[str | None] = set()
        self._qualifiers: set[str] = set()
        self._rows = 0
        self._prices = 0
        self._failed = 0

    @property
    def was_compared(self) -> bool:
        return bool(self._pairs)

    @property
    def is_impossible(self) -> bool:
        """Whether the line of the market cannot be read from the rows."""
        return self._failed > self._rows

    def see(self, glimpse: Glimpse) -> None:
        lines: set[str | None] = set()
        for row in glimpse.rows:
            read = self._read(row, glimpse)
            if read is None or (read.line is None and read.line in lines):
                # One canonical market has one price on an event: several rows need a line to tell them apart.
                self._failed += 1
                continue
            lines.add(read.line)
            self._lines.add(read.line)
            self._qualifiers.add(row.qualifier or "")
            self._rows += 1
            self._prices += sum(label not in self._known for label in read.inverse)
            for label in read.inverse:
                self._seen[label] = self._seen.get(label, 0) + 1
            self._compare(glimpse, read)

    def _read(self, row: Sold, glimpse: Glimpse) -> Read | None:
        kind, platform = self.mapping.line_rule.kind, self._target.platform
        known = glimpse.known.get((row.market_id, row.qualifier))
        if known is not None:
            row, is_at_home = self._without_others(row, known, glimpse.teams)
            if is_at_home:
                inverse = inverse_of(platform, row, kind, glimpse.teams)
                return Read(known.lines[self.mapping.canonical_id], inverse) if inverse else None
        read = read_as(platform, row, kind, glimpse.teams)
        if self._move is None or read is None or read.line is None:
            return read
        line = self._move(read.line)
        return None if line is None else read._replace(line=line)

    def _without_others(self, row: Sold, known: KnownRow, names: Teams | None) -> tuple[Sold, bool]:
        """The row without the labels that other markets know; whether this market claims it."""
        name, kind = self.mapping.canonical_id, self.mapping.line_rule.kind
        kept = {
            label: odds
            for label, odds in row.odds.items()
            if label not in known.labels or known.labels[label][0] == name
        }
        words = {one: label_of(self._target.platform, text_of(one)[0], kind, names) for one in kept}
        outcomes = {words[one]: known.labels[one][1] for one in kept if one in known.labels}
        self._known |= outcomes
        for label in words.values():
            if label not in outcomes:
                self._taken.setdefault(label, set()).update(outcomes.values())
        is_at_home = name in known.lines
        self._is_at_home = self._is_at_home or is_at_home
        return row._replace(odds=kept), is_at_home

    def _compare(self, glimpse: Glimpse, read: Read) -> None:
        key = MarketLine(self.mapping.canonical_id, read.line)
        at_home = glimpse.own.quoted.get(key)
        if at_home is not None:
            sold_as = [one for one in at_home.sold_as if one not in glimpse.known]
            self._claimed_at |= dict.fromkeys(market_id for market_id, _ in sold_as)
            if sold_as:
                self._compare_at_home(glimpse.event, read, at_home.odds)
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
        off = logit(inverse * scale)[:, None] - logit(chances)[None, :]
        pairs = self._pairs.setdefault(kind, _Pairs(len(self._outcomes)))
        columns = [self._outcomes[outcome] for outcome in outcomes]
        pairs.add(event, places, columns, np.clip(off, -_FARTHEST, _FARTHEST))

    def _compare_at_home(self, event: str, read: Read, odds: Mapping[str, float]) -> None:
        """Compare with another id of the bookmaker: one bet at one price is the same bet, margin and all."""
        labels = list(read.inverse)
        outcomes = [one for one in odds if one in self._outcomes]
        places = [self._labels.setdefault(label, len(self._labels)) for label in labels]
        if not outcomes or len(self._labels) > _MOST_LABELS:
            return
        one = np.array([read.inverse[label] for label in labels])
        other = np.array([1 / odds[outcome] for outcome in outcomes])
        off = logit(one)[:, None] - logit(other)[None, :]
        self._same_book.add(event, places, [self._outcomes[o] for o in outcomes], off)

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

    def lean_of(self, assigned: Mapping[str, str]) -> dict[str, float]:
        """Of each label the mean difference with its sign: noise cancels out in it, a wrong market stays."""
        found: dict[str, list[float]] = {}
        for label, outcome in assigned.items():
            row, column = self._labels.get(label), self._outcomes.get(outcome)
            for pairs in self._pairs.values() if row is not None and column is not None else ():
                if pairs.count[row, column]:
                    off = pairs.signed[row, column] / pairs.count[row, column]
                    found.setdefault(label, []).append(float(off))
        return {label: float(np.mean(offs)) for label, offs in found.items()}

    def candidate(self) -> MarketCandidate | None:
        """What it comes to so far; None when nothing could be compared."""
        labels = [
            label
            for label, times in self._seen.items()
            if times >= _RARE * self._rows
            and self._labels.get(label, _MOST_LABELS) < _MOST_LABELS
            and label not in self._known
        ]
        if not self._pairs or not labels or self._failed > self._rows:
            return None
        outcomes = [one.canonical_id for one in self.mapping.outcomes]
        apart, alike = self._apart(labels), self._alike(labels)
        # Of a pair whose prices were never compared only the label speaks.
        known = np.where(np.isnan(apart), np.where(alike == 1, _SAME_LABEL, _UNMATCHED), apart)
        taken = np.array([[o in self._taken.get(one, ()) for o in outcomes] for one in labels])
        # scipy imports this part of it now, which takes half a second: most commands need none of it.
        rows, columns = scipy.optimize.linear_sum_assignment(
            known
            - _BY_LABEL * alike
            - _worth_of_same(labels) * (alike >= _IS_SAME)
            + _FORBIDDEN * taken
        )
        matched = {
            labels[i]: outcomes[j]
            for i, j in zip(rows, columns, strict=True)
            if not taken[i, j] and (not np.isnan(apart[i, j]) or alike[i, j] == 1)
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
        same_price = _kind_cost(self._same_book, places)
        is_same_price = (
            same_price is not None
            and same_price.cost <= _ONE_PRICE
            and same_price.events >= _FIRST_LOOK
            and len(matched) > 1
        )
        of_labels = np.mean(
            [alike[labels.index(one), self._outcomes[o]] for one, o in matched.items()]
        )
        compared = max(one.prices for one in by_kind.values())
        left_over = len(outcomes) - len(matched) - len(set(self._known.values()))
        return MarketCandidate(
            self.mapping.canonical_id,
            self.mapping.line_rule.kind,
            matched,
            tuple(label for label in labels if label not in matched),
            float(np.mean([one.cost for one in by_kind.values()]))
            + _LEFT_OVER * min(max(left_over, 0), 4) / 4,
            by_kind,
            float(of_labels),
            self._name_likeness(matched, float(of_labels)),
            min(1.0, compared / max(self._prices, 1)),
            sum(
                label not in matched and not np.isnan(apart[i]).all()
                for i, label in enumerate(labels)
            ),
            tuple(self._claimed_at),
            len(set().union(*(pairs.events for pairs in self._pairs.values()))),
            self._is_at_home,
            is_same_price,
            (len(outcomes) - len(set(self._known.values()))) / len(matched),
            frozenset(self._lines),
        )

    def _name_likeness(self, matched: Mapping[str, str], of_labels: float) -> float | None:
        """How like the names are. Of a list of bets each label is the name of a market.

        There the name of the list says no more of a market than its labels do.
        """
        of_list = name_likeness(
            self._target.name or name_in_key(self._target.market_id), self.mapping.name
        )
        if all(label_as_name(label) is None for label in matched):
            return of_list
        yes = [label for label, outcome in matched.items() if outcome == "yes"]
        if yes:
            return max(self._named_by(label) for label in yes)
        return None if of_list is None else min(of_list, of_labels)

    def _named_by(self, label: str) -> float:
        """How like a label is to the name of the market, with the one line of its rows or without."""
        name = label_as_name(label)
        if name is None:
            return 0.0
        names = [name, *(f"{name} {one}" for one in self._qualifiers if len(self._qualifiers) == 1)]
        return max(name_likeness(one, self.mapping.name) or 0.0 for one in names)

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
        alike = np.array(
            [[max(likeness(label, text) for text in texts) for texts in named] for label in labels]
        )
        yes = self._outcomes.get("yes")
        for row, label in enumerate(labels if yes is not None else ()):
            # A market of yes and no may be one label of a list of bets.
            alike[row, yes] = max(alike[row, yes], 0.99 * self._named_by(label))
        return alike


def _worth_of_same(labels: Sequence[str]) -> _Array:
    """What it is worth of each label that an outcome is called the same."""
    is_long = len(labels) >= _LONG_LIST
    numbered = [is_long and any(map(str.isdigit, label)) for label in labels]
    return np.where(numbered, _SAME_NUMBERS, _SAME_WORDS)[:, None]


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
    inverse = inverse_of(platform, row, kind, names)
    return Read(line.value, inverse) if inverse else None


def inverse_of(
    platform: Platform, row: Sold, kind: LineKind, names: Teams | None
) -> dict[str, float]:
    """The inverse odds of a row by its labels, these without line and team names."""
    return {
        label_of(platform, text_of(label)[0], kind, names): 1 / odds
        for label, odds in row.odds.items()
    }


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
