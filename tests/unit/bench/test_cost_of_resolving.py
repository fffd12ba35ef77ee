"""What resolving costs, against reading and writing the same messages once: CPU time, never the clock."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence

import orjson

from tests.support.markets import CATALOGUE
from tests.support.records import FakeRecord, place
from worker.app.settings import Settings
from worker.bench.peers.memory import planner_of
from worker.bench.workloads import workload
from worker.domain.index import MappingIndex
from worker.domain.misses import tally
from worker.ingest.plan import combine
from worker.synthetic.expected import Generated

# About twice what was measured: a machine that others use moves the ratio by half.
MOST_TIMES = 10.0
ROUNDS = 3


def cpu_s(work: Callable[[], object]) -> float:
    since = time.process_time()
    work()
    return time.process_time() - since


def test_resolving_costs_a_bounded_multiple_of_reading_and_writing(source: Sequence[Generated]) -> None:
    values = [message.value for message in workload("scrape", source[:30]).messages]
    records = [FakeRecord(offset=offset, value=value) for offset, value in enumerate(values)]
    planner, index = planner_of(Settings()), MappingIndex(CATALOGUE)

    def resolve() -> None:
        plan = combine(planner.plan(record, place(), index) for record in records)
        tally(sighting for _, _, sighting in plan.sightings)

    def read_and_write() -> None:
        for value in values:
            orjson.dumps(orjson.loads(value))

    resolve()  # what it remembers of markets is there from now on
    gc.collect()
    ratios = [cpu_s(resolve) / cpu_s(read_and_write) for _ in range(ROUNDS)]
    assert statistics.median(ratios) < MOST_TIMES, ratios
