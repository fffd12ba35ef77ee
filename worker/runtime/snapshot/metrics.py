"""What a snapshot process reports of itself, as metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from schemas.latest import TOMBSTONE_HEADER
from worker.kafka.record import Outgoing
from worker.runtime.telemetry.metric_list import SNAPSHOT_METRICS, LeftOut, SnapshotMetric
from worker.runtime.telemetry.metrics import process_registry
from worker.runtime.telemetry.stopped import StoppedPartitions, unreadable


class SnapshotMetrics:
    """A snapshot process's metrics, in a registry of their own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or process_registry()
        self._read = self._counter("marketmap_snapshot_read_total")
        self._left_out = self._counter("marketmap_snapshot_left_out_total")
        self._written = self._counter("marketmap_snapshot_written_total")
        self._tombstones = self._counter("marketmap_snapshot_tombstones_total")
        self._failures = self._counter("marketmap_snapshot_failures_total")
        self._partitions = self._gauge("marketmap_snapshot_partitions")
        self._keys = self._gauge("marketmap_snapshot_keys")
        self._lag = self._gauge("marketmap_snapshot_lag_records")

    def read(self) -> None:
        self._read.inc()

    def left_out(self, reason: LeftOut) -> None:
        """A resolved event that is not newer than what is there, or not to be taken."""
        self._left_out.labels(reason=reason).inc()

    def written(self, outputs: Iterable[Outgoing]) -> None:
        for output in outputs:
            if output.value is not None:
                self._written.inc()
            else:
                reason = dict(output.headers)[TOMBSTONE_HEADER] or b""
                self._tombstones.labels(reason=reason.decode()).inc()

    def failed(self) -> None:
        self._failures.inc()

    def watch(
        self,
        partitions: Callable[[], float],
        keys: Callable[[], float],
        lag: Callable[[], float],
        stopped: Callable[[], Iterable[TopicPartition]],
    ) -> None:
        """Ask these when somebody asks for the metrics."""
        self._partitions.set_function(partitions)
        self._keys.set_function(keys)
        self._lag.set_function(lag)
        self.registry.register(StoppedPartitions(lambda: unreadable(stopped())))

    def text(self) -> bytes:
        """The metrics in Prometheus's text format."""
        return generate_latest(self.registry)

    def _gauge(self, name: SnapshotMetric) -> Gauge:
        return Gauge(name, SNAPSHOT_METRICS[name].sentence, registry=self.registry)

    def _counter(self, name: SnapshotMetric) -> Counter:
        metric = SNAPSHOT_METRICS[name]
        counter = Counter(name, metric.sentence, list(metric.labels), registry=self.registry)
        for label, values in metric.labels.items():
            for value in values:
                counter.labels(**{label: value})
        return counter
