"""How long the check of prices before a save takes: right mappings, and the same with two outcomes swapped.

    python -m tests.bench.price_check [--events 30] [--mappings 10]

In one process, on generated events, without a database. The first check of a process is that of a command;
later ones are those of a console, which keeps bets and goal models.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tests.bench.shared import say, shipped_mappings, sold_by_all
from worker.domain.mapping import Mapping
from worker.insight.judging import Judge
from worker.insight.price_check import check_prices
from worker.insight.shipped import shipped_judge
from worker.insight.watching.stored import StoredBoard, pack, pack_together
from worker.lab.insight.scrapes import troubled_events
from worker.storage.insight.evidence import StoredEvent


def stored_events(events: int) -> list[StoredEvent]:
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    found = []
    for event, boards in troubled_events(seed=1, events=events).items():
        packed: dict[str, StoredBoard] = {one.platform: pack(one, at) for one in boards}
        if len(packed) > 1:
            found.append(StoredEvent(event, None, None, None, at, pack_together(packed)))  # type: ignore[arg-type]  # platforms
    return found


def swapped(mapping: Mapping) -> Mapping:
    """With the labels of SportyBet's first two outcomes exchanged."""
    first, second, *others = mapping.outcomes
    return replace(
        mapping,
        outcomes=(
            replace(first, sportybet_desc=second.sportybet_desc),
            replace(second, sportybet_desc=first.sportybet_desc),
            *others,
        ),
    )


def checked(
    stored: Sequence[StoredEvent],
    before: dict[str, Mapping],
    active: dict[str, Mapping],
    name: str,
    judge: Judge,
) -> tuple[float, int]:
    """Seconds of CPU, and how many bookmakers' prices contradict the mapping."""
    began = time.process_time()
    found = check_prices(stored, active, {name}, judge, before=before)
    return time.process_time() - began, sum(
        one.alarm is not None or one.proof is not None for one in found
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the check of prices before a save.")
    parser.add_argument("--events", type=int, default=30)
    parser.add_argument("--mappings", type=int, default=10)
    options = parser.parse_args()
    stored = stored_events(options.events)
    active = shipped_mappings()
    on_three = sold_by_all(active, outcomes=2)
    say(f"{len(stored)} events, {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")
    say(f"{'mapping':<34} {'first':>6} {'later':>6} {'swapped':>8} {'contradicted':>13}  CPU s")
    rows: list[tuple[float, float, float]] = []
    for name in on_three[: options.mappings]:
        shipped_judge.cache_clear()  # as in a process of its own
        first, _ = checked(stored, active, active, name, shipped_judge())
        later, _ = checked(stored, active, active, name, shipped_judge())
        wrong = {**active, name: swapped(active[name])}
        swap, contradicted = checked(stored, active, wrong, name, shipped_judge())
        rows.append((first, later, swap))
        say(f"{name:<34} {first:>6.2f} {later:>6.2f} {swap:>8.2f} {contradicted:>13}")
    first, later, swap = map(statistics.median, zip(*rows, strict=True))
    say(f"{'median':<34} {first:>6.2f} {later:>6.2f} {swap:>8.2f}")


if __name__ == "__main__":
    main()
