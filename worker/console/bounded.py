"""What takes seconds of CPU or reads a topic: only a few at the same time, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

from worker.console.context import RefusedError


class BoundedWork:
    """At most ``most`` at the same time; whoever waits longer than ``patience_s`` is refused in words."""

    def __init__(self, most: int, patience_s: float) -> None:
        self._places = asyncio.Semaphore(most)
        self._patience_s = patience_s

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, and give it back at the end. Raises RefusedError."""
        try:
            async with asyncio.timeout(self._patience_s):
                await self._places.acquire()
        except TimeoutError:
            raise RefusedError(
                "The console is busy with this for other people.",
                HTTPStatus.SERVICE_UNAVAILABLE,
                lines=("Try it again in a moment.",),
            ) from None
        try:
            yield
        finally:
            self._places.release()
