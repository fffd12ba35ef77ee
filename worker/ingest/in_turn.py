"""Work in the background, one piece at a time: the next one begins when the one before it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Self

import structlog

log = structlog.get_logger()

_LEFT_S: Final = 5.0


class InTurn:
    """Runs one piece of work while the block continues. The next one, and the end of the block, wait for it.

    Work that fails ends the block with its error, at the next `take` or at the end; ``has_failed`` says so
    before. If the block itself fails, the work is left ``left_s`` to end, and cancelled then. Nobody waits
    for what it does with that: a client library may delay a cancellation for ever.
    """

    def __init__(self, left_s: float = _LEFT_S) -> None:
        self._left_s = left_s
        self._task: asyncio.Future[None] | None = None

    @property
    def under_way(self) -> asyncio.Future[None] | None:
        """The work that has not ended yet."""
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

    async def __aexit__(
        self, _: type[BaseException] | None, failure: BaseException | None, *__: object
    ) -> None:
        if failure is None:
            await self._done()
        elif self._task is not None:
            await self._leave(self._task, failure)

    async def _leave(self, task: asyncio.Future[None], failure: BaseException) -> None:
        await asyncio.wait([task], timeout=self._left_s)
        if not task.done():
            task.cancel()
        elif not task.cancelled() and task.exception() not in (None, failure):
            log.warning("failed_as_well", error=repr(task.exception()))
