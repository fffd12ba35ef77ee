"""A relay as a process of its own."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial

import structlog

from worker.app.backoff import jittered_backoff
from worker.app.covering import cover_changes
from worker.app.health import HealthServer
from worker.app.lifetime import Stop, background, signals
from worker.app.relay import Relay
from worker.app.relay_metrics import RelayMetrics
from worker.app.settings import Settings
from worker.storage.engine import create_engine

log = structlog.get_logger()


class RelayProcess:
    def __init__(self, settings: Settings) -> None:
        self._stop = Stop()
        self._timeout_s = settings.shutdown_timeout_s
        metrics = RelayMetrics()
        self._engine = create_engine(
            settings.database_url or "", application_name="marketmap-covering", pool_size=1
        )
        self._relay = Relay(
            settings,
            metrics,
            retry_delay=jittered_backoff(),
            on_published=partial(cover_changes, self._engine),
        )
        self._health = HealthServer(settings.http_host, settings.http_port, metrics, self._not_ready)

    async def run(self) -> int:
        """Run until a signal or a fatal error; the exit code."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(signals(self._stop.ask))
            stack.push_async_callback(self._engine.dispose)
            stack.push_async_callback(self._health.stop)
            try:
                await self._health.start()
                log.info("listening", address=self._health.address)
                await stack.enter_async_context(background(self._relay.run, self._stop.fail))
                await self._stop.wait()
            except Exception as error:  # noqa: BLE001  # whatever it is: a log line that says so, and exit code 1
                self._stop.fail(error)
            await self._close(stack.pop_all())
        return 0 if self._stop.error is None else 1

    async def _close(self, stack: AsyncExitStack) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await stack.aclose()
        except TimeoutError:
            log.error("shutdown_timed_out", timeout_s=self._timeout_s)  # noqa: TRY400  # it says all
        else:
            log.info("relay_stopped")

    def _not_ready(self) -> list[str]:
        return [] if self._relay.failed is None else [self._relay.failed]
