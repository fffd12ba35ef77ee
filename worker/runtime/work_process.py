"""A process of one work that is retried, with its watchdog and its endpoints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from worker.runtime.liveness.watchdog import Awaited, Progress, Watchdog
from worker.runtime.process import Stop, end_in_order
from worker.runtime.retried_work import RetriedWork
from worker.runtime.serving import serve
from worker.runtime.telemetry.health import HealthServer, MetricsText
from worker.settings.settings import Settings


async def run_work(
    work: RetriedWork,
    settings: Settings,
    metrics: MetricsText,
    *,
    on_stopped: Callable[[], None],
    **parts: Callable[[], Awaitable[None]],
) -> int:
    """Run ``work`` until a signal or a fatal error; return the exit code.

    ``parts`` are what else ends with the process, by their names. ``on_stopped`` is called at the end.
    """
    stop = Stop()

    async def look() -> list[Awaited]:
        return work.standings()

    watchdog = Watchdog(
        look,
        Progress(settings.stall_timeout_s, 2 * settings.watchdog_interval_s),
        interval_s=settings.watchdog_interval_s,
    )
    health = HealthServer(
        settings.http_host,
        settings.http_port,
        metrics,
        not_ready=work.not_ready,
        stalled=watchdog.stalled,
        not_started=work.not_started,
    )

    async def close() -> None:
        await end_in_order(parts | {"endpoints": health.stop}, settings.shutdown_timeout_s)
        on_stopped()

    return await serve(work.run, settings, health, watchdog, stop, close=close)
