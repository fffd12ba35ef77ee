"""The time that a record takes is in proportion to its size, whatever its markets are made of.

CPU time of one record and of one four times as large, by every way in which a record is planned. What takes
the square of its size takes sixteen times as long. A record may have megabytes: at the rate below the slowest
one of 9 MB takes a minute and a half, and most take seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import pytest

from tests.support.growth import MOST_TIMES, TIMES_LARGER
from tests.support.markets import FOOTBALL
from tests.support.records import FakeRecord, place
from worker.domain.labels import Teams, row_roles
from worker.ingest.planning.encode import Encoder
from worker.ingest.planning.plan import Planner, combine
from worker.ingest.planning.recall import make_planner
from worker.kafka.record import Outgoing
from worker.lab.bench.shapes import SHAPES, record_of
from worker.runtime.counting import miss_rows

pytestmark = pytest.mark.usefixtures("frozen")

MOST: Final = 32 * 1024 * 1024
SMALL: Final = 150_000
LEAST_BYTES_A_SECOND: Final = 100_000
ROUNDS: Final = 3
ENCODER: Final = Encoder(
    resolved_topic="r", dead_topic="d", group="g", max_bytes=MOST, max_dead_bytes=MOST
)


def cpu_s(planner: Planner[Outgoing], planned: FakeRecord) -> float:
    since = time.process_time()
    plan = combine(planner.plan_all([(planned, place())], FOOTBALL))
    miss_rows(planner.tally(sighting for _, _, sighting in plan.sightings))
    return time.process_time() - since


@pytest.mark.parametrize("make", [Planner, make_planner], ids=["resolved", "recalled"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_time_of_a_record_is_in_proportion_to_its_size(
    shape: str, make: Callable[..., Planner[Outgoing]]
) -> None:
    small, large = (
        FakeRecord(value=record_of(shape, size)) for size in (SMALL, TIMES_LARGER * SMALL)
    )
    bytes_of_large = len(large.value or b"")
    assert 3 * bytes_of_large > TIMES_LARGER * SMALL, "it is about as large as it is meant to be"
    ratios = []
    for _ in range(ROUNDS):
        planner = make(ENCODER, max_message_bytes=MOST)
        of_small, of_large = cpu_s(planner, small), cpu_s(planner, large)
        ratios.append(of_large / max(of_small, 0.002))
        if ratios[-1] < MOST_TIMES and of_large < bytes_of_large / LEAST_BYTES_A_SECOND:
            return
    pytest.fail(
        f"{bytes_of_large} bytes take {of_large:.1f} s, and {ratios} times as long as a quarter"
    )


def test_a_name_that_no_label_holds_is_not_looked_for_again_for_each_label() -> None:
    names = Teams("aa b", "b aa")
    ratios = []
    for _ in range(ROUNDS):
        times = []
        for number in (20_000, 80_000):
            labels = [f"b aa {each}" for each in range(number)]
            since = time.process_time()
            assert row_roles(labels, names) is not None
            times.append(time.process_time() - since)
        ratios.append(times[1] / times[0])
        if ratios[-1] < MOST_TIMES:
            return
    pytest.fail(f"four times as many labels take {ratios} times as long")
