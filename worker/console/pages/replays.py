"""Replays: what was published again after a change or by a command, and how far it is."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.context import allowed, console_of, page
from worker.storage import replays

_MOST: Final = 50


@allowed("read")
async def list_(request: Request) -> Response:
    """The newest replays, and what this console could not publish again."""
    console = console_of(request)
    async with console.databases.reading() as connection:
        rows = [one async for one in replays.stream_newest(connection, _MOST)]
    return page(
        request,
        "replays.html",
        rows=rows,
        failed=list(console.republisher.failed),
        waiting=console.republisher.waiting,
    )


ROUTES: Final = [Route("/replays", list_, methods=["GET"])]
