"""The table of every version can be had from the audit log alone."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
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


NAME = st.sampled_from(NAMES)
VALUES = st.fixed_dictionaries({"name": NAME, "other": NAME, "number": st.integers(0, 4)})
TRANSACTION = st.tuples(
    st.lists(st.tuples(st.sampled_from(EDITS), VALUES), min_size=1, max_size=3),
    st.sampled_from("CCCCR"),
)


async def edit(connection: AsyncConnection, sql: str, values: dict[str, Any]) -> None:
    statement = text(sql)
    wanted = statement.compile().params.keys()
    await connection.execute(statement, {name: values[name] for name in wanted})


async def replay(
    connection: AsyncConnection, transactions: list[Any]
) -> dict[int, list[dict[str, Any]]]:
    """Make the edits, from an empty table on; the table as it was at each version."""
    tables: dict[int, list[dict[str, Any]]] = {}
    await connection.execute(text("DELETE FROM user_market_mappings"))
    await connection.commit()
    for edits, end in transactions:
        for sql, values in edits:
            await edit(connection, sql, values)
        await (connection.commit() if end == "C" else connection.rollback())
        version, tables[version] = await load_index_rows(connection)
        await connection.commit()
    return tables


@given(transactions=st.lists(TRANSACTION, min_size=1, max_size=40))
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # the log of one example goes on in the next one
        HealthCheck.too_slow,
    ],
)
async def test_as_of_each_version_the_log_tells_the_table_of_that_moment(
    engine: AsyncEngine, transactions: list[Any]
) -> None:
    async with engine.connect() as connection:
        tables = await replay(connection, transactions)
        assert {version: await table_as_of(connection, version) for version in tables} == tables


async def test_a_long_history_tells_every_table(engine: AsyncEngine) -> None:
    values = [
        {"name": NAMES[step % 6], "other": NAMES[step * 5 % 7 % 6], "number": step % 5}
        for step in range(60)
    ]
    transactions = [([(EDITS[step * 7 % 11 % 6], one)], "C") for step, one in enumerate(values)]
    async with engine.connect() as connection:
        tables = await replay(connection, transactions)
        assert len(tables) > 20
        assert {version: await table_as_of(connection, version) for version in tables} == tables


async def test_before_the_first_change_the_table_is_empty(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert await table_as_of(connection, 0) == []


@pytest.mark.parametrize("version", [-1, 2])
async def test_a_version_that_never_was_is_refused(
    engine: AsyncEngine, rows: Rows, version: int
) -> None:
    await rows(
        "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES ('a', 'A', '[1]')"
    )
    async with engine.connect() as connection:
        with pytest.raises(UnknownVersionError, match=f"no version {version}: the last one is 1"):
            await table_as_of(connection, version)
