"""Announcing costs what is announced, however many rows, names and mappings there are.

Counted, not timed: `python -m tests.bench.announcing` measures.
"""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.conftest import Services
from tests.support.services.installation import temporary_database
from worker.domain.books.platforms import PLATFORMS
from worker.storage import ledger_sql as sql
from worker.storage.engine import create_engine
from worker.storage.ledger import OTHER_BOOKS_AT_ONCE, Counted, Ledger, MissRow
from worker.storage.watermarks import WatermarkMove

pytestmark = pytest.mark.services

Moves = Callable[..., list[WatermarkMove]]
Rows = Callable[..., Any]

SHARED = 3_000
FILL = """
INSERT INTO unmapped_market_log (source, external_market_id, market_name, announced_at)
SELECT 'sportybet', 'old ' || n, 'Corners', now() FROM generate_series(1, :rows) AS n
"""
FIRST_SIGHTINGS = """
INSERT INTO unmapped_market_log (source, external_market_id, market_name)
SELECT (CAST(:platforms AS text[]))[1 + n % 3], 'new ' || n, 'Name ' || n FROM generate_series(1, :rows) AS n
"""
WITHOUT_STATISTICS = "ALTER TABLE unmapped_market_log SET (autovacuum_enabled = off)"
MAPPINGS = """
INSERT INTO user_market_mappings (canonical_id, name, betpawa_id, outcome_mapping)
SELECT 'mapping ' || n, 'Cards', 'b' || n, '[1]' FROM generate_series(1, :rows) AS n
"""
OTHER_BOOKS = "SELECT other_books, count(*)::int FROM unmapped_market_log GROUP BY 1 ORDER BY 1"
# Every row that a transaction wrote carries its number.
LARGEST_TRANSACTION = """
SELECT max(rows)::int FROM (
    SELECT count(*) AS rows FROM unmapped_market_log WHERE external_market_id LIKE 'old %' GROUP BY xmin::text
) AS written
"""
WRITTEN = """
SELECT external_market_id, xmin::text FROM unmapped_market_log WHERE external_market_id LIKE 'old %'
"""
INDEXES = {
    "idx_unmapped_name",
    "unmapped_market_log_pkey",
    *(f"idx_user_mappings_{platform}_name" for platform in PLATFORMS),
    *(f"idx_user_mappings_{platform}_also_name" for platform in PLATFORMS),
}
LARGE = {"unmapped_market_log", "user_market_mappings"}
STATEMENTS: list[tuple[TextClause, dict[str, Any]]] = [
    (sql.READ_OTHER_BOOKS, {"ids": [1, 2], "platforms": list(PLATFORMS), "limit": 1}),
    (
        sql.MOVE_OTHER_BOOKS,
        {"names": ["corners"], "other_books": [1], "platforms": list(PLATFORMS), "limit": 200},
    ),
    (sql.MARK_ANNOUNCED, {"ids": [1, 2]}),
]


@pytest.fixture
async def first_minute(services: Services, template: str) -> AsyncIterator[AsyncEngine]:
    """The markets of a worker's first minute, in a database that has no statistics of them yet."""
    async with temporary_database(services.postgres, template) as url:
        engine = create_engine(url)
        async with engine.begin() as connection:
            await connection.execute(text(WITHOUT_STATISTICS))
            values = {"rows": 400, "platforms": list(PLATFORMS)}
            await connection.execute(text(FIRST_SIGHTINGS), values)
        yield engine
        await engine.dispose()


@pytest.fixture
async def shared(rows: Rows, engine: AsyncEngine) -> None:
    await rows(FILL, rows=SHARED)
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.execute(text("VACUUM ANALYZE unmapped_market_log"))


async def take(ledger: Ledger) -> list[str]:
    async with ledger.unannounced(10) as batch:
        return [row.external_market_id for row in batch]


async def test_rows_of_a_name_that_nobody_else_offers_are_left_alone(
    shared: None, rows: Rows, ledger: Ledger, move: Moves, miss: MissRow
) -> None:
    before = await rows(WRITTEN)
    await ledger.commit(move(0, 1), [miss._replace(market_name="corners")])
    assert await take(ledger) == [miss.external_market_id]
    assert sorted(await rows(WRITTEN)) == sorted(before)


