"""What a worker reports of itself, as metrics."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Final, TypeVar, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from worker.ingest.handler import BatchReport
from worker.ingest.partitions.assignment import Assignment
from worker.ingest.partitions.opening import Opening
from worker.ingest.planning.brake import Tripped
from worker.runtime.index.following import Swap
from worker.runtime.index.live import LiveIndex
from worker.runtime.liveness.outlook import StallCause
from worker.runtime.liveness.snapshots import SnapshotAge
from worker.runtime.liveness.watchdog import ProgressVerdict
from worker.runtime.telemetry.metric_list import METRICS, WorkerMetric
from worker.runtime.telemetry.stopped import Stopped, StoppedPartitions
from worker.storage.access.snapshots import HolderKind

_STEPS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
# Below -300 s an observation is refused by default; at -3600 s its clock is in another time zone.
_AGES: Final = (-7200, -3600, -300, -60, -5, 0, 1, 5, 15, 60, 300, 1800, 7200, 86_400)
_DELAYS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30)


def process_registry() -> CollectorRegistry:
    """A registry with the standard metrics of a process: its memory, CPU, file descriptors and start."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


class Metrics:
    """The worker's metrics in a registry of their own, with the standard ones of the process."""

    def __init__(self) -> None:
        self.registry = process_registry()
        self._observations = self._counter("marketmap_observations_total")
        self._markets = self._counter("marketmap_markets_total")
        self._recalled = self._counter("marketmap_recalled_markets_total")
        self._samples = self._counter("marketmap_field_samples_total")
        self._unread = self._counter("marketmap_unread_fields_total")
        self._dead = self._counter("marketmap_dead_letters_total")
        self._ages = self._histogram("marketmap_observation_age_seconds", _AGES)
        self._brakes = self._counter("marketmap_brakes_total")
        self._records = self._counter("marketmap_records_total")
        self._bytes = self._counter("marketmap_bytes_total")
        self._conflicts = self._counter("marketmap_watermark_conflicts_total")
        self._rebalances = self._counter("marketmap_rebalances_total")
        self._drains = self._histogram("marketmap_drain_seconds", _STEPS)
        self._opened = self._counter("marketmap_partitions_opened_total")
        self._gaps = self._counter("marketmap_offset_gap_records_total")
        self._stopped = self._gauge("marketmap_partitions_stopped")
        self._retries = self._counter("marketmap_storage_retries_total")
        self._overflow = self._counter("marketmap_unmapped_overflow_total")
        self._stalled = self._gauge("marketmap_stalled")
        self._standstill = self._gauge("marketmap_standstill_seconds")
        self._blocked = self._counter("marketmap_blocked_seconds_total")
        self._version = self._gauge("marketmap_index_version")
        self._mappings = self._gauge("marketmap_index_mappings")
        self._unusable = self._gauge("marketmap_index_unusable_mappings")
        self._age = self._gauge("marketmap_index_age_seconds")
        self._delay = self._histogram("marketmap_index_delay_seconds", _DELAYS)
        self._load = self._histogram("marketmap_index_load_seconds", _STEPS)
        self._snapshots = self._gauge("marketmap_oldest_snapshot_transactions")
        self._snapshot_seconds = self._gauge("marketmap_oldest_snapshot_seconds")
        self._seconds = self._histogram("marketmap_batch_seconds", _STEPS)

    def batch(self, report: BatchReport) -> None:
        self._records.inc(report.records)
        self._bytes.inc(report.bytes)
        self._conflicts.inc(report.conflicts)
        for step, seconds in report.seconds.items():
            self._seconds.labels(step).observe(seconds)
        for platform, times in report.observations.items():
            self._observations.labels(platform).inc(times)
        for (platform, outcome, reason), times in report.outcomes.items():
            self._markets.labels(platform, outcome, reason or "").inc(times)
        for platform, times in report.recalled.items():
            self._recalled.labels(platform).inc(times)
        for sample_platform, unread in report.samples:
            self._samples.labels(sample_platform).inc()
            for level, names in unread.items():
                self._unread.labels(sample_platform, level).inc(len(names))
        for age_platform, ages in report.ages.items():
            of_platform = self._ages.labels(age_platform)
            for age_s in ages:
                of_platform.observe(age_s)
        for dead_reason, times in report.dead.items():
            self._dead.labels(dead_reason).inc(times)

    def braked(self, tripped: Tripped) -> None:
        self._brakes.labels(tripped.limit).inc()

    def rebalanced(self, kind: str) -> None:
        self._rebalances.labels(kind).inc()

    def drained(self, seconds: float, *, finished: bool) -> None:
        self._drains.labels("finished" if finished else "timed_out").observe(seconds)

    def opened(self, opening: Opening) -> None:
        start = opening.start
        self._opened.labels(start.case).inc()
        if start.cause is not None:
            self._gaps.labels(opening.partition.topic, start.cause).inc(start.lost)

    def retried(self, sqlstate: str | None) -> None:
        self._retries.labels(sqlstate or "none").inc()

    def overflowed(self, source: str, occurrences: int) -> None:
        self._overflow.labels(source).inc(occurrences)

    def progress(self, verdict: ProgressVerdict) -> None:
        self._stalled.set(verdict.state != "moving")
        self._standstill.set(verdict.for_s)

    def blocked(self, cause: StallCause, seconds: float) -> None:
        self._blocked.labels(cause).inc(seconds)

    def index_swapped(self, index: LiveIndex, swap: Swap) -> None:
        self._version.set(index.current.version)
        self._mappings.set(index.current.size)
        self._unusable.set(len(index.unusable))
        self._load.labels(swap.kind).observe(swap.seconds)
        if swap.delay_s is not None:
            self._delay.observe(max(0.0, swap.delay_s))

    def snapshots(self, ages: Mapping[HolderKind, SnapshotAge] | None) -> None:
        """Show the oldest snapshot of each kind; where that is not known, show no number."""
        for kind in get_args(HolderKind):
            age = None if ages is None else ages[kind]
            self._snapshots.labels(kind).set(math.nan if age is None else age.transactions)
            self._snapshot_seconds.labels(kind).set(math.nan if age is None else age.seconds)

    def show_age(self, age_s: Callable[[], float]) -> None:
        """Show the age of the index at the time when the metrics are read."""
        self._age.set_function(age_s)

    def watch(self, assignment: Assignment) -> None:
        """Show the lag and the watermarks of the partitions that are owned when the metrics are read."""
        self._stopped.set_function(lambda: len(assignment.stopped))
        self.registry.register(_Lag(assignment))
        self.registry.register(StoppedPartitions(lambda: _stopped(assignment)))

    def text(self) -> bytes:
        """The metrics in Prometheus's text format."""
        return generate_latest(self.registry)

    def _counter(self, name: WorkerMetric) -> Counter:
        _, labels, sentence = METRICS[name]
        return _from_zero(Counter(name, sentence, tuple(labels), registry=self.registry), labels)

    def _gauge(self, name: WorkerMetric) -> Gauge:
        _, labels, sentence = METRICS[name]
        return _from_zero(Gauge(name, sentence, tuple(labels), registry=self.registry), labels)

    def _histogram(self, name: WorkerMetric, buckets: Sequence[float]) -> Histogram:
        _, labels, sentence = METRICS[name]
        histogram = Histogram(
            name, sentence, tuple(labels), buckets=buckets, registry=self.registry
        )
        return _from_zero(histogram, labels)


M = TypeVar("M", Counter, Gauge, Histogram)


def _from_zero(metric: M, labels: Mapping[str, Sequence[str]]) -> M:
    """Show every known value of the labels from the start: Prometheus does not see a rise from nothing."""
    if labels:
        for values in product(*labels.values()):
            metric.labels(*values)
    return metric


class _Lag(Collector):
    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment

    def collect(self) -> Iterator[GaugeMetricFamily]:
        names: tuple[WorkerMetric, ...] = (
            "marketmap_lag_records",
            "marketmap_lag_seconds",
            "marketmap_watermark_offset",
        )
        records, seconds, watermark = (
            GaugeMetricFamily(name, METRICS[name].sentence, labels=tuple(METRICS[name].labels))
            for name in names
        )
        for lag in self._assignment.lags(time.time()):
            place = [lag.partition.topic, str(lag.partition.partition)]
            records.add_metric(place, lag.records)
            seconds.add_metric(place, lag.seconds)
            watermark.add_metric(place, lag.watermark)
        yield from (records, seconds, watermark)


def _stopped(assignment: Assignment) -> list[Stopped]:
    return [
        Stopped(each.partition.topic, each.partition.partition, each.cause)
        for each in assignment.stopped
    ]
