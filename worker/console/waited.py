"""Answers that a browser may stop waiting for: the checks of a form while somebody types.

Theory of operation. Each change of the form asks again, and the browser closes the connection of the question
before. Without more, all of them would be worked out to their end, one beside the other, for nobody.

1. The work runs in a task of its own. When the browser is gone, the task is cancelled.
2. A proxy may keep the connection of a browser that is gone. So a newer question of the same page cancels the
   one before as well: the page sends a name of its own, which two tabs do not share.
3. What takes seconds runs in a thread, which nobody can cancel. It gets ``proceed`` and calls it between its
   steps; once nobody waits, that raises, and the thread ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response

Result_co = TypeVar("Result_co", covariant=True)
Result = TypeVar("Result")


class NotWaitedForError(Exception):
    """Nobody waits for the result any more."""


class Stoppable(Protocol[Result_co]):
    """Work in steps; it calls ``proceed`` between them, and lets pass what that raises."""

    def __call__(self, *, proceed: Callable[[], None]) -> Result_co: ...


async def in_thread(work: Stoppable[Result]) -> Result:
    """Run it in a thread, which ends after its step when the caller is cancelled."""
    is_waited_for = True

    def proceed() -> None:
        if not is_waited_for:
            raise NotWaitedForError

    try:
        return await asyncio.to_thread(work, proceed=proceed)
    finally:
        is_waited_for = False


class NewestRequests:
    """What is being worked out for which page of which person: the newest request of each."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str, str], asyncio.Task[Response]] = {}

    async def answer(
        self, request: Request, person: str, tab: str, work: Callable[[], Awaitable[Response]]
    ) -> Response:
        """Return the answer; one without content if the browser is gone or the page has asked again.

        ``tab`` is the name that the page sends; empty for a page that has none.
        """
        if await request.is_disconnected():
            # It was sent before the one that is being worked out, and comes after it.
            return Response(status_code=HTTPStatus.NO_CONTENT)
        key = (person, request.url.path, tab)
        task = asyncio.ensure_future(work())
        if tab:
            before = self._running.get(key)
            if before is not None:
                _stop(before)
            self._running[key] = task
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not task.cancelled():
                return task.result()
            return Response(status_code=HTTPStatus.NO_CONTENT)
        finally:
            _stop(task)
            gone.cancel()
            if self._running.get(key) is task:
                del self._running[key]


def _stop(task: asyncio.Task[Response]) -> None:
    """Cancel it once: a second time would interrupt the rollback of its transaction."""
    if not task.cancelling():
        task.cancel()


async def _disconnected(request: Request) -> None:
    """Wait until the browser is gone. The body was read before."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
