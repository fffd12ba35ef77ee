"""What every long-running process needs: a reason to stop, signals, and work beside the main one."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

log = structlog.get_logger()


class Stop:
    """Why the process is to stop: asked to, or by a fatal error. The first reason counts."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.error: BaseException | None = None

    def ask(self) -> None:
        self._asked.set()

    def fail(self, error: BaseException) -> None:
        if not self._asked.is_set():
            self.error = error
            log.error("fatal", error=str(error), kind=type(error).__name__, exc_info=error)
        self._asked.set()

    async def wait(self) -> None:
        await self._asked.wait()


@asynccontextmanager
async def signals(handler: Callable[[], None]) -> AsyncIterator[None]:
    """Call ``handler`` on SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def background(
    work: Callable[[], Awaitable[None]], on_error: Callable[[BaseException], None]
) -> AsyncIterator[None]:
    """Run ``work`` beside; what it raises is handed to ``on_error``."""

    async def guarded() -> None:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  # a background task that died silently would be a lost alarm
            on_error(error)

    task = asyncio.create_task(guarded())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
