"""What takes long for one page keeps no other page waiting, and a long past makes no page long."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import wraps
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from tests.integration.console.conftest import THREE_BOOKS
from worker.console.context import Console
from worker.console.databases import Databases
from worker.console.live import LiveChanges
from worker.console.metrics import ConsoleMetrics
from worker.console.pages import events
from worker.console.sign_in.people import Viewer
from worker.insight import boards
from worker.insight.watching import stored
from worker.settings.connected import DatabaseSettings

pytestmark = pytest.mark.services

PATIENCE_S = 20
EVENT = "sr:match:7"


@asynccontextmanager
async def application(url: str) -> AsyncIterator[Starlette]:
    """An application of these pages in this event loop."""
    settings = DatabaseSettings(database_url=url)
    databases = Databases(settings)
    app = Starlette()
    app.state.console = Console(settings, databases, LiveChanges(databases), ConsoleMetrics())
    try:
        yield app
    finally:
        await databases.close()


def asked(app: Starlette, path: str, query: str = "") -> Request:
    """A request of somebody who reads, and who waits for the answer."""

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [],
        "server": ("localhost", 80),
        "app": app,
        "viewer": Viewer("ada", ("reader",), "token"),
    }
    return Request(scope, receive)


def text_of(answer: Response) -> str:
    return bytes(answer.body).decode()


# Unpacking the boards, and arranging their prices.
@pytest.mark.parametrize(
    ("page", "module", "name"),
    [
        (events.show, stored, "read_together"),
        (events.show, boards, "read"),
        (events.show_proofs, stored, "read_together"),
    ],
)
async def test_others_are_answered_while_an_event_is_worked_out(
    migrated: str,
    mapped: Callable[[str], int],
    watch: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    page: Callable[[Request], Any],
    module: SimpleNamespace,
    name: str,
) -> None:
    mapped(THREE_BOOKS)
    watch(EVENT, betpawa={"Yes": 1.4, "No": 2.9}, sportybet={"Yes": 1.41, "No": 2.85})
    begun, is_answered, real = asyncio.Event(), threading.Event(), getattr(module, name)
    loop = asyncio.get_running_loop()

    @wraps(real)
    def held(*given: Any, **named: Any) -> Any:
        loop.call_soon_threadsafe(begun.set)
        assert is_answered.wait(PATIENCE_S), "nobody was answered meanwhile"
        return real(*given, **named)

    monkeypatch.setattr(module, name, held)
    async with application(migrated) as app:
        opened = asyncio.ensure_future(page(asked(app, "/event", f"id={EVENT}")))
        async with asyncio.timeout(PATIENCE_S):
            await begun.wait()
        assert EVENT in text_of(await events.list_(asked(app, "/events")))
        is_answered.set()
        assert EVENT in text_of(await opened)
