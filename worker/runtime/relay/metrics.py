"""What a relay reports of itself, as metrics."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from worker.runtime.telemetry.metric_list import RELAY_METRICS, RelayMetric
from worker.runtime.telemetry.metrics import process_registry
from worker.storage.lead import Pending


class RelayMetrics:
    """A relay's metrics, in a registry of their own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or process_registry()
        self._leads = self._gauge("marketmap_relay_leads")
        self._version = self._gauge("marketmap_relay_version")
        self._backlog = self._gauge("marketmap_relay_backlog")
        self._age = self._gauge("marketmap_relay_age_seconds")
        self._published = self._counter("marketmap_relay_published_total")
        self._skipped = self._counter("marketmap_relay_skipped_total")
        self._failures = self._counter("marketmap_relay_failures_total")
        self._since: datetime | None = None
        self._age.set_function(self._age_s)

    def leads(self, version: int) -> None:
        self._leads.set(1)
        self._version.set(version)

    def lost(self) -> None:
        self._leads.set(0)
        self._failures.inc()

    def stands_by(self) -> None:
        """Another relay leads, and reports what is still to be published."""
        self._backlog.set(0)
        self._since = None

    def pending(self, pending: Pending) -> None:
        self._backlog.set(pending.changes)
        self._since = pending.since

    def published(self, changes: int, version: int) -> None:
        self._published.inc(changes)
        self._version.set(version)

    def skipped(self, changes: int) -> None:
        """Audit rows that the cursor has passed and of which nothing could be published."""
        self._skipped.inc(changes)

    def text(self) -> bytes:
        """The metrics in Prometheus's text format."""
        return generate_latest(self.registry)

    def _age_s(self) -> float:
        if self._since is None:
            return 0.0
        # Whoever owns the log can write a time that is still to come.
        return max(0.0, (datetime.now(UTC) - self._since).total_seconds())

    def _gauge(self, name: RelayMetric) -> Gauge:
        return Gauge(name, RELAY_METRICS[name].sentence, registry=self.registry)

    def _counter(self, name: RelayMetric) -> Counter:
        return Counter(name, RELAY_METRICS[name].sentence, registry=self.registry)
