"""The alarm on a mapping that the odds contradict: another reading explains them far better.

A mapping in use is held against the same references as a suggestion. Three kinds of other readings are tried:
another assignment of labels to outcomes, another line (moved, or of the other sign), another market.
An alarm needs ten events, a present cost above noise, and another reading at less than half of it; or at less
than three quarters, if it is better on the events one by one, far more surely than by chance. So a bookmaker
that simply prices differently raises none: nothing explains its prices better.

Some markets have the same outcomes and nearly the same prices: a result with and without early payout, a
first and a second half. Noise hides the difference on one event, but it is always to the same side. So of
such *siblings* the means of the differences with their signs are compared, in which noise cancels out. A
bookmaker's habits do not cancel out, but no sibling explains them; and a sibling that the bookmaker sells
under another id explains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import Final, Literal, NamedTuple

from worker.cli.words import number_of
from worker.domain.books.lines import negate, parse_line
from worker.domain.mapping import Mapping as MarketMapping

from .candidates import (
    KindCost,
    LineMove,
    MarketCandidate,
    MarketTrial,
    UnmappedMarket,
    by_chance,
    candidates,
)
from .judging import Judge

AlarmKind = Literal["assignment", "line", "market"]

LEAST_EVENTS: Final = 10
NOISE: Final = 0.1  # logits: what a right mapping may cost
BETTER: Final = 0.5  # of the present cost is left under the other reading
# Where bookmakers differ much, the right reading costs half of a wrong one of like bets, or more.
SURELY_BETTER: Final = 0.75
_LEAST_GAIN: Final = 0.05  # logits
_SURE: Final = 4.0  # standard errors
LEAST_LEAN: Final = 0.05  # logits, of the means with their signs
_LEAN_LEFT: Final = 0.6  # of the present lean is left under a sibling, or less
# Chi square of what the sibling explains. Chance comes to 18 once in 2,000 results of three outcomes.
_LEAST_EXPLAINED: Final = 18.0
_PERIODS: Final = frozenset({"ft", "1h", "2h"})
_PAID_OTHERWISE: Final = (
    {"result", "early_payout"},
    {"double_chance", "early_payout"},
    {"total", "early_total"},
)
_LEAST_SPREAD: Final = 0.03  # logits, of differences from event to event


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
    now = _Explanation(mapping, None, assigned)
    present = _seen(target, now, judge).cost_of(assigned)
    if present is None or present.events < LEAST_EVENTS:
        return None
    found = _far_better(target, now, present, catalogue, judge) if present.cost > NOISE else None
    return found or _sibling(target, now, present, catalogue, judge)


def judged_events(
    target: UnmappedMarket, mapping: MarketMapping, assigned: Mapping[str, str], judge: Judge
) -> int:
    """The number of events on which ``alarm`` judges a mapping; below ``LEAST_EVENTS`` it raises none."""
    present = _seen(target, _Explanation(mapping, None, assigned), judge).cost_of(assigned)
    return 0 if present is None else present.events


def _far_better(
    target: UnmappedMarket,
    now: _Explanation,
    present: KindCost,
    catalogue: Sequence[MarketMapping],
    judge: Judge,
) -> Alarm | None:
    mapping, assigned = now.mapping, now.assigned
    for words, move in _MOVES.items() if mapping.line_rule.kind != "none" else ():
        moved = _Explanation(mapping, move, assigned)
        found = _seen(target, moved, judge).cost_of(assigned)
        if (
            found is not None
            and 2 * found.events >= present.events
            and _is_better(present, found.cost, target, judge, (now, moved))
        ):
            reason = _reason(present, found.cost, words)
            name = mapping.canonical_id
            return Alarm(
                "line", name, present.cost, found.cost, present.events, name, assigned, reason
            )
    by_name = {one.canonical_id: one for one in catalogue}
    for one in candidates(target, catalogue, judge):
        is_other = one.canonical_id != mapping.canonical_id or _differs(one.outcomes, assigned)
        enough = 2 * one.events >= present.events
        other = _Explanation(by_name[one.canonical_id], None, one.outcomes)
        if (
            is_other
            and enough
            and not one.unmatched
            and _is_better(
                present, _prices_alone(one) + by_chance(one), target, judge, (now, other)
            )
        ):
            return _read_instead(mapping, present, one)
    return None


def _sibling(
    target: UnmappedMarket,
    now: _Explanation,
    present: KindCost,
    catalogue: Sequence[MarketMapping],
    judge: Judge,
) -> Alarm | None:
    """The market of the same outcomes without the lean of the present reading, where there is one."""
    lean = _lean(target, now, judge)
    if lean is None or lean.size < LEAST_LEAN:
        return None
    sold = {key.canonical_id for glimpse in target.glimpses for key in glimpse.own.quoted}
    best: tuple[float, MarketMapping, KindCost] | None = None
    for one in catalogue:
        if one.canonical_id in sold or not is_sibling(one, now.mapping, judge):
            continue
        other = _Explanation(one, None, now.assigned)
        cost = _seen(target, other, judge).cost_of(now.assigned)
        if cost is None or cost.cost >= present.cost or 2 * cost.events < present.events:
            continue
        left = _lean(target, other, judge)
        if (
            left is not None
            and left.means.keys() == lean.means.keys()
            and left.size <= _LEAN_LEFT * lean.size
            and left.explained(lean) >= _LEAST_EXPLAINED
            and (best is None or left.size < best[0])
        ):
            best = left.size, one, cost
    if best is None:
        return None
    size, mapping, cost = best
    words = f"{mapping.canonical_id} in its place; to the same side {lean.size:.2f}, and {size:.2f}"
    name, instead = now.mapping.canonical_id, mapping.canonical_id
    reason = _reason(present, cost.cost, words)
    return Alarm(
        "market", name, present.cost, cost.cost, present.events, instead, now.assigned, reason
    )


def is_sibling(one: MarketMapping, other: MarketMapping, judge: Judge) -> bool:
    """Whether it is another market of these outcomes: of another half, or with another rule of payout.

    The results after 5, 10 ... 85 minutes are no siblings: with that many, one of them is near any result.
    """
    about, about_other = (judge.meanings.get(each.canonical_id) for each in (one, other))
    outcomes, of_other = ({each.canonical_id for each in of.outcomes} for of in (one, other))
    return (
        about is not None
        and about_other is not None
        and one.canonical_id != other.canonical_id
        and one.line_rule.kind == other.line_rule.kind
        and outcomes == of_other
        and (about.subject, about.counts) == (about_other.subject, about_other.counts)
        and {about.period, about_other.period} <= _PERIODS
        and (
            about.family == about_other.family
            or {about.family, about_other.family} in _PAID_OTHERWISE
        )
    )


class _Lean(NamedTuple):
    """The mean difference of each label with its sign, and how much it differs from event to event."""

    means: Mapping[str, float]
    spread: float
    events: int

    @property
    def size(self) -> float:
        return sqrt(fmean(one * one for one in self.means.values()))

    def explained(self, before: _Lean) -> float:
        """By how much less this leans than a reading before, in units of chance."""
        gain = sum(before.means[label] ** 2 - one**2 for label, one in self.means.items())
        return self.events * gain / max(self.spread, _LEAST_SPREAD) ** 2


def _lean(target: UnmappedMarket, one: _Explanation, judge: Judge) -> _Lean | None:
    """None where fewer than ten events, or no label on half of them, can be compared."""
    by_label: dict[str, list[float]] = {}
    events = 0
    for glimpse in target.glimpses:
        found = _seen(target._replace(glimpses=(glimpse,)), one, judge).lean_of(one.assigned)
        events += bool(found)
        for label, off in found.items():
            by_label.setdefault(label, []).append(off)
    usual = {label: offs for label, offs in by_label.items() if 2 * len(offs) >= events}
    if events < LEAST_EVENTS or not usual:
        return None
    spread = sqrt(fmean(stdev(offs) ** 2 for offs in usual.values()))
    return _Lean({label: fmean(offs) for label, offs in usual.items()}, spread, events)


class _Explanation(NamedTuple):
    """One way to read a target."""

    mapping: MarketMapping
    move: LineMove | None
    assigned: Mapping[str, str]


def _is_better(
    present: KindCost,
    cost: float,
    target: UnmappedMarket,
    judge: Judge,
    readings: tuple[_Explanation, _Explanation],
) -> bool:
    """Whether another reading, of this cost, explains the odds far better, or somewhat and surely."""
    if cost < BETTER * present.cost:
        return True
    if cost >= SURELY_BETTER * present.cost:
        return False
    now, other = (_by_event(target, one, judge) for one in readings)
    gains = [now[event] - other[event] for event in now.keys() & other.keys()]
    if len(gains) < LEAST_EVENTS:
        return False
    mean = fmean(gains)
    return mean >= _LEAST_GAIN and mean >= _SURE * stdev(gains) / sqrt(len(gains))


def _by_event(target: UnmappedMarket, one: _Explanation, judge: Judge) -> dict[str, float]:
    """What a reading costs on each event."""
    found: dict[str, float] = {}
    for glimpse in target.glimpses:
        on_one = _seen(target._replace(glimpses=(glimpse,)), one, judge)
        cost = on_one.cost_of(one.assigned)
        if cost is not None:
            found[glimpse.event] = cost.cost
    return found


def _seen(target: UnmappedMarket, one: _Explanation, judge: Judge) -> MarketTrial:
    trial = MarketTrial(target, one.mapping, judge, one.move)
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
    events = number_of(present.events, "event")
    return f"{present.cost:.2f} from the odds of {events}, and {better:.2f} with {words}"
