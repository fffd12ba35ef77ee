"""How often suggestions and alarms are right: `python -m worker.lab.insight.measure --seed 1 --noise 0.05`.

Every mapping is taken from every bookmaker that sells it and looked for again; then whole markets are taken
out, so that the right answer is none. Every confident suggestion that is wrong is listed by name.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Any, Final, NamedTuple

from worker.cli.shipped import shipped_mappings
from worker.domain.books.platforms import Platform
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.meaning.market import Bet, Sets
from worker.insight.shipped import shipped_judge
from worker.insight.suggestions import Suggestion, suggest

from .faults import clean, faults, kinds, raised
from .leave_one_out import Stage, drawn
from .scrapes import USUAL_TROUBLE, Trouble, troubled_events

BINS: Final = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 1.0001)


# Bets of several markets that win and lose together, by each of them.
SameBets = Mapping[Bet, tuple[Bet, ...]]


class HiddenTrial(NamedTuple):
    """One mapping taken out: whether the first suggestion was right, and how sure it was."""

    canonical_id: str
    platform: Platform
    has_counterpart: bool
    best: str | None = None
    is_right: bool = False
    is_same_bet: bool = False
    confidence: float = 0.0
    is_confident: bool = False
    reason: str = ""


def trials(
    stage: Stage, catalogue: Sequence[MarketMapping], *, everywhere: bool, seed: int = 0
) -> Iterator[HiddenTrial]:
    """A trial for every mapping and bookmaker, in an order that the seed draws."""
    sets = Sets(
        one.predicates for one in stage.judge.meanings.values() if one.predicates is not None
    )
    same = {bet: group for group in sets.same() for bet in group}
    for mapping, platform in drawn(catalogue, seed):
        hidden = stage.hidden(mapping, platform, everywhere=everywhere)
        if hidden is None or not (everywhere or hidden.is_reachable):
            continue
        found = suggest(hidden.target, hidden.catalogue, stage.judge)
        name = hidden.canonical_id
        truth = HiddenTruth(name, platform, name, hidden.truth, hidden.is_reachable)
        yield judged_trial(truth, found, same)


class HiddenTruth(NamedTuple):
    """What was hidden: the market, how a report calls it, and the right outcome of each label."""

    canonical_id: str
    platform: Platform
    shown_as: str
    outcomes: Mapping[str, str]
    has_counterpart: bool = True


def judged_trial(truth: HiddenTruth, found: Sequence[Suggestion], same: SameBets) -> HiddenTrial:
    """Judge the first suggestion for a hidden market."""
    if not found:
        return HiddenTrial(truth.shown_as, truth.platform, truth.has_counterpart)
    best = found[0]
    one = best.candidate
    known = {label: o for label, o in one.outcomes.items() if label in truth.outcomes}
    is_right = (
        one.canonical_id == truth.canonical_id
        and bool(known)
        and all(truth.outcomes[label] == outcome for label, outcome in known.items())
    )
    return HiddenTrial(
        truth.shown_as,
        truth.platform,
        truth.has_counterpart,
        one.canonical_id,
        is_right,
        is_right or _is_same_bet(truth, known, one.canonical_id, same),
        best.confidence,
        best.is_confident,
        best.reason,
    )


def _is_same_bet(
    truth: HiddenTruth, known: dict[str, str], canonical_id: str, same: SameBets
) -> bool:
    """Whether every label is on an outcome that wins and loses together with the right one."""
    return bool(known) and all(
        any(
            other.canonical_id == canonical_id and other.outcome == outcome
            for other in same.get(Bet(truth.canonical_id, None, truth.outcomes[label]), ())
        )
        for label, outcome in known.items()
    )


class Figures(NamedTuple):
    """What the trials of one scrape come to."""

    tried: int
    top_1: float
    top_1_same_bet: float
    confident: float
    precision: float | None
    calibration: list[tuple[str, int, float]]
    confident_wrong: list[HiddenTrial]
    wrong: list[HiddenTrial]


def figures(found: Sequence[HiddenTrial]) -> Figures:
    """Shares and names."""
    sure = [one for one in found if one.is_confident]
    bins = []
    for low, high in pairwise(BINS):
        inside = [one for one in found if low <= one.confidence < high]
        if inside:
            share = sum(one.is_same_bet for one in inside) / len(inside)
            bins.append((f"{low:g}-{min(high, 1):g}", len(inside), share))
    return Figures(
        len(found),
        sum(one.is_right for one in found) / len(found),
        sum(one.is_same_bet for one in found) / len(found),
        len(sure) / len(found),
        sum(one.is_same_bet for one in sure) / len(sure) if sure else None,
        bins,
        [one for one in sure if not one.is_same_bet],
        [one for one in found if not one.is_right],
    )


def main(argv: Sequence[str] | None = None, say: Callable[[str], Any] = sys.stdout.write) -> None:
    parser = argparse.ArgumentParser(description="Measure suggestions on a generated scrape.")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--noise", type=float, default=0.05)
    parser.add_argument(
        "--sample", type=int, help="Try this many mappings, drawn with the seed (default: all)."
    )
    parser.add_argument(
        "--alarms", action="store_true", help="Put faults into mappings, on ten events each."
    )
    for name, share in USUAL_TROUBLE._asdict().items():
        words = f"Of the trouble in the scrapes: {name.replace('_', ' ')} (default {share:g})."
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(share), default=share, help=words)
    options = parser.parse_args(argv)
    trouble = Trouble(**{name: getattr(options, name) for name in Trouble._fields})
    judge = shipped_judge()
    catalogue = shipped_mappings()
    events = troubled_events(
        seed=options.seed, events=options.events, noise=options.noise, trouble=trouble
    )
    if options.alarms:
        say(
            json.dumps(
                vars(options)
                | _alarms(
                    Stage(events, catalogue, judge, most_events=10, is_compared=True), options
                )
            )
        )
        return
    stage = Stage(events, catalogue, judge)
    for everywhere in (False, True):
        tried = trials(stage, catalogue, everywhere=everywhere, seed=options.seed)
        found = list(islice(tried, options.sample))
        head = {**vars(options), "no_counterpart": everywhere}
        said = figures(found)._asdict()
        if everywhere:
            del said["wrong"]  # all of them
        say(json.dumps(head | said, default=str) + "\n")
        sys.stdout.flush()


def _alarms(stage: Stage, options: argparse.Namespace) -> dict[str, Any]:
    """Of each kind of fault how many raised the alarm, of those seen on ten events; and false alarms."""
    found = [
        (one, raised(stage, one))
        for one in faults(stage, seed=options.seed, most=options.sample)
        if len(one.target.glimpses) >= stage.most_events
    ]
    unspoilt = islice(clean(stage, seed=options.seed), options.sample)
    tried = [(one, raised(stage, one)) for one in unspoilt]
    missed = [(one.kind, one.platform, one.canonical_id) for one, said in found if said is None]
    false = [said.reason for _, said in tried if said is not None]
    return {"found": kinds(found), "missed": missed, "clean": len(tried), "false": false}


if __name__ == "__main__":
    main()
