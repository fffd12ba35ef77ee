"""Fixtures for tests of rights: a database with its groups, and logins that are in one of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.services.installation import execute, template_database
from worker.storage.access.roles import create_roles
from worker.storage.engine import create_engine, opened, transaction
from worker.storage.migrate import upgrade

if TYPE_CHECKING:
    from tests.conftest import Services

NewLogin = Callable[[str], Awaitable[str]]
LogIn = Callable[[str], Awaitable[AsyncEngine]]


@pytest.fixture(scope="session")
def with_groups(services: Services) -> Iterator[str]:
    """A migrated database with its groups: copying it is quicker than making one."""

    async def make(url: str) -> None:
        await upgrade(url)
        async with opened(url) as engine, transaction(engine) as connection:
            await create_roles(connection)

    with template_database(services.postgres, make) as name:
        yield name


@pytest.fixture
async def administrator(
    services: Services, with_groups: str, database: str
) -> AsyncIterator[AsyncEngine]:
    """Fills the empty `database` of the test."""
    name = urlsplit(database).path[1:]
    await execute(services.postgres, f"DROP DATABASE {name}")
    await execute(services.postgres, f"CREATE DATABASE {name} TEMPLATE {with_groups}")
    engine = create_engine(database)
    yield engine
    await engine.dispose()


@pytest.fixture
async def new_login(database: str, administrator: AsyncEngine) -> AsyncIterator[NewLogin]:
    """`await new_login("worker")`: the address of a login that is in this group and in no other."""
    name = urlsplit(database).path[1:]
    connection = await asyncpg.connect(database)

    async def make(group: str) -> str:
        login = f"{name}_{group}"
        await connection.execute(
            f"CREATE ROLE {login} LOGIN PASSWORD 'x' IN ROLE marketmap_{group}"
        )
        address = urlsplit(database)
        place = address.netloc.rpartition("@")[2]
        return urlunsplit(address._replace(netloc=f"{login}:x@{place}"))

    yield make
    for (login,) in await connection.fetch(
        "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1)", name
    ):
        await connection.execute(f"DROP OWNED BY {login} CASCADE; DROP ROLE {login}")
    await connection.close()


@pytest.fixture
async def log_in(new_login: NewLogin) -> AsyncIterator[LogIn]:
    """`await log_in("worker")`: an engine of such a login."""
    engines: list[AsyncEngine] = []

    async def make(group: str) -> AsyncEngine:
        engines.append(create_engine(await new_login(group)))
        return engines[-1]

    yield make
    for engine in engines:
        await engine.dispose()
