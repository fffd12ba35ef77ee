"""The alarm on a mapping that the odds contradict: another reading explains them far better.

A mapping in use is held against the same references as a suggestion. Three kinds of other readings are tried:
another assignment of labels to outcomes, another line (moved, or of the other sign), another market.
An alarm needs ten events, a present cost above noise, and another reading at less than half of it. So a
bookmaker that simply prices differently raises none: nothing explains its prices better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from worker.domain.books.lines import negate, parse_line
from worker.domain.mapping import Mapping as MarketMapping

from .candidates import KindCost, LineMove, MarketCandidate, MarketTrial, UnmappedMarket, candidates
from .judging import Judge

AlarmKind = Literal["assignment", "line", "market"]

LEAST_EVENTS: Final = 10
NOISE: Final = 0.1  # logits: what a right mapping may cost
BETTER: Final = 0.5  # of the present cost is left under the other reading


class Alarm(NamedTuple):
    """What is mapped, what it costs, and the reading that explains the odds better."""

    kind: AlarmKind
    canonical_id: str
    present: float
    better: float
    events: int
    canonical_id_instead: str
    outcomes_instead: Mapping[str, str]
    reason: str


def _moved(by: float) -> LineMove:
    return lambda line: parse_line(f"{float(line) + by:g}")


_MOVES: Final[dict[str, LineMove]] = {
    "the sign of the line changed": negate,
    **{f"the line {by:+g}": _moved(by) for by in (1.0, -1.0, 0.5, -0.5)},
}


def alarm(
    target: UnmappedMarket,
    mapping: MarketMapping,
    assigned: Mapping[str, str],
    catalogue: Sequence[MarketMapping],
    judge: Judge,
) -> Alarm | None:
    """Judge one mapping at one bookmaker.

    ``assigned`` are the labels, as ``label_of`` has them, with the outcomes that the mapping gives them;
    ``target`` holds the rows that it reads, and the readings of the events without what it read.
    """
    trial = _seen(target, mapping, judge, None)
    present = trial.cost_of(assigned)
    if present is None or present.events < LEAST_EVENTS or present.cost <= NOISE:
        return None
    limit = BETTER * present.cost
    for words, move in _MOVES.items() if mapping.line_rule.kind != "none" else ():
        moved = _seen(target, mapping, judge, move).cost_of(assigned)
        if moved is not None and moved.cost < limit and 2 * moved.events >= present.events:
            reason = _reason(present, moved.cost, words)
            name = mapping.canonical_id
            return Alarm(
                "line", name, present.cost, moved.cost, present.events, name, assigned, reason
            )
    for one in candidates(target, catalogue, judge):
        cost = _prices_alone(one)
        is_other = one.canonical_id != mapping.canonical_id or _differs(one.outcomes, assigned)
        enough = 2 * one.events >= present.events
        if is_other and enough and cost < limit and not one.unmatched:
            return _read_instead(mapping, present, one)
    return None


def _seen(
    target: UnmappedMarket, mapping: MarketMapping, judge: Judge, move: LineMove | None
) -> MarketTrial:
    trial = MarketTrial(target, mapping, judge, move)
    for glimpse in target.glimpses:
        trial.see(glimpse)
    return trial


def _prices_alone(one: MarketCandidate) -> float:
    return sum(kind.cost for kind in one.by_kind.values()) / len(one.by_kind)


def _differs(outcomes: Mapping[str, str], assigned: Mapping[str, str]) -> bool:
    return any(assigned.get(label, outcome) != outcome for label, outcome in outcomes.items())


def _read_instead(mapping: MarketMapping, present: KindCost, one: MarketCandidate) -> Alarm:
    is_same = one.canonical_id == mapping.canonical_id
    words = "its labels assigned otherwise" if is_same else f"{one.canonical_id} in its place"
    better = _prices_alone(one)
    return Alarm(
        "assignment" if is_same else "market",
        mapping.canonical_id,
        present.cost,
        better,
        present.events,
        one.canonical_id,
        one.outcomes,
        _reason(present, better, words),
    )


def _reason(present: KindCost, better: float, words: str) -> str:
    return f"{present.cost:.2f} from the odds of {present.events} events, and {better:.2f} with {words}"
