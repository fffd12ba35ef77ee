"""Every metric of the worker: its name, and a sentence that says what it counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from worker.app.live_mappings import Swap
from worker.app.outlook import Cause
from worker.app.watchdog import Verdict
from worker.ingest.assignment import Assignment
from worker.ingest.brake import Tripped
from worker.ingest.handler import BatchReport
from worker.ingest.live_index import LiveIndex
from worker.ingest.lookup import Opening

MetricName = Literal[
    "marketmap_markets_total",
    "marketmap_dead_letters_total",
    "marketmap_brakes_total",
    "marketmap_records_total",
    "marketmap_bytes_total",
    "marketmap_batch_seconds",
    "marketmap_watermark_conflicts_total",
    "marketmap_rebalances_total",
    "marketmap_partitions_opened_total",
    "marketmap_partitions_stopped",
    "marketmap_offset_gap_records_total",
    "marketmap_storage_retries_total",
    "marketmap_lag_records",
    "marketmap_lag_seconds",
    "marketmap_watermark_offset",
    "marketmap_stalled",
    "marketmap_standstill_seconds",
    "marketmap_blocked_seconds_total",
    "marketmap_index_version",
    "marketmap_index_mappings",
    "marketmap_index_unusable_mappings",
    "marketmap_index_age_seconds",
    "marketmap_index_delay_seconds",
    "marketmap_index_load_seconds",
]

RelayMetricName = Literal[
    "marketmap_relay_leads",
    "marketmap_relay_version",
    "marketmap_relay_backlog",
    "marketmap_relay_age_seconds",
    "marketmap_relay_published_total",
    "marketmap_relay_failures_total",
]

METRICS: Final[dict[MetricName, str]] = {
    "marketmap_markets_total": "Markets of observations by platform and outcome: resolved, missed, rejected.",
    "marketmap_dead_letters_total": "Records that could not be read, by reason.",
    "marketmap_brakes_total": "Times that dead letters of a partition came to a limit, by limit.",
    "marketmap_records_total": "Records taken through all steps, dead letters included.",
    "marketmap_bytes_total": "Bytes of the values of those records.",
    "marketmap_batch_seconds": "Time of one batch by step: plan, publish, count, commit.",
    "marketmap_watermark_conflicts_total": "Compare-and-sets that found another worker's watermark.",
    "marketmap_rebalances_total": "Changes of the assignment by kind: assigned, revoked, opened.",
    "marketmap_partitions_opened_total": "Partitions taken up, by case; the cases are in the runbook.",
    "marketmap_partitions_stopped": "Partitions not read because their log ends below what is counted.",
    "marketmap_offset_gap_records_total": "Offsets left out, by topic and cause; see the runbook.",
    "marketmap_storage_retries_total": "Transactions tried again, by SQLSTATE (none: no answer).",
    "marketmap_lag_records": "Records of a partition that are not processed yet.",
    "marketmap_lag_seconds": "Age of the last record processed, or time since opening; 0 without lag.",
    "marketmap_watermark_offset": "Offset of a partition below which everything is counted.",
    "marketmap_stalled": "1 while something has not moved for half of the time after which the worker ends.",
    "marketmap_standstill_seconds": "For how long something that should move has not moved, 0 for none.",
    "marketmap_blocked_seconds_total": "Time in which something was waited for, by cause: database, kafka.",
    "marketmap_index_version": "Version of the mapping index in use: the last audit id it holds.",
    "marketmap_index_mappings": "Mappings in the index in use.",
    "marketmap_index_unusable_mappings": "Active mappings that cannot be used, and so are not in the index.",
    "marketmap_index_age_seconds": "Time since the index was last known to be the newest.",
    "marketmap_index_delay_seconds": "From a change of a mapping to its use, by the clocks of both machines.",
    "marketmap_index_load_seconds": "Time of reading and building an index by kind: table, changes.",
}

RELAY_METRICS: Final[dict[RelayMetricName, str]] = {
    "marketmap_relay_leads": "1 while this relay is the one that publishes, else 0.",
    "marketmap_relay_version": "Mapping version up to which changes are published; of the one that leads.",
    "marketmap_relay_backlog": "Changes that are not published yet, as the one that leads last saw it.",
    "marketmap_relay_age_seconds": "Age of the oldest change that is not published yet, 0 for none.",
    "marketmap_relay_published_total": "Changes that this relay has published.",
    "marketmap_relay_failures_total": "Times that this relay gave the lead up over an error.",
}

_STEPS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
_DELAYS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 30)


class Metrics:
    """The worker's metrics in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._markets = self._counter("marketmap_markets_total", "platform", "outcome")
        self._dead = self._counter("marketmap_dead_letters_total", "reason")
        self._brakes = self._counter("marketmap_brakes_total", "limit")
        self._records = self._counter("marketmap_records_total")
        self._bytes = self._counter("marketmap_bytes_total")
        self._conflicts = self._counter("marketmap_watermark_conflicts_total")
        self._rebalances = self._counter("marketmap_rebalances_total", "kind")
        self._opened = self._counter("marketmap_partitions_opened_total", "case")
        self._gaps = self._counter("marketmap_offset_gap_records_total", "topic", "cause")
        self._stopped = self._gauge("marketmap_partitions_stopped")
        self._retries = self._counter("marketmap_storage_retries_total", "sqlstate")
        self._stalled = self._gauge("marketmap_stalled")
        self._standstill = self._gauge("marketmap_standstill_seconds")
        self._blocked = self._counter("marketmap_blocked_seconds_total", "cause")
        self._version = self._gauge("marketmap_index_version")
        self._mappings = self._gauge("marketmap_index_mappings")
        self._unusable = self._gauge("marketmap_index_unusable_mappings")
        self._age = self._gauge("marketmap_index_age_seconds")
        self._delay = self._histogram("marketmap_index_delay_seconds", _DELAYS)
        self._load = self._histogram("marketmap_index_load_seconds", _STEPS, "kind")
        self._seconds = self._histogram("marketmap_batch_seconds", _STEPS, "step")

    def batch(self, report: BatchReport) -> None:
        self._records.inc(report.records)
        self._bytes.inc(report.bytes)
        self._conflicts.inc(report.conflicts)
        for step, seconds in report.seconds.items():
            self._seconds.labels(step).observe(seconds)
        for (platform, outcome), times in report.outcomes.items():
            self._markets.labels(platform, outcome).inc(times)
        for reason, times in report.dead.items():
            self._dead.labels(reason).inc(times)

    def braked(self, tripped: Tripped) -> None:
        self._brakes.labels(tripped.limit).inc()

    def rebalanced(self, kind: str) -> None:
        self._rebalances.labels(kind).inc()

    def opened(self, opening: Opening) -> None:
        start = opening.start
        self._opened.labels(start.case).inc()
        if start.cause is not None:
            self._gaps.labels(opening.partition.topic, start.cause).inc(start.lost)

    def retried(self, sqlstate: str | None) -> None:
        self._retries.labels(sqlstate or "none").inc()

    def progress(self, verdict: Verdict) -> None:
        self._stalled.set(verdict.state != "moving")
        self._standstill.set(verdict.for_s)

    def blocked(self, cause: Cause, seconds: float) -> None:
        self._blocked.labels(cause).inc(seconds)

    def index_swapped(self, index: LiveIndex, swap: Swap) -> None:
        self._version.set(index.current.version)
        self._mappings.set(index.current.size)
        self._unusable.set(len(index.unusable))
        self._load.labels(swap.kind).observe(swap.seconds)
        if swap.delay_s is not None:
            self._delay.observe(max(0.0, swap.delay_s))

    def show_age(self, age_s: Callable[[], float]) -> None:
        """Ask for the age of the index when the metrics are read."""
        self._age.set_function(age_s)

    def watch(self, assignment: Assignment) -> None:
        """Show the lag and the watermarks of the partitions that are owned when the metrics are read."""
        self._stopped.set_function(lambda: len(assignment.stopped))
        self.registry.register(_Lag(assignment))

    def text(self) -> bytes:
        """The metrics in Prometheus's text format."""
        return generate_latest(self.registry)

    def _counter(self, name: MetricName, *labels: str) -> Counter:
        return Counter(name, METRICS[name], labels, registry=self.registry)

    def _gauge(self, name: MetricName) -> Gauge:
        return Gauge(name, METRICS[name], registry=self.registry)

    def _histogram(self, name: MetricName, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(name, METRICS[name], labels, buckets=buckets, registry=self.registry)


class _Lag(Collector):
    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment

    def collect(self) -> Iterator[GaugeMetricFamily]:
        labels = ["topic", "partition"]
        names: tuple[MetricName, ...] = (
            "marketmap_lag_records",
            "marketmap_lag_seconds",
            "marketmap_watermark_offset",
        )
        records, seconds, watermark = (
            GaugeMetricFamily(name, METRICS[name], labels=labels) for name in names
        )
        for lag in self._assignment.lags(time.time()):
            place = [lag.partition.topic, str(lag.partition.partition)]
            records.add_metric(place, lag.records)
            seconds.add_metric(place, lag.seconds)
            watermark.add_metric(place, lag.watermark)
        yield from (records, seconds, watermark)
