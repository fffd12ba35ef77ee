"""Faults put into mappings, one at a time, each of a kind that an editor makes; and what the alarm says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from random import Random
from typing import Final, NamedTuple

from worker.domain.books.lines import negate, parse_line
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.mapping import Mapping as MarketMapping
from worker.insight.alarms import Alarm, alarm
from worker.insight.boards import Sold
from worker.insight.candidates import LineMove, UnmappedMarket

from .leave_one_out import Hidden, Stage, drawn

EXCHANGED: Final = {
    "home and away": {"home": "away", "away": "home", "1": "2", "2": "1", "1x": "x2", "x2": "1x"},
    "yes and no": {"yes": "no", "no": "yes"},
    "over and under": {"over": "under", "under": "over"},
}
# One market under the other's id: (mapped as, really).
_TAKEN_FOR: Final = {
    "half for full time": [
        ("1x2_ft", "1x2_1h"),
        ("btts_ft", "btts_1h"),
        ("over_under_ft", "over_under_1h"),
    ],
    "1up for 1x2": [("1x2_ft", "1x2_1up_ft"), ("1x2_ft", "1x2_2up_ft")],
    "first for second half": [
        ("1x2_1h", "1x2_2h"),
        ("over_under_1h", "over_under_2h"),
        ("btts_2h", "btts_1h"),
        ("double_chance_1h", "double_chance_2h"),
    ],
}
_SHUFFLED_FROM: Final = 6  # outcomes


class Fault(NamedTuple):
    """A mapping at a bookmaker as a faulty one would have it."""

    kind: str
    canonical_id: str
    platform: Platform
    target: UnmappedMarket
    mapping: MarketMapping
    assigned: Mapping[str, str]
    catalogue: list[MarketMapping]


def clean(stage: Stage, *, seed: int = 0) -> Iterator[Fault]:
    """Every mapping as it is, to see that no alarm is raised."""
    for hidden, mapping in _in_use(stage, seed):
        yield _fault("clean", hidden, mapping, hidden.truth, hidden.target)


def faults(stage: Stage, *, seed: int, most: int | None = None) -> Iterator[Fault]:
    """Mappings in the order of the seed with each fault that they can have; ``most`` of them, or all."""
    drawn = Random(seed)  # noqa: S311 - no secret
    for hidden, mapping in islice(_in_use(stage, seed), most):
        for kind, exchanged in EXCHANGED.items():
            assigned = _exchanged(hidden.truth, exchanged)
            if assigned is not None:
                yield _fault(kind, hidden, mapping, assigned, hidden.target)
        if len(hidden.truth) >= _SHUFFLED_FROM:
            outcomes = list(hidden.truth.values())
            drawn.shuffle(outcomes)
            shuffled = dict(zip(hidden.truth, outcomes, strict=True))
            yield _fault("shuffled", hidden, mapping, shuffled, hidden.target)
        for kind, move in _moves(mapping).items():
            moved = _with_lines(hidden.target, move)
            if moved is not None:
                yield _fault(kind, hidden, mapping, hidden.truth, moved)
    yield from _taken_for_others(stage)


def raised(stage: Stage, fault: Fault) -> Alarm | None:
    """The alarm on a fault."""
    return alarm(fault.target, fault.mapping, fault.assigned, fault.catalogue, stage.judge)


def _in_use(stage: Stage, seed: int) -> Iterator[tuple[Hidden, MarketMapping]]:
    for mapping, platform in drawn(stage.tried, seed):
        hidden = stage.hidden(mapping, platform)
        if hidden is not None and hidden.is_reachable and hidden.truth:
            yield hidden, mapping


def _fault(
    kind: str,
    hidden: Hidden,
    mapping: MarketMapping,
    assigned: Mapping[str, str],
    target: UnmappedMarket,
) -> Fault:
    name = mapping.canonical_id
    return Fault(kind, name, target.platform, target, mapping, assigned, hidden.catalogue)


def _exchanged(truth: Mapping[str, str], words: Mapping[str, str]) -> dict[str, str] | None:
    """None where that changes nothing, or names an outcome that is not there."""
    assigned = {
        label: "_".join(words.get(word, word) for word in outcome.split("_"))
        for label, outcome in truth.items()
    }
    if assigned == dict(truth) or set(assigned.values()) != set(truth.values()):
        return None
    return assigned


def _moves(mapping: MarketMapping) -> dict[str, LineMove]:
    if mapping.line_rule.kind == "none":
        return {}
    moves: dict[str, LineMove] = {
        "line off by one": lambda line: parse_line(f"{float(line) + 1:g}")
    }
    if mapping.line_rule.kind != "total":
        moves["handicap sign"] = negate
    return moves


def _with_lines(target: UnmappedMarket, move: LineMove) -> UnmappedMarket | None:
    """The target with other lines in its qualifiers; None where that changes none."""
    glimpses = tuple(
        one._replace(rows=tuple(_with_line(row, move) for row in one.rows))
        for one in target.glimpses
    )
    return None if glimpses == target.glimpses else target._replace(glimpses=glimpses)


def _with_line(row: Sold, move: LineMove) -> Sold:
    """SportyBet writes ``total=2.5`` or ``hcp=0:1``, the others begin with the line."""
    if row.qualifier is None:
        return row
    before, sign, after = row.qualifier.rpartition("=")
    number, blank, rest = after.partition(" ")
    if ":" in number:
        home, _, away = number.partition(":")
        number = str(int(home) - int(away))
    line = parse_line(number)
    moved = None if line is None else move(line)
    return row if moved is None else row._replace(qualifier=f"{before}{sign}{moved}{blank}{rest}")


def _taken_for_others(stage: Stage) -> Iterator[Fault]:
    by_name = {one.canonical_id: one for one in stage.catalogue}
    for kind, pairs in _TAKEN_FOR.items():
        for mapped_as, really in pairs:
            for platform in PLATFORMS:
                hidden = stage.hidden(by_name[really], platform)
                mapping = by_name[mapped_as]
                outcomes = {one.canonical_id for one in mapping.outcomes}
                if hidden is None or not set(hidden.truth.values()) <= outcomes:
                    continue
                target = stage.without_claim(hidden.target, mapped_as)
                yield _fault(kind, hidden, mapping, hidden.truth, target)


def kinds(found: Sequence[tuple[Fault, Alarm | None]]) -> dict[str, tuple[int, int]]:
    """Of each kind of fault how many there were, and how many raised the alarm."""
    counted: dict[str, tuple[int, int]] = {}
    for fault, said in found:
        tried, hit = counted.get(fault.kind, (0, 0))
        counted[fault.kind] = (tried + 1, hit + (said is not None))
    return counted
