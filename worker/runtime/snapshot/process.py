"""A snapshot process: keeps the newest odds of every event in a compacted topic."""

from __future__ import annotations

import structlog

from worker.kafka.retrying import jittered_backoff
from worker.runtime.liveness.watchdog import Awaited, Progress, Watchdog
from worker.runtime.process import Stop, end_in_order
from worker.runtime.serving import serve
from worker.runtime.snapshot.following import Snapshot
from worker.runtime.snapshot.metrics import SnapshotMetrics
from worker.runtime.telemetry.health import HealthServer
from worker.settings.connected import KafkaSettings

log = structlog.get_logger()


class SnapshotProcess:
    """Needs Kafka and no database."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._stop = Stop()
        self._settings = settings
        metrics = SnapshotMetrics()
        self._snapshot = Snapshot(settings, metrics, retry_delay=jittered_backoff())
        self._watchdog = Watchdog(
            self._look,
            Progress(settings.stall_timeout_s, 2 * settings.watchdog_interval_s),
            interval_s=settings.watchdog_interval_s,
        )
        self._health = HealthServer(
            settings.http_host,
            settings.http_port,
            metrics,
            not_ready=self._snapshot.not_ready,
            stalled=self._watchdog.stalled,
            not_started=self._not_started,
        )

    async def run(self) -> int:
        """Run until a signal or a fatal error; return the exit code."""
        return await serve(
            self._snapshot.run,
            self._settings,
            self._health,
            self._watchdog,
            self._stop,
            close=self._close,
        )

    async def _close(self) -> None:
        parts = {"endpoints": self._health.stop}
        await end_in_order(parts, self._settings.shutdown_timeout_s)
        log.info("snapshot_stopped")

    async def _look(self) -> list[Awaited]:
        return self._snapshot.standings()

    def _not_started(self) -> list[str]:
        """Return why it has not opened a partition yet; once it has, nothing, whatever happens later."""
        return [] if self._snapshot.has_opened else self._snapshot.not_ready()
