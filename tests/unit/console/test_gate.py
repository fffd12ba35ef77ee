"""A defect of a page is answered as every page is: with the headers that keep a browser in bounds."""

import asyncio
import time

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from worker.console.context import Console
from worker.console.databases import Databases
from worker.console.gate import HEADERS, Gate
from worker.console.live import LiveChanges
from worker.console.metrics import ConsoleMetrics
from worker.console.sign_in.door import Door
from worker.settings.connected import with_database
from worker.settings.settings import Settings

SCOPE = {
    "type": "http",
    "method": "GET",
    "path": "/queue",
    "query_string": b"",
    "headers": [(b"host", b"127.0.0.1:8090")],
    "client": ("127.0.0.1", 4000),
    "server": ("127.0.0.1", 8090),
    "scheme": "http",
}


async def fails(_: Scope, __: Receive, ___: Send) -> None:
    raise ValueError("a defect")


async def fails_late(_: Scope, __: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ValueError("a defect")


async def failed(_: Request, error: Exception) -> Response:
    return PlainTextResponse(f"failed: {type(error).__name__}", status_code=500)


def ask(app: object) -> list[Message]:
    settings = with_database(Settings(database_url="postgresql://nobody@127.0.0.1:1/none"))
    assert settings is not None
    databases = Databases(settings)
    console = Console(settings, databases, LiveChanges(databases), ConsoleMetrics())
    gate = Gate(app, console=console, door=Door(settings, time.monotonic), failed=failed)  # type: ignore[arg-type]
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(gate(dict(SCOPE), receive, send))
    return sent


def test_a_page_that_fails_has_the_headers_of_every_page() -> None:
    start, body = ask(fails)
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    assert start["status"] == 500
    assert headers.items() >= HEADERS.items()
    assert headers["cache-control"] == "no-store"
    assert body["body"] == b"failed: ValueError"


def test_a_page_that_fails_after_it_has_begun_is_not_answered_twice() -> None:
    with pytest.raises(ValueError, match="a defect"):
        ask(fails_late)
