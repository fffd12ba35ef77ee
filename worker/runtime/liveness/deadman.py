"""Ends a process whose event loop hangs, or whose shutdown does not come to an end.

Theory of operation. faulthandler has a timer with a thread of its own, in C. It needs neither the event loop
nor the interpreter's lock nor the log, so it fires even if a C extension never returns. When it fires it
writes the stacks of all threads to stderr and ends the process with exit code 1.

While the worker runs, a task of the event loop resets the timer every second: the timer fires if the loop has
no turn for `stall_timeout_s`. When the shutdown begins, the timer is set one last time and not reset any
more: the process ends by then, whatever hangs.
"""

from __future__ import annotations

import asyncio
import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_BEAT_S: Final = 1.0


class Deadman:
    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Require from now on that the event loop has a turn every ``timeout_s``."""
        self._beating = asyncio.create_task(self._beat())

    def last(self, within_s: float) -> None:
        """Require that the process ends ``within_s`` from now."""
        self._stop_beating()
        faulthandler.dump_traceback_later(within_s, exit=True)

    def stop(self) -> None:
        self._stop_beating()
        faulthandler.cancel_dump_traceback_later()

    def _stop_beating(self) -> None:
        if self._beating is not None:
            self._beating.cancel()

    async def _beat(self) -> None:
        while True:
            faulthandler.dump_traceback_later(self._timeout_s, exit=True)
            await asyncio.sleep(min(_BEAT_S, self._timeout_s / 4))


@contextmanager
def deadman(timeout_s: float) -> Iterator[Deadman]:
    guard = Deadman(timeout_s)
    guard.start()
    try:
        yield guard
    finally:
        guard.stop()
