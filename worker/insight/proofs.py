"""What the prices of one bookmaker on one event prove about a mapping, without any other bookmaker.

Four kinds of proof:

- *duplicate*: two rows of the bookmaker were read as the same bet, at different prices;
- *partition*: outcomes of which exactly one wins have inverse odds that no margin explains;
- *order*: a higher total is likelier than a lower one, or a handicap is worth less the larger it is;
- *sign*, *line*, *swap*: the goal model, fitted without this market, contradicts it, and agrees once the sign
  of the line, the line, or the two sides are exchanged.

The model says something of a market only if the other prices fix both things that it is made of: how many
goals there are, and which side scores them, in the same period. From totals and both teams to score alone it
would have the stronger side by chance, and from the first half the rest of the match by what is usual.

A distance alone proves nothing: bookmakers load long shots, and ranges overlap. So the model is believed only
where another reading explains the prices several times better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import Final, Literal, NamedTuple

from worker.domain.books.lines import negate, parse_line
from worker.domain.index import MappingIndex

from .boards import Board, MarketLine, Quoted, cover_of, is_plausible, named, text_of
from .distances import Distance, chances_against
from .fitted_lines import middle_lines
from .goal_model import FITTED_FAMILIES, GoalModel, fitted_part
from .judging import Judge, Reading
from .margin import logit

ProofKind = Literal["duplicate", "partition", "order", "sign", "line", "swap"]

_SAME_PRICE: Final = 0.25  # logits between two rows that are one bet
_OUT_OF_ORDER: Final = 0.2  # logits by which a harder bet may be the likelier one
_CONTRADICTED: Final = 0.3  # logits from the model, in the median
_BETTER: Final = 0.4  # of that distance is left under the other reading
_SIDES: Final = {
    "home": "away",
    "away": "home",
    "over": "under",
    "under": "over",
    "yes": "no",
    "no": "yes",
}
# Of a match and its halves, two fix the third. Nothing shorter is fitted, nor is the order of goals.
_PERIODS: Final = frozenset(("1h", "2h", "ft"))
_SAYS_WHO: Final = ("result", "correct_score", "half_full")
_SAYS_HOW_MANY: Final = ("total", "correct_score")
_RISING: Final = {"home": True, "over": False}  # whether the outcome is likelier at a higher line


class Proof(NamedTuple):
    """One contradiction: what kind, in which market at which line (None: at all), and the reason in words."""

    kind: ProofKind
    canonical_id: str
    line: str | None
    reason: str


def proofs(board: Board, index: MappingIndex, judge: Judge) -> list[Proof]:
    """Every contradiction on a board."""
    reading = judge.reading(board, index)
    markets = sorted({key.canonical_id for key in reading.fair})
    found = [*_duplicates(board, index), *_partitions(reading, judge)]
    for canonical_id in markets:
        found += proofs_of(canonical_id, reading, judge)
    return found


def proofs_about(
    canonical_id: str,
    board: Board,
    quoted: Mapping[MarketLine, Quoted],
    index: MappingIndex,
    judge: Judge,
) -> list[Proof]:
    """Of ``proofs`` those about one market; ``quoted`` is what the board's prices are under the index.

    Of all other markets only those are read to which the goal model is fitted.
    """
    own = {key: one for key, one in quoted.items() if key.canonical_id == canonical_id}
    sold_as = {row for one in own.values() for row in one.sold_as}
    rows = tuple(row for row in board.rows if (row.market_id, row.qualifier) in sold_as)
    names = {canonical_id, *(key.canonical_id for key in fitted_part(quoted, judge.meanings))}
    reading = judge.read_in_part(board, quoted, names)
    return [
        *(
            one
            for one in _duplicates(replace(board, rows=rows), index)
            if one.canonical_id == canonical_id
        ),
        *_partitions(reading._replace(quoted=own), judge),
        *proofs_of(canonical_id, reading, judge),
    ]


def proofs_of(canonical_id: str, reading: Reading, judge: Judge) -> Iterator[Proof]:
    """What contradicts one market: the order of its lines, and the model of all other prices."""
    yield from _out_of_order(canonical_id, reading)
    yield from _contradicted(canonical_id, reading, judge)


def _duplicates(board: Board, index: MappingIndex) -> Iterator[Proof]:
    first: dict[tuple[MarketLine, str], tuple[str, float]] = {}
    for row, label, odds, key, outcome in named(board, index):
        sold_as = f"{row.market_id} {row.qualifier or ''} {text_of(label)[0]}"
        other, price = first.setdefault((key, outcome), (sold_as, odds))
        if abs(float(logit(1 / price) - logit(1 / odds))) > _SAME_PRICE:
            reason = f"{outcome} is {price:g} as {other} and {odds:g} as {sold_as}"
            yield Proof("duplicate", key.canonical_id, key.line, reason)


def _partitions(reading: Reading, judge: Judge) -> Iterator[Proof]:
    for key, quoted in reading.quoted.items():
        cover = cover_of(key, quoted, judge.bets, judge.partitions)
        if cover is None or len(quoted.odds) <= cover:
            continue
        total = sum(1 / odds for odds in quoted.odds.values()) / cover
        if not is_plausible(total, len(quoted.odds)):
            reason = f"{len(quoted.odds)} outcomes, of which {cover:g} wins, come to {total:.2f}"
            yield Proof("partition", key.canonical_id, key.line, reason)


def _out_of_order(canonical_id: str, reading: Reading) -> Iterator[Proof]:
    lines = sorted(
        (key for key in reading.fair if key.canonical_id == canonical_id and key.line is not None),
        key=lambda key: float(key.line or 0),
    )
    for outcome, rises in _RISING.items():
        priced = [key for key in lines if outcome in reading.fair[key].chances]
        for lower, higher in pairwise(priced):
            chances = _alike(outcome, lower, higher, reading)
            step = float(logit(chances[1]) - logit(chances[0]))
            if (-step if rises else step) > _OUT_OF_ORDER:
                shown = [f"{chance:.3f}" for chance in chances]
                reason = f"{outcome} has {shown[0]} at {lower.line} and {shown[1]} at {higher.line}"
                yield Proof("order", canonical_id, higher.line, reason)


def _alike(outcome: str, lower: MarketLine, higher: MarketLine, reading: Reading) -> list[float]:
    """The chances of an outcome at two lines, both with their margin when it cannot be taken out of one.

    A long shot carries more of the margin than its share: with it and without it, it is two chances.
    """
    if reading.fair[lower].is_whole == reading.fair[higher].is_whole:
        return [reading.fair[key].chances[outcome] for key in (lower, higher)]
    return [1 / reading.quoted[key].odds[outcome] for key in (lower, higher)]


def _contradicted(canonical_id: str, reading: Reading, judge: Judge) -> Iterator[Proof]:
    if canonical_id not in judge.bets.meanings:
        return
    model = _model_of_the_others(canonical_id, reading, judge)
    if model is None or not _is_fixed(canonical_id, model, judge):
        return
    own = {key: one for key, one in reading.fair.items() if key.canonical_id == canonical_id}
    keys = middle_lines(own, judge.bets)
    present = _cost(keys, reading, judge, model, lambda key, outcome: (key, outcome))
    if present is None or present <= _CONTRADICTED:
        return
    for kind, words, read_as in _READINGS:
        cost = _cost(keys, reading, judge, model, read_as)
        if cost is not None and cost <= _BETTER * present:
            reason = f"the prices are {present:.2f} from the goal model, and {cost:.2f} {words}"
            yield Proof(kind, canonical_id, None, reason)
            return


def _is_fixed(canonical_id: str, model: GoalModel, judge: Judge) -> bool:
    """Whether what the model was fitted to fixes the goals of each side in the period of this market."""
    fitted = [judge.meanings[key.canonical_id] for key in model.fitted]
    asked = judge.meanings[canonical_id].period
    period = asked if asked in _PERIODS else "ft"
    known = (
        {one.period for one in fitted if one.family in families}
        for families in (_SAYS_WHO, _SAYS_HOW_MANY)
    )
    return all(period in one or one >= _PERIODS - {period} for one in known)


def _model_of_the_others(canonical_id: str, reading: Reading, judge: Judge) -> GoalModel | None:
    family = judge.meanings[canonical_id].family if canonical_id in judge.meanings else None
    if family not in FITTED_FAMILIES:
        return reading.model
    others = {key: one for key, one in reading.fair.items() if key.canonical_id != canonical_id}
    return judge.fit(others)


# Another way to read a price: as which market and line, and which outcome; None where there is no such way.
_OtherReading = Callable[[MarketLine, str], tuple[MarketLine, str] | None]


def _cost(
    keys: list[MarketLine], reading: Reading, judge: Judge, model: GoalModel, read_as: _OtherReading
) -> float | None:
    """The median distance of the prices from the model, when they are read in this way."""
    sizes: list[float] = []
    for key in keys:
        sold = reading.fair[key].chances
        renamed = {outcome: read_as(key, outcome) for outcome in sold}
        reference: dict[str, float] = {}
        for outcome, read in renamed.items():
            if read is None:
                continue
            priced = model.price(judge.bets, read[0])
            if priced is not None and read[1] in priced:
                reference[outcome] = priced[read[1]]
        if len(reference) < len(sold):
            return None
        chances = chances_against(key, reading, reference, judge.bets)
        sizes += [one.size for one in _all_compared(key, chances, reference)]
    return median(sizes) if sizes else None


def _all_compared(
    key: MarketLine, chances: Mapping[str, float], reference: Mapping[str, float]
) -> Iterator[Distance]:
    """As ``compared``, with outcomes that only one side takes to be rare."""
    for outcome in chances.keys() & reference.keys():
        if max(chances[outcome], reference[outcome]) >= 0.05:
            yield Distance(key, outcome, chances[outcome], reference[outcome])


def _negated(key: MarketLine, outcome: str) -> tuple[MarketLine, str] | None:
    if key.line is None or outcome.partition("_")[0] not in {"home", "draw", "away"}:
        return None
    return MarketLine(key.canonical_id, negate(key.line)), outcome


def _moved(by: float) -> _OtherReading:
    def read_as(key: MarketLine, outcome: str) -> tuple[MarketLine, str] | None:
        line = None if key.line is None else parse_line(f"{float(key.line) + by:g}")
        return None if line is None else (MarketLine(key.canonical_id, line), outcome)

    return read_as


def _swapped(key: MarketLine, outcome: str) -> tuple[MarketLine, str] | None:
    return key, "_".join(_SIDES.get(word, word) for word in outcome.split("_"))


_READINGS: Final[list[tuple[ProofKind, str, _OtherReading]]] = [
    ("sign", "with the sign of the line changed", _negated),
    ("swap", "with the two sides exchanged", _swapped),
    *(("line", f"with the line {by:+g}", _moved(by)) for by in (1.0, -1.0, 0.5, -0.5, 2.0, -2.0)),
]
