"""What an insight process reports of itself, as metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import get_args

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from worker.insight.watching.window import EventWindow
from worker.runtime.telemetry.metric_list import (
    INSIGHT_METRICS,
    InsightMetric,
    JudgedThing,
    NotWatched,
    RefusedThing,
)
from worker.runtime.telemetry.metrics import process_registry
from worker.runtime.telemetry.stopped import StoppedPartitions, unreadable
from worker.storage.insight.alarms import OpenAlarms


class InsightMetrics:
    """An insight process's metrics, in a registry of their own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or process_registry()
        self._leads = self._gauge("marketmap_insight_leads")
        self._alarms = self._gauge("marketmap_insight_alarms")
        self._drift = self._gauge("marketmap_insight_drift_alarms")
        self._read = self._counter("marketmap_insight_read_total")
        self._left_out = self._counter("marketmap_insight_left_out_total")
        self._judged = self._counter("marketmap_insight_judged_total")
        self._refused = self._counter("marketmap_insight_refused_total")
        self._failures = self._counter("marketmap_insight_failures_total")
        self._backlog = self._gauge("marketmap_insight_backlog")
        self._window: EventWindow | None = None
        self._lag: Callable[[], float] | None = None
        self._stopped: Callable[[], Iterable[TopicPartition]] | None = None
        self._wrote_at: float | None = None
        self._due_since: float | None = None
        self.backlog({})
        self._gauge("marketmap_insight_lag_records").set_function(self._lag_records)
        self._gauge("marketmap_insight_events").set_function(self._events)
        self._gauge("marketmap_insight_bytes").set_function(self._bytes)
        self._gauge("marketmap_insight_age_seconds").set_function(self._age_s)
        self._gauge("marketmap_insight_backlog_seconds").set_function(self._due_s)
        self.registry.register(
            StoppedPartitions(lambda: unreadable(self._stopped() if self._stopped else ()))
        )

    def leads(
        self,
        window: EventWindow,
        lag: Callable[[], float],
        stopped: Callable[[], Iterable[TopicPartition]],
    ) -> None:
        """It leads from now on, with this window; the others are asked when somebody asks for the metrics."""
        self._leads.set(1)
        self._window, self._lag, self._stopped = window, lag, stopped
        self._wrote_at = self._due_since = time.monotonic()

    def stands_by(self) -> None:
        self._leads.set(0)
        self._alarms.set(0)
        self._drift.set(0)
        self.backlog({})
        self._window = self._lag = self._stopped = self._wrote_at = None

    def lost(self) -> None:
        self.stands_by()
        self._failures.inc()

    def wrote(self, alarms: OpenAlarms) -> None:
        """Record that findings were written, and the numbers of open alarms."""
        self._wrote_at = time.monotonic()
        self._alarms.set(alarms.mappings)
        self._drift.set(alarms.drift)

    def backlog(self, due: Mapping[JudgedThing, int]) -> None:
        """Record how many judgements are due and not made yet."""
        for what in get_args(JudgedThing):
            self._backlog.labels(what=what).set(due.get(what, 0))
        if not any(due.values()):
            self._due_since = None
        elif self._due_since is None:
            self._due_since = time.monotonic()

    def read(self) -> None:
        self._read.inc()

    def left_out(self, reason: NotWatched) -> None:
        self._left_out.labels(reason=reason).inc()

    def judged(self, what: JudgedThing) -> None:
        self._judged.labels(what=what).inc()

    def refused(self, what: RefusedThing) -> None:
        """Record that the database refused what was found, and that it was stepped over."""
        self._refused.labels(what=what).inc()

    def text(self) -> bytes:
        """The metrics in Prometheus's text format."""
        return generate_latest(self.registry)

    def _lag_records(self) -> float:
        return 0.0 if self._lag is None else self._lag()

    def _events(self) -> float:
        return 0.0 if self._window is None else float(self._window.watched_count)

    def _bytes(self) -> float:
        return 0.0 if self._window is None else float(self._window.size)

    def _age_s(self) -> float:
        return 0.0 if self._wrote_at is None else time.monotonic() - self._wrote_at

    def _due_s(self) -> float:
        return 0.0 if self._due_since is None else time.monotonic() - self._due_since

    def _gauge(self, name: InsightMetric) -> Gauge:
        metric = INSIGHT_METRICS[name]
        return Gauge(name, metric.sentence, list(metric.labels), registry=self.registry)

    def _counter(self, name: InsightMetric) -> Counter:
        metric = INSIGHT_METRICS[name]
        counter = Counter(name, metric.sentence, list(metric.labels), registry=self.registry)
        for label, values in metric.labels.items():
            for value in values:
                counter.labels(**{label: value})
        return counter
