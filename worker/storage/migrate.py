"""Bringing a database to a revision.

One run is one transaction: it arrives or leaves the database as it was. Runs at the same time wait for each
other, so every worker of a deployment may migrate on its way up.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.engine import opened
from worker.storage.errors import driver_errors_translated
from worker.storage.schema import refuse_unsafe_schema

# Any number will do, as long as no other program takes the same one in the same database.
ADVISORY_LOCK = 7_203_511_896_340_011

# A migration that waits for a table makes everyone behind it wait too: give up early, try again later.
TABLE_LOCK_TIMEOUT_S = 30

WAIT_FOR_OTHER_RUNS = text("SELECT pg_advisory_xact_lock(:lock)")
LIMIT_LOCK_WAITS = text("SELECT set_config('lock_timeout', :timeout, true)")


class Migrated(NamedTuple):
    """The revision before and after; None is the empty database."""

    before: str | None
    after: str | None


class UnknownRevisionError(ValueError):
    """There is no such revision, or it does not lie in the direction asked for."""


async def upgrade(url: str, revision: str = "head") -> Migrated:
    """Upgrade the database at `url` to `revision`. Does nothing when it is there already.

    Raises UnknownRevisionError, and StorageUnavailable or StorageFatal when the database refuses.
    """
    return await _migrate(url, command.upgrade, revision)


async def downgrade(url: str, revision: str) -> Migrated:
    """Downgrade to `revision` ("base" for an empty database, "-1" for one step). Raises as `upgrade`."""
    return await _migrate(url, command.downgrade, revision)


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
    return config.output_buffer.getvalue()


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


def script_folder() -> Path:
    """The migrations beside this module in an installed package, at the top in a checkout."""
    installed = Path(__file__).with_name("_alembic")
    return installed if installed.is_dir() else Path(__file__).parents[2] / "alembic"


@asynccontextmanager
async def locked_connection(url: str) -> AsyncIterator[AsyncConnection]:
    """One transaction, alone among migrations; committed on a clean exit."""
    unhurried = opened(
        url,
        application_name="marketmap-migrate",
        pool_size=1,
        statement_timeout_s=0,
        lock_timeout_s=0,
    )
    async with unhurried as engine:
        with driver_errors_translated():
            async with engine.begin() as connection:
                await connection.execute(WAIT_FOR_OTHER_RUNS, {"lock": ADVISORY_LOCK})
                await connection.execute(LIMIT_LOCK_WAITS, {"timeout": f"{TABLE_LOCK_TIMEOUT_S}s"})
                await refuse_unsafe_schema(connection)
                yield connection


async def _migrate(url: str, move: Callable[[Config, str], None], revision: str) -> Migrated:
    async with locked_connection(url) as connection:
        return await connection.run_sync(_move, move, revision)


def _move(connection: Connection, move: Callable[[Config, str], None], revision: str) -> Migrated:
    config = alembic_config()
    config.attributes["connection"] = connection
    before = _current(connection)
    with _unknown_revisions_named():
        move(config, revision)
    after = _current(connection)
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
