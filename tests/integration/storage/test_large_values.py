"""What an editor stores beyond all bounds stays on the server: no reader of the log has to hold it."""

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage import audit
from worker.storage.audit_sql import TOO_LONG
from worker.storage.columns.json_columns import UnusableJson

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
