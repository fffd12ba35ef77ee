"""How a process runs that has endpoints, a watchdog and one piece of work: a relay, a snapshot process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import structlog

from worker.runtime.liveness.deadman import deadman
from worker.runtime.liveness.watchdog import Watchdog
from worker.runtime.process import Stop, background, signals
from worker.runtime.telemetry.health import HealthServer
from worker.settings.settings import Settings

log = structlog.get_logger()


async def serve(
    work: Callable[[], Awaitable[None]],
    settings: Settings,
    health: HealthServer,
    watchdog: Watchdog,
    stop: Stop,
    *,
    close: Callable[[], Awaitable[None]],
) -> int:
    """Run ``work`` until a signal, ``stop`` or a fatal error, then ``close``; return the exit code."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(signals(stop.ask))
        guard = stack.enter_context(deadman(settings.stall_timeout_s))
        stack.push_async_callback(close)
        try:
            await health.start()
            log.info("listening", address=health.address)
            await stack.enter_async_context(background(watchdog.run, stop.fail))
            await stack.enter_async_context(background(work, stop.fail))
            await stop.wait()
        except Exception as error:  # noqa: BLE001  # whatever it is: a log line that says so, and exit code 1
            stop.fail(error)
        guard.last(settings.shutdown_timeout_s)
    return 0 if stop.error is None else 1
