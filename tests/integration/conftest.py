"""Fixtures for tests on real services: a migrated database, and whole installations."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.services.guarded_kafka import GuardedKafka, guarded_kafka
from tests.support.services.installation import (
    Installation,
    execute,
    fill,
    installed,
    template_database,
    temporary_database,
)
from worker.storage.engine import create_engine
from worker.storage.migrate import upgrade
from worker.storage.tables import metadata

if TYPE_CHECKING:
    from tests.conftest import Services

T = TypeVar("T")
InInstallation = Callable[..., Any]


# What is append-only refuses to be emptied; only whoever owns it can switch that off.
UNGUARDED = """
BEGIN;
ALTER TABLE mapping_audit_log DISABLE TRIGGER marketmap_guard;
ALTER TABLE watermark_change DISABLE TRIGGER marketmap_guard;
ALTER TABLE change_set DISABLE TRIGGER marketmap_guard;
ALTER TABLE change_draft DISABLE TRIGGER marketmap_guard;
ALTER TABLE change_comment DISABLE TRIGGER marketmap_guard;
ALTER TABLE review_policy DISABLE TRIGGER marketmap_guard;
ALTER TABLE change_effect DISABLE TRIGGER marketmap_guard;
ALTER TABLE change_effect_miss DISABLE TRIGGER marketmap_guard;
TRUNCATE {tables} RESTART IDENTITY;
ALTER TABLE mapping_audit_log ENABLE ALWAYS TRIGGER marketmap_guard;
ALTER TABLE watermark_change ENABLE ALWAYS TRIGGER marketmap_guard;
ALTER TABLE change_set ENABLE ALWAYS TRIGGER marketmap_guard;
ALTER TABLE change_draft ENABLE ALWAYS TRIGGER marketmap_guard;
ALTER TABLE change_comment ENABLE ALWAYS TRIGGER marketmap_guard;
ALTER TABLE review_policy ENABLE ALWAYS TRIGGER marketmap_guard;
ALTER TABLE change_effect ENABLE ALWAYS TRIGGER marketmap_guard;
ALTER TABLE change_effect_miss ENABLE ALWAYS TRIGGER marketmap_guard;
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
    await empty(shared_database)
    return shared_database


async def empty(url: str) -> None:
    """Empty all tables."""
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    # A lock timeout: what an earlier test left open shall fail here, not hang.
    await execute(url, f"SET lock_timeout = '5s'; {UNGUARDED.format(tables=tables)}")


@pytest.fixture
async def engine(migrated: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(migrated, application_name="marketmap-test")
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
def template(services: "Services") -> Iterator[str]:
    """A migrated database with the catalogue: copying it is quicker than making one."""
    with template_database(services.postgres, fill) as name:
        yield name


@pytest.fixture
async def installation(
    services: "Services", template: str, tmp_path: Path
) -> AsyncIterator[Installation]:
    async with (
        temporary_database(services.postgres, template) as url,
        installed(services.kafka, url, tmp_path) as installation,
    ):
        yield installation


@pytest.fixture(scope="module")
def in_installation(
    services: "Services", template: str, tmp_path_factory: pytest.TempPathFactory
) -> InInstallation:
    """Runs a scenario in an installation of its own, in an event loop of its own, and gives its outcome."""

    async def run(scenario: Callable[[Installation], Awaitable[T]], **settings: Any) -> T:
        folder = tmp_path_factory.mktemp("scenario")
        async with (
            temporary_database(services.postgres, template) as url,
            installed(services.kafka, url, folder, **settings) as installation,
        ):
            return await scenario(installation)

    def run_in_thread(scenario: Callable[[Installation], Awaitable[T]], **settings: Any) -> T:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, run(scenario, **settings)).result()

    return run_in_thread


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    with guarded_kafka(tmp_path_factory.mktemp("guarded")) as kafka:
        yield kafka


@pytest.fixture
async def guarded_installation(
    guarded: GuardedKafka, services: "Services", template: str, tmp_path: Path
) -> AsyncIterator[Installation]:
    """As whoever may do everything on the guarded broker sees it."""
    async with (
        temporary_database(services.postgres, template) as url,
        installed(guarded.plaintext, url, tmp_path) as installation,
    ):
        yield installation
