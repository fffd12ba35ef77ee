"""Work in the background, one piece at a time: the next one begins when the one before it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Self


class InTurn:
    """Runs one task while the block continues; the next task, and the end of the block, wait for it.

    A task that fails ends the block with its error, at the next `take` or at the end; ``has_failed`` says so
    before. If the block fails, the task is cancelled.
    """

    def __init__(self) -> None:
        self._task: asyncio.Future[None] | None = None

    @property
    def under_way(self) -> asyncio.Future[None] | None:
        """The task that has not ended yet."""
        task = self._task
        return None if task is None or task.done() else task

    @property
    def has_failed(self) -> bool:
        task = self._task
        return (
            task is not None and task.done() and (task.cancelled() or task.exception() is not None)
        )

    async def take(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begin the work as soon as what is under way has ended."""
        await self._done()
        self._task = asyncio.ensure_future(work())

    async def _done(self) -> None:
        if self._task is not None:
            await self._task

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if failed is None:
            await self._done()
        elif (task := self.under_way) is not None:
            task.cancel()
            await asyncio.wait([task])
