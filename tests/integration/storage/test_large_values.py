"""What an editor stores beyond all bounds stays on the server: no reader of the log has to hold it."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import Services
from tests.support.services.installation import execute, temporary_database
from worker.storage import audit
from worker.storage.audit_sql import TOO_LONG
from worker.storage.columns.json_columns import UnusableJson
from worker.storage.engine import create_engine
from worker.storage.migrate import downgrade, upgrade

pytestmark = pytest.mark.services

Rows = Callable[..., Any]

CHARACTERS = 30_000_000
# It is not active, so no bound of the table refuses it.
LARGE = """
INSERT INTO user_market_mappings (canonical_id, name, betpawa_id, outcome_mapping, is_active)
VALUES ('large', 'Large', '1', jsonb_build_array(repeat('x', :characters)), false)
"""
SMALL = """
INSERT INTO user_market_mappings (canonical_id, name, betpawa_id, outcome_mapping)
VALUES ('small', 'Small', '2', '[{"canonical_id": "over"}]')
"""
EXPLAINED = """
SELECT set_config('marketmap.reason', repeat('w', :characters), true)
"""
OLD_CHANGE = """
SELECT set_config('marketmap.reason', repeat('w', 3000), false);
UPDATE user_market_mappings SET name = name || '!'
"""


async def test_a_value_that_cannot_be_read_is_not_sent(engine: AsyncEngine, rows: Rows) -> None:
    await rows(LARGE, characters=CHARACTERS)
    await rows(SMALL)
    async with engine.connect() as connection:
        tracemalloc.start()
        try:
            large, small = await audit.read_after(connection, 0, 200)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert isinstance(large.new_value, UnusableJson)
    assert (large.new_value, large.old_value) == (TOO_LONG, None)
    assert small.new_value["canonical_id"] == "small"
    assert peak < CHARACTERS / 10


async def test_a_value_that_may_be_read_is_read_whatever_it_takes_when_it_is_stored(
    engine: AsyncEngine, rows: Rows
) -> None:
    await rows(LARGE, characters=900_000)
    async with engine.connect() as connection:
        (change,) = await audit.read_after(connection, 0, 200)
    assert len(change.new_value["outcome_mapping"][0]) == 900_000


async def test_a_reason_without_bounds_is_refused_before_it_is_indexed(
    engine: AsyncEngine, rows: Rows
) -> None:
    """Three characters of it at each place took seconds, and all other edits waited."""
    await rows(SMALL)
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL statement_timeout = '5s'"))
        await connection.execute(text(EXPLAINED), {"characters": 1_000_000})
        with pytest.raises(DBAPIError, match="ck_change_set_reason"):
            await connection.execute(text("UPDATE user_market_mappings SET name = 'Smaller'"))


async def test_one_of_before_the_bound_is_cut_and_stays_whole_in_the_audit_log(
    services: Services, template: str
) -> None:
    async with temporary_database(services.postgres, template) as url:
        await downgrade(url, "0042")
        await execute(url, OLD_CHANGE)
        await upgrade(url)
        engine = create_engine(url)
        async with engine.connect() as connection:
            longest = "SELECT max(length(reason)) FROM {}"
            found = [
                await connection.scalar(text(longest.format(table)))
                for table in ("change_set", "mapping_audit_log")
            ]
        await engine.dispose()
    assert found == [2_000, 3_000]
