"""How often suggestions and alarms are right: `python -m worker.lab.insight.measure --seed 1 --noise 0.05`.

Every mapping is taken from every bookmaker that sells it and looked for again; then whole markets are taken
out, so that the right answer is none. Every confident suggestion that is wrong is listed by name.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

from worker.cli.shipped import shipped_catalogue
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.catalogue import load_catalogue
from worker.domain.mapping import Mapping as MarketMapping
from worker.domain.meaning.market import Bet, Sets
from worker.insight.suggestions import Suggestion, suggest
from worker.lab.documents.evidence import shipped_judge

from .faults import clean, faults, kinds, raised
from .leave_one_out import Hidden, Stage
from .scrapes import troubled_events

BINS: Final = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 1.0001)


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
    stage: Stage, catalogue: Sequence[MarketMapping], *, everywhere: bool, every: int = 1
) -> Iterator[HiddenTrial]:
    """A trial for every mapping and bookmaker, or each of ``every`` only."""
    sets = Sets(
        one.predicates for one in stage.judge.meanings.values() if one.predicates is not None
    )
    same = {bet: group for group in sets.same() for bet in group}
    pairs = [(mapping, platform) for mapping in catalogue for platform in PLATFORMS]
    for mapping, platform in pairs[::every]:
        hidden = stage.hidden(mapping, platform, everywhere=everywhere)
        if hidden is None or not (everywhere or hidden.is_reachable):
            continue
        found = suggest(hidden.target, hidden.catalogue, stage.judge)
        yield _judged(hidden, platform, found[0] if found else None, same)


def _judged(
    hidden: Hidden, platform: Platform, best: Suggestion | None, same: dict[Bet, tuple[Bet, ...]]
) -> HiddenTrial:
    if best is None:
        return HiddenTrial(hidden.canonical_id, platform, hidden.is_reachable)
    one = best.candidate
    known = {label: o for label, o in one.outcomes.items() if label in hidden.truth}
    is_right = one.canonical_id == hidden.canonical_id and all(
        hidden.truth[label] == outcome for label, outcome in known.items()
    )
    return HiddenTrial(
        hidden.canonical_id,
        platform,
        hidden.is_reachable,
        one.canonical_id,
        is_right,
        is_right or _is_same_bet(hidden, known, one.canonical_id, same),
        best.confidence,
        best.is_confident,
        best.reason,
    )


def _is_same_bet(
    hidden: Hidden, known: dict[str, str], canonical_id: str, same: dict[Bet, tuple[Bet, ...]]
) -> bool:
    """Whether every label is on an outcome that wins and loses together with the right one."""
    return bool(known) and all(
        any(
            other.canonical_id == canonical_id and other.outcome == outcome
            for other in same.get(Bet(hidden.canonical_id, None, hidden.truth[label]), ())
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
    parser.add_argument("--every", type=int, default=1, help="Try one mapping in this many.")
    parser.add_argument(
        "--alarms", action="store_true", help="Put faults into mappings, on ten events each."
    )
    options = parser.parse_args(argv)
    judge, _ = shipped_judge()
    catalogue = load_catalogue(shipped_catalogue().read_text(encoding="utf-8"))
    events = troubled_events(seed=options.seed, events=options.events, noise=options.noise)
    if options.alarms:
        say(
            json.dumps(
                vars(options) | _alarms(Stage(events, catalogue, judge, most_events=10), options)
            )
        )
        return
    stage = Stage(events, catalogue, judge)
    for everywhere in (False, True):
        # What has no counterpart is tried for one mapping in three: it takes as long.
        every = options.every * (3 if everywhere else 1)
        found = list(trials(stage, catalogue, everywhere=everywhere, every=every))
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
        for one in faults(stage, seed=options.seed, every=options.every)
        if len(one.target.glimpses) >= stage.most_events
    ]
    tried = [(one, raised(stage, one)) for one in clean(stage, every=max(options.every // 3, 1))]
    missed = [(one.kind, one.platform, one.canonical_id) for one, said in found if said is None]
    false = [said.reason for _, said in tried if said is not None]
    return {"found": kinds(found), "missed": missed, "clean": len(tried), "false": false}


if __name__ == "__main__":
    main()
