"""The table of every version can be had from the audit log alone."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from worker.storage.audit import UnknownVersionError, table_as_of
from worker.storage.mappings import load_index_rows

Rows = Callable[..., Any]

NAMES = [f"m{number}" for number in range(6)]
EDITS = [
    """INSERT INTO user_market_mappings (
        canonical_id, name, sportybet_id, priority, line_rule, outcome_mapping
    )
    VALUES (:name, 'M', :other, :number, '{"kind": "total"}', '[{"canonical_id": "over", "position": 0}]')
    ON CONFLICT (canonical_id) DO UPDATE SET priority = excluded.priority, line_rule = NULL""",
    "UPDATE user_market_mappings SET is_active = NOT is_active WHERE canonical_id = :name",
    "UPDATE user_market_mappings SET betpawa_id = :other, name = 'É\"\\' || id WHERE canonical_id = :name",
    "DELETE FROM user_market_mappings WHERE canonical_id = :name",
    "UPDATE user_market_mappings SET is_active = true, priority = priority + :number",
    """UPDATE user_market_mappings SET canonical_id = :other
    WHERE canonical_id = :name
        AND NOT EXISTS (SELECT FROM user_market_mappings WHERE canonical_id = :other)""",
]


async def edit(connection: AsyncConnection, chance: random.Random) -> None:
    statement = text(chance.choice(EDITS))
    values = {"name": chance.choice(NAMES), "other": chance.choice(NAMES), "number": chance.randrange(5)}
    wanted = statement.compile().params.keys()
    await connection.execute(statement, {name: values[name] for name in wanted})


@pytest.mark.parametrize("seed", range(5))
async def test_as_of_each_version_the_log_tells_the_table_of_that_moment(
    engine: AsyncEngine, seed: int
) -> None:
    chance = random.Random(seed)
    tables: dict[int, list[dict[str, Any]]] = {}
    async with engine.connect() as connection:
        for _ in range(60):
            for _ in range(chance.choice([1, 1, 1, 3])):
                await edit(connection, chance)
            await (connection.commit() if chance.random() < 0.8 else connection.rollback())
            version, table = await load_index_rows(connection)
            await connection.commit()
            tables[version] = table
        assert len(tables) > 20
        assert {version: await table_as_of(connection, version) for version in tables} == tables


async def test_before_the_first_change_the_table_is_empty(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert await table_as_of(connection, 0) == []


@pytest.mark.parametrize("version", [-1, 2])
async def test_a_version_that_never_was_is_refused(engine: AsyncEngine, rows: Rows, version: int) -> None:
    await rows(
        "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES ('a', 'A', '[1]')"
    )
    async with engine.connect() as connection:
        with pytest.raises(UnknownVersionError, match=f"no version {version}: the last one is 1"):
            await table_as_of(connection, version)
