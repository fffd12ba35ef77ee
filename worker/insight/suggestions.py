"""Suggestions for an unmapped market: ranked candidates, how sure each is, and the evidence in words.

*Confident* is said only of the first, and only with five events or more, two kinds of evidence, a cost that
is no more than noise, and a clear distance to the second. Of every other, codes say why it is not. A
confidence is calibrated on generated scrapes: of the suggestions that show it, about this share is right
(docs/evidence.md has the measured table).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import exp
from typing import Final, NamedTuple

from worker.cli.words import number_of
from worker.domain.mapping import Mapping as MarketMapping

from .candidates import MarketCandidate, UnmappedMarket, candidates, score, score_without_name
from .judging import Judge
from .not_confident import LEAST_EVENTS, NotConfident

MOST_SUGGESTIONS: Final = 5
_ALIKE: Final = 0.5  # labels and name that are so like are a kind of evidence
_HIGHEST_COST: Final = 0.16  # of prices
_HIGHEST_SCORE: Final = 0.35  # of all that speaks against it
_LEAST_GAP: Final = 0.08
_LEAST_GAP_WITHOUT_NAME: Final = 0.08
_NO_RIVAL: Final = 1.0


class Suggestion(NamedTuple):
    """One candidate. ``kinds`` are the kinds of evidence for it: books, model, labels, ...

    ``not_confident`` says why it is not confident; it is empty if it is.

    ``row``: the rows are mapped to this market already, but for these labels.
    """

    rank: int
    candidate: MarketCandidate
    confidence: float
    not_confident: tuple[NotConfident, ...]
    kinds: tuple[str, ...]
    reason: str

    @property
    def is_confident(self) -> bool:
        return not self.not_confident


def suggest(
    target: UnmappedMarket, catalogue: Iterable[MarketMapping], judge: Judge
) -> list[Suggestion]:
    """The best candidates for an unmapped market, the likeliest first."""
    ranked = candidates(target, catalogue, judge)
    scores = [score(one) for one in ranked]
    found: list[Suggestion] = []
    surest = 1.0
    for rank, one in enumerate(ranked[:MOST_SUGGESTIONS], start=1):
        rival = min((s for n, s in enumerate(scores) if n != rank - 1), default=_NO_RIVAL)
        gap = min(rival - scores[rank - 1], _NO_RIVAL)
        doubts: tuple[NotConfident, ...] = ("NOT_THE_FIRST",)
        if rank == 1:
            doubts = tuple(_doubts(one, scores[0], gap, ranked))
        # Of near ones the second may have more events; no list is to contradict the order of the ranks.
        surest = min(surest, _confidence(one, scores[rank - 1], gap))
        found.append(Suggestion(rank, one, surest, doubts, kinds_of(one), _words(one)))
    return found


def _doubts(
    one: MarketCandidate, cost: float, gap: float, ranked: Sequence[MarketCandidate]
) -> Iterator[NotConfident]:
    """Why the first candidate is not confident."""
    if one.events < LEAST_EVENTS:
        yield "TOO_FEW_EVENTS"
    if len(kinds_of(one)) < 2:
        yield "ONE_KIND_OF_EVIDENCE"
    if one.cost > _HIGHEST_COST:
        yield "PRICES_APART"
    if cost > _HIGHEST_SCORE:
        yield "LABELS_UNPAIRED" if one.unmatched else "LABELS_OR_NAME_UNLIKE"
    if gap < _LEAST_GAP or not _is_clear(ranked):
        yield "ANOTHER_IS_NEAR"
    if one.claimed_at:
        yield "SOLD_UNDER_ANOTHER_ID"


def kinds_of(one: MarketCandidate) -> tuple[str, ...]:
    """The kinds of evidence that speak for a candidate."""
    labels = ["labels"] if one.likeness >= _ALIKE else []
    return (*sorted(one.by_kind), *labels, *(["row"] if one.is_at_home else []))


def _is_clear(ranked: Sequence[MarketCandidate]) -> bool:
    """Whether the first is clear of the others without its name too: a name alone makes nobody sure."""
    first, *others = map(score_without_name, ranked)
    return min(others, default=_NO_RIVAL) - first >= _LEAST_GAP_WITHOUT_NAME


def _confidence(one: MarketCandidate, cost: float, gap: float) -> float:
    near, clear = _logistic(28 * (0.42 - cost)), _logistic(35 * (gap - 0.02))
    few = min(one.events / LEAST_EVENTS, 1.0)
    return near * clear * (0.5 + 0.5 * few)


def _logistic(number: float) -> float:
    return 1 / (1 + exp(-number))


def _words(one: MarketCandidate) -> str:
    parts = [
        f"{_KINDS[kind]} {cost.cost:.2f} in {number_of(cost.prices, 'price')} of "
        f"{number_of(cost.events, 'event')}"
        for kind, cost in sorted(one.by_kind.items())
    ]
    if one.is_at_home:
        parts.append("its other labels are mapped to this market")
    parts.append(f"labels {one.likeness:.0%} alike")
    if one.name_likeness is not None:
        parts.append(f"name {one.name_likeness:.0%} alike")
    if one.unmatched:
        parts.append(f"{number_of(len(one.unmatched), 'label')} without an outcome")
    if one.claimed_at:
        at_price = " at the same prices" if one.is_same_price else ""
        parts.append(f"sold on the same events as {', '.join(one.claimed_at)} too{at_price}")
    return "; ".join(parts)


_KINDS: Final = {
    "books": "from other bookmakers",
    "model": "from the goal model",
}
