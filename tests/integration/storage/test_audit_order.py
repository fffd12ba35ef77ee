"""Audit ids are in the order of the commits, and every commit is announced with its version."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage import audit, audit_sql
from worker.storage.engine import create_engine
from worker.storage.migrate import upgrade

Rows = Callable[..., Any]

EDITORS = 4
CHANGES = 50
CREATE = "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES (:name, 'A', '[1]')"


@pytest.fixture
async def announced(migrated: str) -> AsyncIterator[asyncio.Queue[str]]:
    """The payloads of the notifications, in the order in which they come."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    connection = await asyncpg.connect(migrated)
    await connection.add_listener(
        audit_sql.CHANNEL, lambda *notification: heard.put_nowait(notification[3])
    )
    yield heard
    await connection.close()


async def edit(url: str, editor: int) -> int:
    """Changes in transactions of their own, some taken back; how many were kept."""
    engine = create_engine(url, pool_size=1)
    kept = 0
    for number in range(CHANGES):
        async with engine.connect() as connection:
            await connection.execute(text(CREATE), {"name": f"{editor}/{number}"})
            await connection.execute(
                text("UPDATE user_market_mappings SET priority = priority + 1")
            )
            if number % 5:
                await connection.rollback()
            else:
                kept += (
                    await connection.scalar(text("SELECT count(*) + 1 FROM user_market_mappings"))
                    or 0
                )
                await connection.commit()
    await engine.dispose()
    return kept


async def follow(engine: AsyncEngine, until: asyncio.Event) -> list[int]:
    """What a reader sees that asks again and again for what is after the last id it saw."""
    seen: list[int] = []
    is_last = False
    while not is_last:
        is_last = until.is_set()
        async with engine.connect() as connection:
            seen += [
                row.id
                for row in await audit.read_after(connection, seen[-1] if seen else 0, 100_000)
            ]
    return seen


async def test_a_reader_who_goes_on_from_the_last_id_misses_no_change(
    engine: AsyncEngine, migrated: str
) -> None:
    done = asyncio.Event()
    reader = asyncio.create_task(follow(engine, done))
    kept = await asyncio.gather(*(edit(migrated, editor) for editor in range(EDITORS)))
    done.set()
    seen = await reader
    async with engine.connect() as connection:
        written = [row.id for row in await audit.read_after(connection, 0, 100_000)]
    assert seen == written
    assert len(written) == sum(kept)


async def test_a_change_waits_for_the_one_before_it_to_be_committed(
    engine: AsyncEngine, rows: Rows
) -> None:
    async with engine.connect() as first, engine.connect() as second:
        await first.execute(text(CREATE), {"name": "first"})
        await second.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            await second.execute(text(CREATE), {"name": "second"})
        await second.rollback()
        await first.commit()
        await second.execute(text(CREATE), {"name": "second"})
        await second.commit()
    assert [
        row.canonical_id for row in await rows("SELECT * FROM mapping_audit_log ORDER BY id")
    ] == [
        "first",
        "second",
    ]


async def test_rows_written_into_the_log_by_hand_keep_the_order_too(engine: AsyncEngine) -> None:
    by_hand = text("INSERT INTO mapping_audit_log (canonical_id, action) VALUES ('a', 'DELETE')")
    async with engine.connect() as first, engine.connect() as second:
        await first.execute(by_hand)
        await second.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(Exception, match="lock timeout"):
            await second.execute(text(CREATE), {"name": "second"})


async def test_a_commit_is_announced_once_with_its_last_version(
    engine: AsyncEngine, announced: asyncio.Queue[str]
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(CREATE), {"name": "a"})
        await connection.execute(text("UPDATE user_market_mappings SET name = name"))
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping)"
                " SELECT 'm' || i, 'M', '[1]' FROM generate_series(1, 100) AS i"
            )
        )
    assert [await announced.get(), await announced.get()] == ["1", "101"]
    assert announced.empty()


async def test_a_change_that_was_taken_back_or_changes_nothing_is_not_announced(
    engine: AsyncEngine, announced: asyncio.Queue[str]
) -> None:
    async with engine.connect() as connection:
        await connection.execute(text(CREATE), {"name": "taken back"})
        await connection.rollback()
        await connection.execute(text("UPDATE user_market_mappings SET name = name"))
        await connection.commit()
        await connection.execute(text(CREATE), {"name": "a"})
        await connection.commit()
    assert await announced.get() == "2"


BEFORE_AUDITS = """
INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES
    ('known', 'A', '[1]'), ('unknown', 'B', '[1]'), ('renamed', 'C', '[1]');
INSERT INTO mapping_audit_log (mapping_id, canonical_id, action, new_value)
SELECT id, canonical_id, 'CREATE', to_jsonb(m) FROM user_market_mappings AS m WHERE canonical_id = 'known'
UNION ALL
SELECT id, canonical_id, 'CREATE', to_jsonb(m) - 'name' FROM user_market_mappings AS m
    WHERE canonical_id = 'renamed'
UNION ALL
SELECT NULL, 'gone', 'CREATE', '{"is_active": true, "id": 9}'
"""


async def test_the_history_starts_with_the_mappings_that_are_there_already(database: str) -> None:
    await upgrade(database, "0004")
    connection = await asyncpg.connect(database)
    await connection.execute(BEFORE_AUDITS)
    await upgrade(database)
    added = await connection.fetch(
        "SELECT canonical_id, action FROM mapping_audit_log WHERE id > 3 ORDER BY id"
    )
    await connection.close()
    assert [tuple(row) for row in added] == [
        ("unknown", "CREATE"),
        ("renamed", "UPDATE"),
        ("gone", "DELETE"),
    ]
