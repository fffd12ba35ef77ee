"""How a command finds the database, and what it says when it cannot use it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, NoReturn, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.connection import database_settings
from worker.cli.console import err, fail
from worker.settings.database_address import check_database_url
from worker.storage.engine import opened, transaction
from worker.storage.errors import StorageError

Result = TypeVar("Result")

_NO_SUCH_TABLE: Final = "42P01"
_REFUSED: Final = re.compile(r"\[Errno 111\] Connect call failed \('([^']+)', (\d+)")


def chosen_url(database_url: str | None) -> str:
    """Return the address given, else that of the settings or of the local services; without any, fail."""
    if not database_url:
        return database_settings().database_url
    try:
        return check_database_url(database_url)
    except ValueError as error:
        fail(f"--database-url: {error}", code=2)


def run_on_database(call: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end; an error of the database ends the command with a sentence."""
    try:
        with err.status("Asking the database"):
            return asyncio.run(call)
    except StorageError as error:
        fail_by_database(error)


def fail_by_database(error: StorageError) -> NoReturn:
    """End the command with a sentence for people."""
    fail(database_failure(error), kind="REFUSED" if error.sqlstate else "NO_ANSWER")


def database_failure(error: StorageError) -> str:
    """Return a sentence for people."""
    if error.sqlstate == _NO_SUCH_TABLE:
        return (
            f"The database refused: {error}. `marketmap config` shows which database this is; "
            "`marketmap migrate` creates the tables."
        )
    if error.sqlstate:
        return f"The database refused: {error}"
    refused = _REFUSED.search(str(error))
    cause = f"{refused[1]}:{refused[2]} refuses the connection" if refused else error
    return f"The database does not answer: {cause}"


def read_database(
    database_url: str | None,
    read: Callable[[AsyncConnection], Awaitable[Result]],
    *,
    idle_timeout_s: float = 10.0,
) -> Result:
    """Return what ``read`` finds in the database that the command uses.

    ``idle_timeout_s`` is how long it may pause between two statements, as when a reader of its output does.
    """

    async def run(url: str) -> Result:
        async with (
            opened(
                url,
                application_name="marketmap-cli",
                pool_size=1,
                idle_in_transaction_timeout_s=idle_timeout_s,
            ) as engine,
            transaction(engine) as connection,
        ):
            return await read(connection)

    return run_on_database(run(chosen_url(database_url)))


async def in_one_transaction(
    url: str, change: Callable[[AsyncConnection], Awaitable[Result]], *, dry_run: bool
) -> Result:
    """Return what ``change`` did, in a transaction that a dry run takes back."""
    async with (
        opened(url, application_name="marketmap-cli", pool_size=1) as engine,
        transaction(engine) as connection,
    ):
        result = await change(connection)
        if dry_run:
            await connection.rollback()
        return result
