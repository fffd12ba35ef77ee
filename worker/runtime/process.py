"""What every long-running process needs: a reason to stop, signals, background work, and an end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, NoReturn

import structlog

from worker.domain.errors import FatalError
from worker.runtime.telemetry.log_events import Event

log = structlog.get_logger()

# Cancelled work has this long to end; a client library may delay a cancellation for ever.
_CANCELLED_S: Final = 5.0
# Time for one part to end; the broker or the database may be unavailable.
_PART_S: Final = 5.0


class Stop:
    """The reason to stop: a request, or a fatal error. The first one counts."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.error: BaseException | None = None

    def ask(self) -> None:
        self._asked.set()

    def fail(self, error: BaseException) -> None:
        if not self._asked.is_set():
            self.error = error
            # What is known to end a process is a sentence; of anything else it matters where it came from.
            trace = None if isinstance(error, FatalError) else error
            log.error("fatal", error=str(error), kind=type(error).__name__, exc_info=trace)
        self._asked.set()

    async def wait(self) -> None:
        await self._asked.wait()

    async def comes_after(self, work: Awaitable[None]) -> bool:
        """Do ``work``; return False if a reason to stop came first, and cancel the work then."""
        task = asyncio.ensure_future(work)
        asked = asyncio.ensure_future(self._asked.wait())
        await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_CANCELLED_S)
            return False
        task.result()
        return True


@asynccontextmanager
async def signals(handler: Callable[[], None]) -> AsyncIterator[None]:
    """Call ``handler`` on SIGTERM or SIGINT. A second one ends the process at once, with 128 + its number."""
    loop = asyncio.get_running_loop()
    asked = False

    def heard(number: signal.Signals) -> None:
        nonlocal asked
        if asked:
            log.error("ended_at_once", signal=number.name)
            leave(128 + number)
        asked = True
        log.info("stopping", signal=number.name)
        handler()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, partial(heard, number))
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def background(
    work: Callable[[], Awaitable[None]], on_error: Callable[[BaseException], None]
) -> AsyncIterator[None]:
    """Run ``work`` during the block; pass what it raises to ``on_error``."""

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
        await asyncio.wait({task}, timeout=_CANCELLED_S)


async def until_done(
    work: Callable[[], Awaitable[None]],
    failure: type[Exception],
    retry_delay: Callable[[int], float],
    event: Event,
) -> None:
    """Repeat ``work`` until it no longer raises ``failure``; log ``event`` each time."""
    attempt = 0
    while True:
        try:
            return await work()
        except failure as error:
            log.warning(event, error=str(error))
            await asyncio.sleep(retry_delay(attempt))
            attempt += 1


async def ended(part: str, work: Awaitable[Any], within_s: float) -> bool:
    """Do ``work``; return whether it finished in time. If not, or if it raises, log which part it was.

    Work that takes too long is cancelled and not waited for.
    """
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=max(0.0, within_s))
    if not done:
        task.cancel()
        log.warning("not_stopped", part=part, error=f"it takes longer than {within_s:.1f} s")
        return False
    if task.cancelled() or (error := task.exception()) is None:
        return True
    log.warning("not_stopped", part=part, error=repr(error))
    return False


async def end_in_order(parts: Mapping[str, Callable[[], Awaitable[Any]]], within_s: float) -> None:
    """End one part after the other. A part that hangs or raises does not keep the others from ending."""
    deadline_s = time.monotonic() + within_s
    for left, (part, end) in zip(range(len(parts), 0, -1), parts.items(), strict=True):
        await ended(part, end(), min(_PART_S, (deadline_s - time.monotonic()) / left))


def run_process(work: Callable[[], Coroutine[Any, Any, int]]) -> NoReturn:
    """Run an event loop for the one piece of work of this process; exit with the code that it returns."""
    try:
        code = asyncio.Runner().run(work())
    except BaseException:  # noqa: BLE001  # the process ends here, whatever it was
        traceback.print_exc()
        code = 1
    leave(code)


def leave(code: int) -> NoReturn:
    """End the process after flushing its output.

    The interpreter's own exit would wait for threads, and these for an unavailable broker.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
