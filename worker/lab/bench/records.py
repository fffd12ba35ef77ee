"""What one record of an unusual shape takes, next to reading and writing the same bytes once.

Both are CPU time of one process, in turn, in memory. So the ratio depends little on the machine, and not on
who else uses it. A shape whose time grew faster than its size would fall below any floor.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import orjson

from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping
from worker.ingest.planning.plan import combine
from worker.kafka.record import Partition
from worker.lab.bench.figures import Spread, spread
from worker.lab.bench.peers.memory import planner_of
from worker.lab.bench.shapes import SHAPES, record_of
from worker.runtime.counting import miss_rows
from worker.settings.settings import Settings

# Of the rate at which orjson reads and writes the same record: half of what the slowest shape has.
LEAST_SHARE: Final = 0.0003
SIZE: Final = 1_000_000
_PLACE: Final = Partition("observations.sportybet", 0, "A" * 22)
# Reading once is too short to be measured.
_TIMES_READ: Final = 5


class BenchRecord(NamedTuple):
    """A record as Kafka would hand it over."""

    value: bytes
    topic: str = _PLACE.topic
    partition: int = _PLACE.partition
    offset: int = 0
    timestamp: int = 1_795_348_800_120
    key: bytes | None = b"k"
    headers: Sequence[tuple[str, bytes | None]] = ()


class RecordTime(NamedTuple):
    """Of one shape: MB/s of CPU time, and the share of that of reading and writing, by round."""

    shape: str
    size: int
    rate: Spread
    share: Spread

    @property
    def is_met(self) -> bool:
        return self.share.median >= LEAST_SHARE


def record_times(
    mappings: Sequence[Mapping], *, rounds: int, size: int = SIZE, report: Callable[[str], None]
) -> list[RecordTime]:
    """Measure every shape, the slowest first; ``report`` gets its name before."""
    index = MappingIndex(mappings)
    found = []
    with _frozen():
        for shape in SHAPES:
            report(shape)
            found.append(_measure(shape, record_of(shape, size), index, rounds))
    return sorted(found, key=lambda each: each.share.median)


def _measure(shape: str, value: bytes, index: MappingIndex, rounds: int) -> RecordTime:
    rates, shares = [], []
    for _ in range(rounds):
        planned_s, read_s = _plan_s(value, index), _read_s(value)
        rates.append(len(value) / 1e6 / planned_s)
        shares.append(read_s / planned_s)
    return RecordTime(shape, len(value), spread(rates), spread(shares))


def _plan_s(value: bytes, index: MappingIndex) -> float:
    """Of a planner that has seen nothing before: memory of earlier rows makes all shapes faster."""
    planner = planner_of(Settings(max_message_bytes=64 * SIZE, batch_max_bytes=64 * SIZE))
    since = time.process_time()
    plan = combine(planner.plan_all([(BenchRecord(value), _PLACE)], index))
    miss_rows(planner.tally(sighting for _, _, sighting in plan.sightings))
    return time.process_time() - since


def _read_s(value: bytes) -> float:
    since = time.process_time()
    for _ in range(_TIMES_READ):
        orjson.dumps(orjson.loads(value))
    return (time.process_time() - since) / _TIMES_READ


@contextmanager
def _frozen() -> Iterator[None]:
    """What is in memory already is not searched for garbage meanwhile, as in a worker."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
