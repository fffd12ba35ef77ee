"""Fixtures for tests on a migrated database."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage.engine import create_engine
from worker.storage.migrate import upgrade
from worker.storage.tables import metadata

if TYPE_CHECKING:
    from tests.conftest import Services

# What is append-only refuses to be emptied; only whoever owns it can switch that off.
UNGUARDED = """
BEGIN;
ALTER TABLE mapping_audit_log DISABLE TRIGGER marketmap_guard;
ALTER TABLE watermark_change DISABLE TRIGGER marketmap_guard;
TRUNCATE {tables} RESTART IDENTITY;
ALTER TABLE mapping_audit_log ENABLE ALWAYS TRIGGER marketmap_guard;
ALTER TABLE watermark_change ENABLE ALWAYS TRIGGER marketmap_guard;
COMMIT;
"""


@pytest.fixture(scope="session")
def shared_database(services: "Services") -> Iterator[str]:
    """One database at the newest revision for the whole session: making one takes longer than a test."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = urlunsplit(urlsplit(services.postgres)._replace(path=f"/{name}"))
    # In a thread of its own: the tests' event loops stay untouched.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, execute(services.postgres, f"CREATE DATABASE {name}")).result()
        thread.submit(asyncio.run, upgrade(url)).result()
        yield url
        drop = execute(services.postgres, f"DROP DATABASE {name} WITH (FORCE)")
        thread.submit(asyncio.run, drop).result()


@pytest.fixture
async def migrated(shared_database: str) -> str:
    """The URL of a database at the newest revision, its tables empty. Leave its schema as it is."""
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    # A lock timeout: what an earlier test left open shall fail here, not hang.
    await execute(shared_database, f"SET lock_timeout = '5s'; {UNGUARDED.format(tables=tables)}")
    return shared_database


@pytest.fixture
async def engine(migrated: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(migrated, application_name="marketmap-test")
    yield engine
    await engine.dispose()


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()
