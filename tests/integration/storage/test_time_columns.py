"""Times as the project's connections read and write them, next to those of the driver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.hostile.times import UNUSABLE_TIMES
from worker.storage.columns.time_columns import EARLIEST, LATEST
from worker.storage.engine import driver_url

pytestmark = pytest.mark.services

WRITTEN = (
    datetime(2026, 11, 22, 12, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=-5))),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 7, 1, 12),  # noqa: DTZ001  (a local time for the driver)
    date(2026, 7, 1),
    datetime.max,  # noqa: DTZ901  (infinity for the driver)
    datetime.min,  # noqa: DTZ901  (as above)
)
ORDINARY = """
SELECT moment
FROM generate_series(CAST('0002-01-01' AS timestamptz), '9998-01-01', '97 years 1.7 s') AS moment
"""
AS_TEXT = "SELECT CAST($1::timestamptz AS text), CAST($2::timestamptz[] AS text)"


@pytest.fixture
async def ours(engine: AsyncEngine) -> AsyncIterator[Any]:
    """The driver's connection, as an engine makes it."""
    async with engine.connect() as connection:
        yield (await connection.get_raw_connection()).driver_connection


@pytest.fixture
async def plain(migrated: str) -> AsyncIterator[Any]:
    """The driver's connection as it is by itself."""
    connection = await asyncpg.connect(driver_url(migrated))
    yield connection
    await connection.close()


@pytest.mark.parametrize("written", UNUSABLE_TIMES)
async def test_a_time_that_python_has_not_is_the_last_or_the_first(
    engine: AsyncEngine, written: str
) -> None:
    read = (
        "SELECT moment, ARRAY[moment, NULL] AS several"
        " FROM (SELECT CAST(CAST(:written AS text) AS timestamptz) AS moment) AS one"
    )
    async with engine.connect() as connection:
        row = (await connection.execute(text(read), {"written": written})).one()
    expected = EARLIEST if written.startswith("-") or written.endswith("BC") else LATEST
    assert (row.moment, row.several) == (expected, [expected, None])


async def test_what_is_written_is_what_the_driver_writes(ours: Any, plain: Any) -> None:
    for moment in WRITTEN:
        values = moment, [moment, None]
        assert await ours.fetchrow(AS_TEXT, *values) == await plain.fetchrow(AS_TEXT, *values)
    with pytest.raises(asyncpg.DataError, match="expected a date"):
        await ours.fetchrow(AS_TEXT, "2026-11-22", [])


async def test_an_ordinary_time_is_read_as_the_driver_reads_it(ours: Any, plain: Any) -> None:
    assert await ours.fetch(ORDINARY) == await plain.fetch(ORDINARY)
