"""A relay as a process of its own."""

from __future__ import annotations

from functools import partial

import structlog

from worker.kafka.retrying import jittered_backoff
from worker.runtime.index.covering import cover_changes
from worker.runtime.liveness.watchdog import Awaited, Progress, Watchdog
from worker.runtime.process import Stop, end_in_order
from worker.runtime.relay.metrics import RelayMetrics
from worker.runtime.relay.publishing import Relay
from worker.runtime.serving import serve
from worker.runtime.telemetry.health import HealthServer
from worker.settings.connected import ConnectedSettings
from worker.storage.engine import create_engine

log = structlog.get_logger()


class RelayProcess:
    def __init__(self, settings: ConnectedSettings) -> None:
        self._stop = Stop()
        metrics = RelayMetrics()
        self._engine = create_engine(
            settings.database_url, application_name="marketmap-covering", pool_size=1
        )
        self._relay = Relay(
            settings,
            metrics,
            retry_delay=jittered_backoff(),
            on_published=partial(cover_changes, self._engine),
        )
        self._settings = settings
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
            self._relay.run,
            self._settings,
            self._health,
            self._watchdog,
            self._stop,
            close=self._close,
        )

    async def _close(self) -> None:
        parts = {"database": self._engine.dispose, "endpoints": self._health.stop}
        await end_in_order(parts, self._settings.shutdown_timeout_s)
        log.info("relay_stopped")

    async def _look(self) -> list[Awaited]:
        self._not_started()
        return self._relay.standings()

    def _not_started(self) -> list[str]:
        """Return why it has neither led nor stood by yet; once it has, nothing, whatever happens later."""
        self._has_started = self._has_started or (
            self._relay.has_turned and self._relay.failed is None
        )
        return (
            []
            if self._has_started
            else ["the relay neither leads nor stands by", *self._not_ready()]
        )

    def _not_ready(self) -> list[str]:
        return [] if self._relay.failed is None else [self._relay.failed]