async def test_rows_that_change_do_so_once_and_in_small_transactions(
    shared: None, rows: Rows, ledger: Ledger, move: Moves, miss: MissRow
) -> None:
    first = miss._replace(source="bet9ja", market_name="CORNERS!")
    await ledger.commit(move(0, 1), [first])
    await take(ledger)
    assert await rows(OTHER_BOOKS) == [(1, SHARED + 1)]
    assert await rows(LARGEST_TRANSACTION) == [(OTHER_BOOKS_AT_ONCE,)]

    written = await rows(WRITTEN)
    await ledger.commit(move(1, 2), [first._replace(external_market_id="second")])
    await take(ledger)
    assert await rows(OTHER_BOOKS) == [(1, SHARED + 2)]
    assert sorted(await rows(WRITTEN)) == sorted(written)


async def test_a_batch_that_ends_between_two_parts_comes_again_and_is_finished(
    shared: None, rows: Rows, ledger: Ledger, move: Moves, miss: MissRow, engine: AsyncEngine
) -> None:
    await ledger.commit(move(0, 1), [miss._replace(source="bet9ja", market_name="corners")])
    async with engine.begin() as connection:
        await connection.execute(sql.USE_INDEXES)
        values = {"names": ["corners"], "other_books": [1], "platforms": list(PLATFORMS)}
        moved = await connection.scalar(
            sql.MOVE_OTHER_BOOKS, values | {"limit": OTHER_BOOKS_AT_ONCE}
        )
    assert moved == OTHER_BOOKS_AT_ONCE
    assert await take(ledger) == [miss.external_market_id]
    assert await rows(OTHER_BOOKS) == [(1, SHARED + 1)]


async def test_counting_waits_for_no_row_that_does_not_change(
    shared: None, migrated: str, ledger: Ledger, move: Moves, miss: MissRow, rows: Rows
) -> None:
    """Another transaction holds a row of the name: it would stop whoever locks them all."""
    impatient = create_engine(migrated, lock_timeout_s=0.2)
    patient = Ledger(impatient, "workers")
    await ledger.commit(move(0, 1), [miss._replace(market_name="corners")])
    async with holding(impatient, "SELECT FROM unmapped_market_log WHERE id = 1 FOR UPDATE"):
        assert await take(patient) == [miss.external_market_id]
        assert await patient.commit(move(1, 2), [miss]) == Counted(0)
    await impatient.dispose()


@asynccontextmanager
async def holding(engine: AsyncEngine, statement: str) -> AsyncIterator[AsyncConnection]:
    async with engine.begin() as connection:
        await connection.execute(text(statement))
        yield connection


@pytest.mark.parametrize(("statement", "values"), STATEMENTS, ids=["read", "move", "mark"])
async def test_each_statement_goes_by_the_indexes_of_names_and_ids_alone(
    shared: None,
    rows: Rows,
    engine: AsyncEngine,
    statement: TextClause,
    values: dict[str, Any],
) -> None:
    await rows(MAPPINGS, rows=SHARED)
    await rows("ANALYZE user_market_mappings")
    require_the_indexes(await plan_of(engine, statement, values))


@pytest.mark.parametrize(("statement", "values"), STATEMENTS, ids=["read", "move", "mark"])
async def test_each_statement_does_so_before_there_are_statistics(
    first_minute: AsyncEngine,
    statement: TextClause,
    values: dict[str, Any],
) -> None:
    """By the index of platforms all their rows would be read for each name."""
    require_the_indexes(await plan_of(first_minute, statement, values))


async def plan_of(engine: AsyncEngine, statement: TextClause, values: dict[str, Any]) -> str:
    async with engine.begin() as connection:
        await connection.execute(sql.USE_INDEXES)
        explained = text(f"EXPLAIN (ANALYZE, BUFFERS OFF, FORMAT TEXT) {statement.text}")
        found: Sequence[Row[Any]] = (await connection.execute(explained, values)).all()
        await connection.rollback()
    return "\n".join(row[0] for row in found)


def require_the_indexes(plan: str) -> None:
    assert not LARGE & set(re.findall(r"Seq Scan on (\w+)", plan)), plan
    assert set(re.findall(r"(?:using|Index Scan on) (\w+)", plan)) <= INDEXES, plan
