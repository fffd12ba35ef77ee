"""One order of locks, in a database whose language sorts otherwise than bytes do.

`a` comes before `B` in English, and after it by bytes. Somebody holds `B`: whoever takes locks in the order
of bytes then waits and holds no other row, and whoever takes them in the order of the language holds `a`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.editing.edits import fetch
from tests.support.services.english_postgres import LOCALE, english_postgres
from tests.support.services.installation import execute, until
from worker.storage import misses
from worker.storage.engine import create_engine, transaction
from worker.storage.ledger import Ledger, MissRow
from worker.storage.migrate import upgrade
from worker.storage.watermarks import WatermarkKey, WatermarkMove

pytestmark = pytest.mark.services

TOPIC_ID = "c29tZS10b3BpYy1pZF8tMQ"
KEYS = [("sportybet", "a"), ("sportybet", "B")]
FIRST = "SELECT id FROM unmapped_market_log WHERE external_market_id = 'B' FOR UPDATE"
OTHER = "SELECT id FROM unmapped_market_log WHERE external_market_id = 'a' FOR UPDATE NOWAIT"
WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
Act = Callable[[AsyncEngine, list[MissRow]], Coroutine[Any, Any, object]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with english_postgres(tmp_path_factory.mktemp("english")) as url:
        yield url


@pytest.fixture
async def english(server: str) -> AsyncIterator[str]:
    name = f"english_{uuid.uuid4().hex[:12]}"
    await execute(
        server,
        f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER libc LOCALE '{LOCALE}'",
    )
    url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    try:
        await upgrade(url)
        yield url
    finally:
        await execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def engine(english: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(english)
    yield engine
    await engine.dispose()


@pytest.fixture
def missed(miss: MissRow) -> list[MissRow]:
    return [miss._replace(source=source, external_market_id=name) for source, name in KEYS]


async def count(engine: AsyncEngine, missed: list[MissRow], expected: int = 0) -> object:
    move = WatermarkMove(TOPIC_ID, "observations", 0, expected, expected + 1)
    return await Ledger(engine, "workers").commit([move], missed)


async def count_in_steps(engine: AsyncEngine, missed: list[MissRow]) -> object:
    move = WatermarkMove(TOPIC_ID, "observations", 0, 1, 2)
    return await Ledger(engine, "workers", most_new=10).commit([move], missed)


async def count_at_once(engine: AsyncEngine, missed: list[MissRow]) -> object:
    return await count(engine, missed, 1)


async def announce(engine: AsyncEngine, _: list[MissRow]) -> object:
    async with Ledger(engine, "workers").unannounced(10) as rows:
        return rows


async def acknowledge(engine: AsyncEngine, _: list[MissRow]) -> object:
    async with transaction(engine) as connection:
        return await misses.acknowledge(connection, KEYS, actor="ada")


async def ignore(engine: AsyncEngine, _: list[MissRow]) -> object:
    async with transaction(engine) as connection:
        return await misses.ignore(connection, KEYS, actor="ada")


async def reopen(engine: AsyncEngine, _: list[MissRow]) -> object:
    async with transaction(engine) as connection:
        return await misses.reopen(connection, KEYS, actor="ada")


async def cover(engine: AsyncEngine, _: list[MissRow]) -> object:
    async with transaction(engine) as connection:
        return await misses.settle(connection, 9, KEYS, ())


async def cover_and_reopen(engine: AsyncEngine, _: list[MissRow]) -> object:
    async with transaction(engine) as connection:
        return await misses.settle(connection, 9, KEYS[1:], KEYS[:1])


async def test_this_database_sorts_otherwise_than_bytes_do(english: str) -> None:
    rows = await fetch(english, "SELECT 'a' < 'B', 'a' COLLATE \"C\" < 'B' COLLATE \"C\"")
    assert [tuple(row) for row in rows] == [(True, False)]


@pytest.mark.parametrize(
    "act",
    [count_at_once, count_in_steps, announce, acknowledge, ignore, reopen, cover, cover_and_reopen],
    ids=lambda act: act.__name__,
)
async def test_whoever_waits_for_the_first_row_holds_no_other(
    act: Act, english: str, engine: AsyncEngine, missed: list[MissRow]
) -> None:
    ledger = Ledger(engine, "workers")
    await ledger.open_partitions([WatermarkKey(TOPIC_ID, "observations", 0)])
    await count(engine, missed)
    holder = await asyncpg.connect(english)
    try:
        begun = holder.transaction()
        await begun.start()
        await holder.execute(FIRST)
        acting = asyncio.create_task(act(engine, missed))

        async def is_waiting() -> bool:
            ((waiting,),) = await fetch(english, WAITING)
            return bool(waiting)

        await until(is_waiting)
        await holder.execute(OTHER)
        await begun.commit()
        await acting
    finally:
        await holder.close()
