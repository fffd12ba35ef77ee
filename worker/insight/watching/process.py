"""An insight process: watches events, and judges mappings and missed markets by the odds."""

from __future__ import annotations

import structlog

from worker.insight.shipped import shipped_judge
from worker.insight.watching.following import Insight
from worker.insight.watching.metrics import InsightMetrics
from worker.kafka.retrying import jittered_backoff
from worker.runtime.liveness.watchdog import Awaited, Progress, Watchdog
from worker.runtime.process import Stop, end_in_order
from worker.runtime.serving import serve
from worker.runtime.telemetry.health import HealthServer
from worker.settings.connected import ConnectedSettings

log = structlog.get_logger()


class InsightProcess:
    """Needs Kafka and the database; writes to the database, and grades to a topic."""

    def __init__(self, settings: ConnectedSettings) -> None:
        self._stop = Stop()
        self._settings = settings
        metrics = InsightMetrics()
        self._insight = Insight(settings, shipped_judge(), metrics, retry_delay=jittered_backoff())
        self._watchdog = Watchdog(
            self._look,
            Progress(settings.stall_timeout_s, 2 * settings.watchdog_interval_s),
            interval_s=settings.watchdog_interval_s,
        )
        self._health = HealthServer(
            settings.http_host,
            settings.http_port,
            metrics,
            not_ready=self._not_ready,
            stalled=self._watchdog.stalled,
            not_started=self._not_started,
        )
        self._has_started = False

    async def run(self) -> int:
        """Run until a signal or a fatal error; return the exit code."""
        return await serve(
            self._insight.run,
            self._settings,
            self._health,
            self._watchdog,
            self._stop,
            close=self._close,
        )

    async def _close(self) -> None:
        parts = {"endpoints": self._health.stop}
        await end_in_order(parts, self._settings.shutdown_timeout_s)
        log.info("insight_stopped")

    async def _look(self) -> list[Awaited]:
        self._not_started()
        return self._insight.standings()

    def _not_started(self) -> list[str]:
        """Return why it has neither led nor stood by yet; once it has, nothing, whatever happens later."""
        insight = self._insight
        self._has_started = self._has_started or (insight.has_turned and insight.failed is None)
        return (
            []
            if self._has_started
            else ["the insight process neither leads nor stands by", *self._not_ready()]
        )

    def _not_ready(self) -> list[str]:
        return [] if self._insight.failed is None else [self._insight.failed]
