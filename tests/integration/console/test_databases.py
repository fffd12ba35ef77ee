"""The connections of the console: pages only read, and do not hold up the look for what has changed."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text

from worker.console.databases import Databases
from worker.settings.connected import DatabaseSettings
from worker.storage.errors import StorageError, driver_errors_translated

pytestmark = pytest.mark.services


def test_a_page_cannot_write(migrated: str) -> None:
    async def write() -> None:
        databases = Databases(DatabaseSettings(database_url=migrated))
        try:
            for connecting in (databases.reading, databases.looking):
                async with connecting() as connection:
                    with pytest.raises(StorageError, match="read-only"), driver_errors_translated():
                        await connection.execute(text("DELETE FROM unmapped_market_log"))
        finally:
            await databases.close()

    asyncio.run(write())


def test_pages_that_wait_do_not_stop_the_look_for_changes(migrated: str) -> None:
    async def look() -> int:
        databases = Databases(DatabaseSettings(database_url=migrated))
        try:
            async with AsyncExitStack() as pages:
                for _ in range(5):
                    await pages.enter_async_context(databases.reading())
                async with asyncio.timeout(5), databases.looking() as connection:
                    return int(await connection.scalar(text("SELECT 1")) or 0)
        finally:
            await databases.close()

    assert asyncio.run(look()) == 1
