"""What the next scrape costs the insight process, when everything is judged: reading, and comparing again.

    python -m tests.bench.rescraping [--events 1780]

In one process, without Kafka and Postgres. Some 2.8 observations an event are read into the window and
compared; then the same are seen five minutes later. What the process does besides (fetching, storing, the
suggestions for what is newly missed) is measured by `marketmap bench --insight`. A loop of plain additions
says how fast this machine is at the moment: divide by it to compare machines.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import orjson

from schemas.fields import timestamp_text
from tests.bench.accepting import compared, cpu_of
from tests.bench.shared import say, shipped_mappings
from worker.domain.index import MappingIndex
from worker.ingest.reading.clock import ClockGuard
from worker.insight.shipped import shipped_judge
from worker.insight.watching.judgement import EventVerdicts
from worker.insight.watching.observed import Watchman
from worker.insight.watching.stored import pack_together
from worker.insight.watching.window import EventWindow, SeenBoard
from worker.lab.synthetic.scrape import generate_scrape

SCRAPE_S: Final = 300
_AT: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
_MAX_BYTES: Final = 16 * 2**20
_ADDITIONS: Final = 10_000_000


class SentRecord(NamedTuple):
    """As much of a record as is read here."""

    value: bytes
    timestamp: int


def sent(value: bytes, at: datetime) -> SentRecord:
    document = orjson.loads(value) | {"observed_at": timestamp_text(at)}
    return SentRecord(orjson.dumps(document), round(at.timestamp() * 1000))


class WatchedScrape:
    """A window that reads scrapes."""

    def __init__(self) -> None:
        guard = ClockGuard(SCRAPE_S, (_AT + timedelta(hours=1)).timestamp)
        self._watchman = Watchman(guard, max_bytes=_MAX_BYTES, max_age=timedelta(hours=6))
        self.window = EventWindow(most_bytes=256 * 2**20, max_age=timedelta(hours=6))

    def read(self, values: Sequence[bytes], at: datetime) -> float:
        """Read the observations as if they were made at ``at``; return the seconds of CPU."""
        seconds = 0.0
        for value in values:
            record = sent(value, at)
            began = time.process_time()
            seen = self._watchman.see(record, self.window, at)  # type: ignore[arg-type]  # as above
            if isinstance(seen, SeenBoard):
                self.window.take(seen)
            seconds += time.process_time() - began
        return seconds

    def store(self) -> float:
        """Pack the events that have changed, as they are stored."""
        changed = self.window.changed()
        events = [one for one in self.window.events() if one.event in changed]
        return cpu_of(lambda: [pack_together(one.boards) for one in events])


def additions() -> None:
    total = 0
    for number in range(_ADDITIONS):
        total += number


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what the next scrape costs.")
    parser.add_argument("--events", type=int, default=1780)
    options = parser.parse_args()
    generated = generate_scrape(seed=1, events=options.events, started_at=_AT)
    values = [orjson.dumps(one.observation) for one in generated]
    mappings = shipped_mappings()
    index = MappingIndex(mappings.values())
    scrape = WatchedScrape()
    scrape.read(values, _AT)
    scrape.store()
    verdicts = EventVerdicts(shipped_judge(), index, mappings, scrape.window.watched())
    compared(verdicts, scrape.window.watched())
    steps: dict[str, Callable[[], float]] = {
        "reading": lambda: scrape.read(values, _AT + timedelta(seconds=SCRAPE_S)),
        "packing": scrape.store,
        "comparing": lambda: cpu_of(lambda: compared(verdicts, scrape.window.watched())),
        "ten million additions": lambda: cpu_of(additions),
    }
    say(
        f"{len(values)} observations, {scrape.window.watched_count} events watched, "
        f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}"
    )
    taken = {name: work() for name, work in steps.items()}
    *costs, pace = taken.values()
    for name, seconds in taken.items():
        say(f"{name:<24} {seconds:>7.2f}  CPU s")
    say(f"{'in all, of a core':<24} {sum(costs) / SCRAPE_S:>7.1%}  at a scrape in five minutes")
    say(f"{'in all, by such loops':<24} {sum(costs) / pace:>7.1f}")


if __name__ == "__main__":
    main()
