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

from tests.integration.console.conftest import THREE_BOOKS, ConsoleQuery
from tests.support.plans import looked_at, rows_of_log, said_by_all
from worker.console.context import Console
from worker.console.databases import Databases
from worker.console.live import LiveChanges
from worker.console.metrics import ConsoleMetrics
from worker.console.pages import events, home, mappings
from worker.console.rendering import count
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


LENGTHEN = """
INSERT INTO mapping_audit_log (mapping_id, canonical_id, action, old_value, new_value, created_at)
SELECT mapping_id, canonical_id, 'UPDATE', new_value, new_value, created_at
FROM mapping_audit_log CROSS JOIN generate_series(1, 2000)
"""


async def test_of_a_long_history_the_page_reads_what_it_shows(
    migrated: str, mapped: Callable[[str], int], query: ConsoleQuery
) -> None:
    first = mapped(THREE_BOOKS)
    query(LENGTHEN)
    async with application(migrated) as app:
        with said_by_all() as said:
            page = text_of(await mappings.show(asked(app, "/mapping", "id=btts")))
        assert rows_of_log(said) == 100
        assert f"The last 100 of {count(2001)} changes." in page
        assert f"at version {first + 2000}," in page
        with said_by_all() as said:
            wanted = f"id=btts&from={first}&to={first + 7}"
            compared = text_of(await mappings.show(asked(app, "/mapping", wanted)))
        assert rows_of_log(said) == 102
        assert f"From version {first} to version {first + 7}" in compared


# Markets that were mapped, missed again, and mapped again; and an older one that is open.
DONE = """
INSERT INTO unmapped_market_log (
    source, external_market_id, occurrence_count, first_seen_at, last_seen_at, status, mapped_version
)
SELECT 'bet9ja', 'done ' || i, 1, now(), now(), 'MAPPED', 1 FROM generate_series(1, 20000) AS i
UNION ALL SELECT 'bet9ja', 'old', 1, now(), now(), 'NEW', NULL
"""
DONE_CASES = """
INSERT INTO miss_case (source, external_market_id, owner, regressed_at)
SELECT source, external_market_id, $1, now() - id * interval '1 second' FROM unmapped_market_log
"""
NEWER = """
WITH added AS (
    INSERT INTO unmapped_market_log (
        source, external_market_id, occurrence_count, first_seen_at, last_seen_at, status
    ) VALUES ('bet9ja', 'again', 1, now(), now(), 'NEW')
    RETURNING source, external_market_id
)
INSERT INTO miss_case (source, external_market_id, owner, regressed_at)
SELECT source, external_market_id, 'ada', now() + interval '1 day' FROM added
"""


async def test_home_looks_at_the_newest_cases_however_many_are_done(
    migrated: str, query: ConsoleQuery
) -> None:
    query(DONE)
    query(DONE_CASES, "ada")
    query("ANALYZE")
    async with application(migrated) as app:
        with said_by_all() as said:
            page = text_of(await home.show(asked(app, "/")))
        lists = [one for one in said if ") AS miss_case" in one.sql]
        console: Console = app.state.console
        async with console.databases.reading() as connection:
            read = [await looked_at(connection, one) for one in lists]
        assert len(read) == 2
        assert all(0 < one["unmapped_market_log"] <= 1_000 for one in read), read
        # Those that regressed are read in the order of their index, with all of the same moment.
        assert min(one["miss_case"] for one in read) <= 1_100, read
        assert page.count(f"(0 of the newest {count(1000)} cases)") == 2
        assert page.count("None of these is open now") == 2
        query(NEWER)
        page = text_of(await home.show(asked(app, "/")))
        assert page.count(f"(1 of the newest {count(1000)} cases)") == 2
