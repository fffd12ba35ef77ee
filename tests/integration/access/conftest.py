"""Fixtures for tests of rights: a database with its groups, and logins that are in one of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage.access.roles import create_roles
from worker.storage.engine import create_engine, transaction
from worker.storage.migrate import upgrade

NewLogin = Callable[[str], Awaitable[str]]
LogIn = Callable[[str], Awaitable[AsyncEngine]]


@pytest.fixture
async def administrator(database: str) -> AsyncIterator[AsyncEngine]:
    await upgrade(database)
    engine = create_engine(database)
    async with transaction(engine) as connection:
        await create_roles(connection)
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
