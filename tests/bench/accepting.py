"""How long the insight process compares prices after an accepted suggestion, before it suggests anything.

    python -m tests.bench.accepting [--events 200] [--mappings 5]

In one process, on generated events, without a database. Some mappings lack the id of Bet9ja. They get it one
after the other, as by an editor who accepts suggestions. Each time the comparisons are revised, and put
together; at the end they are made from nothing, and must be the same.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from tests.bench.shared import say, shipped_mappings, sold_by_all
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping
from worker.insight.shipped import shipped_judge
from worker.insight.watching.comparisons import EvidenceRow
from worker.insight.watching.judgement import EventVerdicts
from worker.insight.watching.revision import are_fitted
from worker.insight.watching.stored import pack
from worker.insight.watching.window import WatchedEvent
from worker.lab.insight.scrapes import troubled_events


def watched_events(events: int) -> list[WatchedEvent]:
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    found = []
    for event, boards in troubled_events(seed=1, events=events).items():
        packed = {one.platform: pack(one, at) for one in boards}
        if len(packed) > 1:
            found.append(WatchedEvent(event, "Reds", "Blues", None, packed))
    return found


def compared(verdicts: EventVerdicts, events: list[WatchedEvent]) -> list[EvidenceRow]:
    for event in verdicts.update(events):
        verdicts.look(event)
    # Sums of the same distances in another order differ in their last bits.
    return [one._replace(mean=round(one.mean, 9)) for one in verdicts.evidence()]


def cpu_of(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what an accepted suggestion costs.")
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--mappings", type=int, default=5)
    options = parser.parse_args()
    events, judge = watched_events(options.events), shipped_judge()
    shipped = shipped_mappings()
    accepted = sold_by_all(shipped)[: options.mappings]
    mappings: dict[str, Mapping] = {
        **shipped,
        **{name: replace(shipped[name], bet9ja_key=None) for name in accepted},
    }
    index = MappingIndex(mappings.values())
    say(f"{len(events)} events, {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")
    verdicts = EventVerdicts(judge, index, mappings, events)
    first = cpu_of(lambda: compared(verdicts, events))
    say(f"{'compared for the first time':<44} {first:>6.2f}  CPU s")
    revising: list[float] = []
    for version, name in enumerate(accepted, start=1):
        index = index.revised([mappings[name]], [shipped[name]], version)
        mappings = {**mappings, name: shipped[name]}
        began = time.process_time()
        verdicts.follow(index, mappings)
        revised = compared(verdicts, events)
        revising.append(time.process_time() - began)
        kind = "fitted by the goal model" if are_fitted([name], judge.meanings) else ""
        say(f"{'accepted ' + name:<44} {revising[-1]:>6.2f}  {kind}")
    began = time.process_time()
    from_nothing = compared(EventVerdicts(judge, index, mappings, events), events)
    seconds = time.process_time() - began
    say(f"{'median of the accepted':<44} {statistics.median(revising):>6.2f}")
    say(f"{'the same from nothing':<44} {seconds:>6.2f}")
    if revised != from_nothing:
        raise SystemExit("what was revised is not what it is from nothing")


if __name__ == "__main__":
    main()
