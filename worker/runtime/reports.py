"""What the parts of a worker report, and who gets it.

A part that has something to report takes one callable, `report`, and calls it with a value: a batch that was
counted, a partition that was opened, a transaction that is retried. It does not know who listens. Everything
arrives here and goes on to the metrics, the totals of the status page and the watchdog.
"""

from __future__ import annotations

import time

from worker.ingest.handler import BatchReport
from worker.ingest.partitions.assignment import Drained, Rebalanced
from worker.ingest.partitions.opening import Opening
from worker.ingest.planning.brake import Tripped
from worker.runtime.counting import Retried
from worker.runtime.index.following import Swap
from worker.runtime.index.live import LiveIndex
from worker.runtime.liveness.outlook import BatchProgress, Blocked
from worker.runtime.liveness.snapshots import HeldSnapshots
from worker.runtime.liveness.watchdog import ProgressVerdict
from worker.runtime.telemetry.metrics import Metrics
from worker.runtime.telemetry.totals import Totals
from worker.storage.ledger import Overflow

OfRecords = BatchReport | Tripped | Rebalanced | Opening | Drained
OfServices = Retried | Overflow | Swap | Blocked | ProgressVerdict | HeldSnapshots
Reported = OfRecords | OfServices


class Reports:
    """Receives every report. ``has_opened``: all assigned partitions have been open at least once."""

    def __init__(
        self, metrics: Metrics, totals: Totals, batch_progress: BatchProgress, index: LiveIndex
    ) -> None:
        self._metrics = metrics
        self._totals = totals
        self._batch_progress = batch_progress
        self._index = index
        self.has_opened = False

    def __call__(self, event: Reported) -> None:
        if isinstance(event, OfRecords):
            self._of_records(event)
        else:
            self._of_services(event)

    def _of_records(self, event: OfRecords) -> None:
        metrics = self._metrics
        match event:
            case BatchReport():
                self._batch_progress.part_done()
                metrics.batch(event)
                self._totals.add(event, time.monotonic())
            case Tripped():
                metrics.braked(event)
            case Rebalanced(kind):
                self.has_opened = self.has_opened or kind == "opened"
                metrics.rebalanced(kind)
            case Opening():
                metrics.opened(event)
            case Drained(seconds, finished):
                metrics.drained(seconds, finished=finished)

    def _of_services(self, event: OfServices) -> None:
        metrics = self._metrics
        match event:
            case Retried(sqlstate):
                metrics.retried(sqlstate)
            case Overflow():
                metrics.overflowed(event.source, event.occurrences)
            case Swap():
                metrics.index_swapped(self._index, event)
            case Blocked(cause, seconds):
                metrics.blocked(cause, seconds)
            case ProgressVerdict():
                metrics.progress(event)
            case HeldSnapshots(ages):
                metrics.snapshots(ages)
