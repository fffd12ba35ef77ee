"""How a command finds the database, and what it says when that fails."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.connection import database_settings
from worker.cli.console import err, fail
from worker.storage.engine import driver_url, opened, transaction
from worker.storage.errors import StorageError

Result = TypeVar("Result")

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        envvar="MARKETMAP_DATABASE_URL", help="Postgres; by default the local services' one."
    ),
]


def chosen_url(database_url: str | None) -> str:
    """Return the given address, or the settings', or the local services'; without any the command ends."""
    url = database_url or database_settings().database_url
    try:
        driver_url(url)
    except ValueError as error:
        fail(f"--database-url: {error}", code=2)
    return url


def run_on_database(call: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end; what the database has against it is the command's failure."""
    try:
        with err.status("Asking the database"):
            return asyncio.run(call)
    except StorageError as error:
        fail(
            f"The database refused: {error}"
            if error.sqlstate
            else f"The database does not answer: {error}"
        )


def read_database(
    database_url: str | None, read: Callable[[AsyncConnection], Awaitable[Result]]
) -> Result:
    """What ``read`` returns of the database that the command shall use."""

    async def run(url: str) -> Result:
        async with (
            opened(url, application_name="marketmap-cli", pool_size=1) as engine,
            transaction(engine) as connection,
        ):
            return await read(connection)

    return run_on_database(run(chosen_url(database_url)))
