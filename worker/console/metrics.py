"""What a console reports of itself, as metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from worker.runtime.telemetry.metric_list import (
    CONSOLE_METRICS,
    AnswerClass,
    ConsoleMetric,
    SignInResult,
)
from worker.runtime.telemetry.metrics import process_registry

_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class ConsoleMetrics:
    """A console's metrics, in a registry of their own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or process_registry()
        self._answers = self._counter("marketmap_console_answers_total")
        self._sign_ins = self._counter("marketmap_console_sign_ins_total")
        self._decisions = self._counter("marketmap_console_decisions_total")
        name: ConsoleMetric = "marketmap_console_page_seconds"
        self._seconds = Histogram(
            name, CONSOLE_METRICS[name].sentence, buckets=_BUCKETS, registry=self.registry
        )
        name = "marketmap_console_ready"
        self.ready = Gauge(name, CONSOLE_METRICS[name].sentence, registry=self.registry)

    def answered(self, status: int, seconds: float) -> None:
        answers: dict[int, AnswerClass] = {2: "ok", 3: "ok", 4: "refused", 5: "failed"}
        self._answers.labels(answer=answers.get(status // 100, "failed")).inc()
        self._seconds.observe(seconds)

    def signed_in(self, result: SignInResult) -> None:
        self._sign_ins.labels(result=result).inc()

    def decided(self) -> None:
        self._decisions.inc()

    def text(self) -> bytes:
        """The metrics in Prometheus's text format."""
        return generate_latest(self.registry)

    def _counter(self, name: ConsoleMetric) -> Counter:
        metric = CONSOLE_METRICS[name]
        counter = Counter(name, metric.sentence, list(metric.labels), registry=self.registry)
        for label, values in metric.labels.items():
            for value in values:
                counter.labels(**{label: value})
        return counter
