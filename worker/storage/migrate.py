"""Migrations: bringing a database to a revision.

One run is one transaction: it completes, or leaves the database as it was. Concurrent runs wait for each
other, so every worker of a deployment may migrate when it starts.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from io import StringIO
from typing import Final, NamedTuple

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.access import locks
from worker.storage.access.ownership import hand_over
from worker.storage.access.schema import refuse_unsafe_schema
from worker.storage.engine import opened, transaction
from worker.storage.errors import StorageUnavailable, driver_errors_translated
from worker.storage.routines import script_folder

# Another run may build an index over all of history; whoever is only in the way is named by then.
WAIT_FOR_OTHER_RUNS_S = 300.0
_ASK_AGAIN_S = 0.5

# Alembic's own table is made by no revision. Every part of this program may ask which one it names.
GRANT_REVISION: Final = """
DO $$
DECLARE
    grantee text;
BEGIN
    FOR grantee IN
        SELECT rolname FROM pg_roles
        WHERE rolname IN ('marketmap_worker', 'marketmap_editor', 'marketmap_reader')
    LOOP
        EXECUTE 'GRANT SELECT ON alembic_version TO ' || quote_ident(grantee);
    END LOOP;
END
$$
"""

# A migration that waits for a table makes all others wait behind it: give up early, and retry later.
TABLE_LOCK_TIMEOUT_S = 30

TRY_TO_MIGRATE = text("SELECT pg_try_advisory_xact_lock(:lock)")
LIMIT_LOCK_WAITS = text("SELECT set_config('lock_timeout', :timeout, true)")
# Called once, with the sessions that the migration waits for.
OnWait = Callable[[str], None]


class Migrated(NamedTuple):
    """The revision before and after; None is the empty database."""

    before: str | None
    after: str | None


def _wait_in_silence(_: str) -> None:
    return


class UnknownRevisionError(ValueError):
    """There is no such revision, or it is not in the requested direction."""


async def upgrade(
    url: str,
    revision: str = "head",
    *,
    wait_s: float = WAIT_FOR_OTHER_RUNS_S,
    on_wait: OnWait = _wait_in_silence,
) -> Migrated:
    """Upgrade the database at `url` to `revision`. Does nothing if it is there already.

    Another run is waited for up to `wait_s`; `on_wait` is called with who it is. Raises UnknownRevisionError,
    and StorageUnavailable or StorageFatal when the database refuses: the first names the sessions in the way.
    """
    return await _migrate(url, command.upgrade, revision, wait_s, on_wait)


async def downgrade(
    url: str,
    revision: str,
    *,
    wait_s: float = WAIT_FOR_OTHER_RUNS_S,
    on_wait: OnWait = _wait_in_silence,
) -> Migrated:
    """Downgrade to `revision` ("base" for an empty database, "-1" for one step). Does as `upgrade`."""
    return await _migrate(url, command.downgrade, revision, wait_s, on_wait)


async def current(url: str) -> str | None:
    """Return the revision of the database at `url`, None before the first one."""
    async with opened(url, application_name="marketmap-migrate", pool_size=1) as engine:
        with driver_errors_translated():
            async with engine.connect() as connection:
                return await connection.run_sync(_current)


def upgrade_sql(revision: str = "head") -> str:
    """Return the SQL that builds an empty database up to `revision`."""
    config = alembic_config()
    config.output_buffer = StringIO()
    with _unknown_revisions_named():
        command.upgrade(config, revision, sql=True)
    return f"{config.output_buffer.getvalue()}{GRANT_REVISION.strip()};\n\n"


def known_revision(name: str = "head") -> str | None:
    """Return the identifier of the revision that `name` stands for; None for "base".

    Raises UnknownRevisionError.
    """
    with _unknown_revisions_named():
        script: Script | None = ScriptDirectory.from_config(alembic_config()).get_revision(name)
    return script.revision if script else None


def alembic_config() -> Config:
    config = Config()
    # ConfigParser would read a percent sign in the path as the start of a placeholder.
    config.set_main_option("script_location", str(script_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


@asynccontextmanager
async def locked_connection(
    url: str, *, wait_s: float = WAIT_FOR_OTHER_RUNS_S, on_wait: OnWait = _wait_in_silence
) -> AsyncIterator[AsyncConnection]:
    """A transaction that no other migration runs next to; committed on a clean exit.

    What it created belongs to the group of owners then, if that group owns the tables.
    """
    async with opened(
        url,
        application_name="marketmap-migrate",
        pool_size=1,
        statement_timeout_s=0,
        lock_timeout_s=0,
    ) as engine:
        try:
            with driver_errors_translated():
                async with engine.begin() as connection:
                    await _wait_for_other_runs(connection, wait_s, on_wait)
                    await connection.execute(
                        LIMIT_LOCK_WAITS, {"timeout": f"{TABLE_LOCK_TIMEOUT_S}s"}
                    )
                    await refuse_unsafe_schema(connection)
                    yield connection
                    await hand_over(connection)
        except StorageUnavailable as error:
            # Without a cause it is the message below, which has named them.
            if error.sqlstate != locks.LOCK_TIMEOUT or error.__cause__ is None:
                raise
            async with transaction(engine) as connection:
                found = await locks.table_holders(connection)
            message = f"migrating waits for tables: {locks.name_holders(found)}"
            raise StorageUnavailable(message, error.sqlstate) from error


async def _wait_for_other_runs(connection: AsyncConnection, wait_s: float, on_wait: OnWait) -> None:
    """Ask again and again: a wait inside the server would have no message for whoever waits."""
    deadline: float | None = None
    while not await connection.scalar(TRY_TO_MIGRATE, {"lock": locks.MIGRATIONS_KEY}):
        loop = asyncio.get_running_loop()
        if deadline is None:
            deadline = loop.time() + wait_s
            on_wait(locks.held_by(locks.MIGRATIONS, await _other_runs(connection)))
        if loop.time() >= deadline:
            message = locks.held_by(locks.MIGRATIONS, await _other_runs(connection))
            raise StorageUnavailable(f"{message}: given up after {wait_s:g} s", locks.LOCK_TIMEOUT)
        await asyncio.sleep(_ASK_AGAIN_S)


async def _other_runs(connection: AsyncConnection) -> list[locks.LockHolder]:
    return await locks.holders(connection, locks.MIGRATIONS)


async def _migrate(
    url: str,
    move: Callable[[Config, str], None],
    revision: str,
    wait_s: float,
    on_wait: OnWait,
) -> Migrated:
    async with locked_connection(url, wait_s=wait_s, on_wait=on_wait) as connection:
        return await connection.run_sync(_move, move, revision)


def _move(connection: Connection, move: Callable[[Config, str], None], revision: str) -> Migrated:
    config = alembic_config()
    config.attributes["connection"] = connection
    before = _current(connection)
    with _unknown_revisions_named():
        move(config, revision)
    after = _current(connection)
    if after is not None:
        connection.execute(text(GRANT_REVISION))
    if not revision.startswith(("+", "-")) and after != known_revision(revision):
        raise UnknownRevisionError(f"{revision} does not lie in that direction from {before}")
    return Migrated(before, after)


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def _unknown_revisions_named() -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise UnknownRevisionError(str(error)) from error
