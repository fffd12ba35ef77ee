"""Work that lasts as long as its process: that of a relay, a snapshot process, an insight process.

It cannot go on while Kafka or Postgres is unavailable. Then it waits and begins again, and does not end its
process: whoever would start that again could do no better.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import ClassVar

from worker.domain.errors import TransientError
from worker.runtime.liveness.watchdog import Awaited
from worker.storage.errors import StorageError


class RetriedWork(ABC):
    """Runs until cancelled; waits for what is unavailable. ``failed`` says why it cannot work, else None.

    ``name`` is that of the work for the watchdog; ``stuck`` and ``not_begun`` are said of it when it does not
    move, and until ``has_begun``.
    """

    name: ClassVar[str]
    stuck: ClassVar[str]
    not_begun: ClassVar[str]

    def __init__(self, retry_delay: Callable[[int], float]) -> None:
        self._retry_delay = retry_delay
        self._turns = 0
        self._rests = True  # until it runs, nothing should move
        self.failed: str | None = None
        self.has_begun = False

    @abstractmethod
    async def _work(self) -> None:
        """Work until something is unavailable: raise StorageError or TransientError then."""

    @abstractmethod
    def _gave_up(self, error: str, attempt: int) -> None:
        """Log it and count it: the work begins again after a pause."""

    async def run(self) -> None:
        attempt = 0
        self._rests = False
        while True:
            try:
                await self._work()
            except (StorageError, TransientError) as error:
                attempt = 0 if self.failed is None else attempt + 1
                self.failed = str(error)
                self.moved()
                self._gave_up(self.failed, attempt)
                await self._rest(asyncio.sleep(self._retry_delay(attempt)))

    def moved(self) -> None:
        """Say that something has been done."""
        self._turns += 1

    def standings(self) -> list[Awaited]:
        """Return what should move: the work itself, unless it waits."""
        return [] if self._rests else [Awaited(self.name, self._turns, self.stuck)]

    def not_ready(self) -> list[str]:
        return [] if self.failed is None else [self.failed]

    def not_started(self) -> list[str]:
        """Return why it has not begun yet; once it has, nothing, whatever happens later."""
        return [] if self.has_begun else [self.not_begun, *self.not_ready()]

    def _goes_on(self) -> None:
        """Say that nothing is in its way."""
        self.failed = None
        self.has_begun = True
        self.moved()

    async def _rest(self, waiting: Awaitable[None]) -> None:
        self._rests = True
        try:
            await waiting
        finally:
            self._rests = False
