"""Fixtures for the console on a real database: rows as the workers and the insight process leave them."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import asyncpg
import pytest
from playwright.sync_api import Browser

from tests.integration.conftest import empty
from tests.support.editing.queue_rows import NOON, add_miss
from tests.support.services.browser import chromium
from tests.support.services.console import ConsoleClient, ConsoleRun, running_console
from worker.domain.books.platforms import Platform
from worker.domain.mapping import parse_mapping
from worker.insight.boards import Board, Sold
from worker.insight.watching.stored import StoredBoard, pack, pack_together
from worker.operations.mappings import editing
from worker.operations.mappings.files import parse_values
from worker.storage.editing import editing as edit_mappings
from worker.storage.engine import opened

T = TypeVar("T")
ConsoleQuery = Callable[..., list[dict[str, Any]]]
BTTS = """
canonical_id: btts
name: Both Teams To Score
sportybet_id: 29
outcome_mapping:
  - {canonical_id: yes, sportybet_desc: Yes}
  - {canonical_id: no, sportybet_desc: No}
"""
THREE_BOOKS = (
    BTTS.replace("sportybet_id: 29", "sportybet_id: 29\nbetpawa_id: 3795\nbet9ja_key: S_GGNG")
    .replace("sportybet_desc: Yes", "sportybet_desc: Yes, betpawa_name: Yes, bet9ja_suffix: Y")
    .replace("sportybet_desc: No", "sportybet_desc: No, betpawa_name: No, bet9ja_suffix: N")
)
HOSTILE_MARKET = "<img src=x onerror=alert(1)>"
WATCHED = """
INSERT INTO watched_event (event, home, away, starts_at, seen_at, books, boards)
VALUES ($1, $2, 'Blues', $3, $3, $4, $5)
"""
SUGGESTION = """
INSERT INTO suggestion
    (source, external_market_id, rank, market_name, canonical_id, version, line_kind, outcomes, unmatched,
        evidence, events, likeness, confidence, is_confident, reason)
VALUES ($1, $2, CAST($3 AS smallint), 'GG/NG', 'btts',
    $4, 'none', $5, '[]', '{}', 12, 0.9, 0.98, CAST($3 AS smallint) = 1,
    'from other bookmakers 0.02 in 24 prices of 12 events')
"""


def in_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run it in an event loop of its own: a browser that is driven has one in this thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@pytest.fixture
def migrated(shared_database: str) -> str:
    """As the fixture of that name elsewhere, for tests whose thread a browser's driver uses."""
    in_thread(empty(shared_database))
    return shared_database


@pytest.fixture
def query(migrated: str) -> ConsoleQuery:
    """`query(sql, *values)`: one statement in a transaction of its own; returns its rows."""

    async def run(sql: str, values: Sequence[object]) -> list[dict[str, Any]]:
        connection = await asyncpg.connect(migrated)
        try:
            return [dict(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    return lambda sql, *values: in_thread(run(sql, values))


@pytest.fixture
def miss(query: ConsoleQuery) -> Callable[..., None]:
    """`miss("sportybet", "800", "Name", ["Yes"])`: a row of the queue, as a worker leaves it."""
    return partial(add_miss, query)


@pytest.fixture
def mapped(migrated: str) -> Callable[[str], int]:
    """`mapped(yaml)`: create a mapping as the commands do; returns its version."""

    async def make(text: str) -> int:
        async with (
            opened(migrated, pool_size=1) as engine,
            edit_mappings(engine, actor="ada", reason="to begin with") as edit,
        ):
            change = await editing.create(
                edit, parse_mapping({"priority": 0, **parse_values(text)})
            )
            assert change.version is not None
            return change.version

    return lambda text: in_thread(make(text))


@pytest.fixture
def suggest(query: ConsoleQuery) -> Callable[..., None]:
    def add(
        source: str, market_id: str, version: int, outcomes: dict[str, str], rank: int = 1
    ) -> None:
        query(SUGGESTION, source, market_id, rank, version, json.dumps(outcomes))

    return add


@pytest.fixture
def watch(query: ConsoleQuery) -> Callable[..., None]:
    """`watch(event, betpawa={"Yes": 1.8, "No": 1.95}, ...)`: an event as the insight process stores it."""

    def add(event: str, home: str = "Reds", **sold: Any) -> None:
        ids: dict[Platform, str] = {"betpawa": "3795", "sportybet": "29", "bet9ja": "S_GGNG"}
        boards: dict[Platform, StoredBoard] = {}
        for platform, market_id in ids.items():
            if platform in sold:
                age = timedelta(hours=2 if platform in sold.get("old", ()) else 0)
                rows = [Sold(market_id, None, "GG/NG", sold[platform], 0)]
                if platform == "bet9ja":
                    rows.append(Sold("S_X", None, HOSTILE_MARKET, {"1": 2.0}, 0))
                board = Board(event, platform, None, tuple(rows))
                boards[platform] = pack(board, NOON - age)
        query(WATCHED, event, home, NOON, len(boards), pack_together(boards))

    return add


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(autouse=True)
def pages_are_closed(request: pytest.FixtureRequest) -> Iterator[None]:
    """An open page asks its console for changes for ever, also once that has ended."""
    yield
    if "browser" in request.fixturenames:
        for context in request.getfixturevalue("browser").contexts:
            context.close()


@pytest.fixture
def console(migrated: str) -> Iterator[ConsoleRun]:
    """A console on which nobody signs in."""
    with running_console(migrated, actor="ada") as run:
        yield run


@pytest.fixture
def client(console: ConsoleRun) -> ConsoleClient:
    return console.client()
