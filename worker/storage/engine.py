"""Connections to Postgres."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from worker.storage.columns.json_columns import decode_json
from worker.storage.columns.time_columns import decode_times
from worker.storage.errors import DRIVER_ERRORS, driver_errors_translated

SET_FOR_THE_SESSION = """
SELECT set_config(name, value, false)
FROM unnest(CAST($1 AS text[]), CAST($2 AS text[])) AS setting (name, value)
"""

SCHEMES = ("postgresql", "postgres", "postgresql+asyncpg")


class EngineOptions(TypedDict, total=False):
    """The keyword arguments of `create_engine`."""

    application_name: str
    pool_size: int
    pool_timeout_s: float
    connect_timeout_s: float
    statement_timeout_s: float
    lock_timeout_s: float
    idle_in_transaction_timeout_s: float
    read_only: bool
    custom_plans: bool


def create_engine(
    url: str,
    *,
    application_name: str = "marketmap",
    pool_size: int = 4,
    pool_timeout_s: float = 10.0,
    connect_timeout_s: float = 10.0,
    statement_timeout_s: float = 30.0,
    lock_timeout_s: float = 10.0,
    idle_in_transaction_timeout_s: float = 10.0,
    read_only: bool = False,
    custom_plans: bool = False,
) -> AsyncEngine:
    """Return an engine that connects on first use. A timeout of 0 means none.

    `url` is a libpq address (`postgresql://user:password@host:port/database?sslmode=require`); the scheme
    may also be `postgres` or `postgresql+asyncpg`. Raises ValueError for any other scheme.

    The idle timeout frees the row locks of a worker that is frozen in the middle of a transaction; others
    wait for them until then.

    ``custom_plans``: each statement is planned for its values, however often it ran. The best plan of a
    search depends on how frequent the text is.
    """
    settings = {
        "statement_timeout": _milliseconds(statement_timeout_s),
        "lock_timeout": _milliseconds(lock_timeout_s),
        "idle_in_transaction_session_timeout": _milliseconds(idle_in_transaction_timeout_s),
        "jit": "off",  # every statement is short: compiling one costs more than running it
    }
    if read_only:
        settings["default_transaction_read_only"] = "on"
    if custom_plans:
        settings["plan_cache_mode"] = "force_custom_plan"
    connect = partial(
        _connect,
        settings,
        dsn=driver_url(url),
        timeout=connect_timeout_s or None,
        # The server's timeout comes first; this one notices a server that no longer answers at all.
        command_timeout=statement_timeout_s + 5 if statement_timeout_s else None,
        server_settings={"application_name": application_name},
    )
    # asyncpg reads the address itself, so its query may hold whatever libpq knows.
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=pool_size,
        max_overflow=0,
        json_deserializer=decode_json,
        hide_parameters=True,  # a logged error must not contain data of senders
        pool_timeout=pool_timeout_s,
    )


async def _connect(settings: Mapping[str, str], **options: Any) -> Any:
    """Connect, then set what holds for the whole session.

    A connection pooler refuses start-up parameters that it does not know, or drops them without a word.
    """
    connection = await asyncpg.connect(**options)
    try:
        await connection.execute(SET_FOR_THE_SESSION, list(settings), list(settings.values()))
        await decode_times(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


@asynccontextmanager
async def opened(url: str, **options: Unpack[EngineOptions]) -> AsyncIterator[AsyncEngine]:
    """An engine for the length of the block; its connections are closed at the end."""
    engine = create_engine(url, **options)
    try:
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection whose work is committed on a clean exit, else rolled back.

    Raises StorageUnavailable, StorageRefused or StorageFatal when connecting or committing fails. What the
    block raises passes through as it is: the block may do more than talk to the database.
    """
    with driver_errors_translated():
        connection = await engine.connect()
    try:
        yield connection
        with driver_errors_translated():
            await connection.commit()
    finally:
        # A lost connection cannot roll back; the server does. The first error says more.
        with suppress(*DRIVER_ERRORS):
            await asyncio.shield(connection.close())


def driver_url(url: str) -> str:
    """Return the address in the form that asyncpg takes. Raises ValueError if it is not one of Postgres."""
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES or not rest:
        raise ValueError("a database URL starts with postgresql:// (or postgresql+asyncpg://)")
    return f"postgresql://{rest}"


def printable_url(url: str) -> str:
    """Return the address without user, password and query, for people to read."""
    parts = urlsplit(driver_url(url))
    host = parts.netloc.rpartition("@")[2]
    return f"postgresql://{host}{parts.path}"


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
