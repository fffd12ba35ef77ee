"""How many connections the server allows, to everybody and to this login."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.errors import driver_errors_translated

# Some connections are kept for superusers and, from Postgres 16 on, for members of a group. A limit of -1 is
# none; of a superuser the server checks no limit of the login.
READ_LIMITS = text("""
SELECT
    CAST(current_setting('max_connections') AS integer) AS allowed,
    CAST(current_setting('superuser_reserved_connections') AS integer)
        + CAST(coalesce(current_setting('reserved_connections', true), '0') AS integer) AS reserved,
    (
        SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user AND NOT rolsuper
    ) AS of_login,
    (
        SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()
    ) AS of_database,
    (SELECT CAST(sum(numbackends) AS integer) FROM pg_stat_database) AS in_use
""")


class ConnectionLimits(NamedTuple):
    """``of_login`` and ``of_database`` are None if there is no limit. ``in_use`` is of all databases."""

    allowed: int
    reserved: int
    of_login: int | None
    of_database: int | None
    in_use: int

    @property
    def usable(self) -> int:
        """How many connections the login may have at most, if nobody else has any."""
        limits = (self.allowed - self.reserved, self.of_login, self.of_database)
        return min(limit for limit in limits if limit is not None)


async def read_limits(connection: AsyncConnection) -> ConnectionLimits:
    """Raises a StorageError."""
    with driver_errors_translated():
        return ConnectionLimits(*(await connection.execute(READ_LIMITS)).one())
