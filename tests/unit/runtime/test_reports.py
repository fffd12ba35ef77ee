"""Whatever a part reports arrives where it is shown."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from worker.domain.index import MappingIndex
from worker.ingest.handler import BatchReport
from worker.ingest.partitions.assignment import Drained, Rebalanced
from worker.ingest.partitions.opening import Opening
from worker.ingest.partitions.starts import Start
from worker.ingest.planning.brake import Tripped
from worker.kafka.record import Partition
from worker.runtime.counting import Retried
from worker.runtime.index.following import Swap
from worker.runtime.index.live import LiveIndex
from worker.runtime.liveness.outlook import BatchProgress, Blocked
from worker.runtime.liveness.watchdog import ProgressVerdict
from worker.runtime.reports import Reported, Reports
from worker.runtime.telemetry.metrics import Metrics
from worker.runtime.telemetry.totals import Totals
from worker.storage.ledger import Overflow

PLACE = Partition("observations.sportybet", 0, "id")
BATCH = BatchReport(3, 100, {"plan": 0.1}, Counter({"sportybet": 3}), Counter(), Counter(), 0)


class Ground:
    def __init__(self) -> None:
        self.metrics = Metrics()
        self.totals = Totals(0.0)
        self.batch_progress = BatchProgress()
        self.index = LiveIndex()
        self.index._current = MappingIndex((), 7)
        self.reports = Reports(self.metrics, self.totals, self.batch_progress, self.index)


@pytest.mark.parametrize(
    ("event", "sample"),
    [
        (BATCH, "marketmap_records_total 3.0"),
        (
            Tripped(PLACE, "consecutive", 5, 100, Counter()),
            'marketmap_brakes_total{limit="consecutive"} 1.0',
        ),
        (Rebalanced("assigned"), 'marketmap_rebalances_total{kind="assigned"} 1.0'),
        (
            Opening(PLACE, None, Start("RESUME", 3, 3)),
            'marketmap_partitions_opened_total{case="RESUME"} 1.0',
        ),
        (Drained(0.2, True), 'marketmap_drain_seconds_count{outcome="finished"} 1.0'),
        (Drained(0.2, False), 'marketmap_drain_seconds_count{outcome="timed_out"} 1.0'),
        (Retried("40P01"), 'marketmap_storage_retries_total{sqlstate="40P01"} 1.0'),
        (
            Overflow("bet9ja", datetime.now(UTC), 4),
            'marketmap_unmapped_overflow_total{source="bet9ja"} 4.0',
        ),
        (Swap("table", 0.1, None), "marketmap_index_version 7.0"),
        (Blocked("database", 2.0), 'marketmap_blocked_seconds_total{cause="database"} 2.0'),
        (ProgressVerdict("stalled", 61.0, ()), "marketmap_standstill_seconds 61.0"),
    ],
)
def test_every_report_is_in_the_metrics(event: Reported, sample: str) -> None:
    ground = Ground()
    ground.reports(event)
    assert sample in ground.metrics.text().decode().splitlines()


def test_a_batch_is_in_the_totals_and_is_a_step_of_the_batch_in_progress() -> None:
    ground = Ground()
    ground.reports(BATCH)
    assert {book.platform: book.observations for book in ground.totals.books()}["sportybet"] == 3
    assert ground.batch_progress.steps == 1


def test_a_worker_has_opened_only_when_partitions_are_open() -> None:
    ground = Ground()
    ground.reports(Rebalanced("assigned"))
    assert not ground.reports.has_opened
    ground.reports(Rebalanced("opened"))
    ground.reports(Rebalanced("revoked"))
    assert ground.reports.has_opened
