"""Ends a process whose event loop stands still, or whose shutdown does not come to its end.

It must need neither the event loop, nor the interpreter's lock, nor the log: faulthandler's own thread writes
the stacks of all threads to stderr and ends the process with exit code 1.
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
        """From now on the event loop must have a turn every ``timeout_s``."""
        self._beating = asyncio.create_task(self._beat())

    def last(self, within_s: float) -> None:
        """From now on the process must have ended ``within_s``."""
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
