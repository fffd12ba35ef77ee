"""The advisory locks of this project: who holds one, and whether that login has any business with it.

Postgres lets everybody who can connect take every advisory lock, and whoever does not know a key reads it
from `pg_locks`. So a lock keeps our own processes in order and protects nothing from somebody who means harm:
every wait for one has an end, and whoever waits names the session that is in the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.errors import StorageUnavailable, driver_errors_translated

LOCK_TIMEOUT: Final = "55P03"

# One run of migrations at a time. No other program may use the number in the same database; nor the next one.
MIGRATIONS_KEY: Final = 7_203_511_896_340_011
# One worker at a time announces first sightings.
ANNOUNCE_KEY: Final = 7_203_511_896_340_012

_MOST_NAMED: Final = 3


class Lock(NamedTuple):
    """`name` is hashed to the key, unless there is one. `needs` is the privilege that its work takes."""

    work: str
    needs: tuple[str, str]
    name: str = ""
    key: int | None = None


MIGRATIONS: Final = Lock("migrating", ("mapping_audit_log", "TRIGGER"), key=MIGRATIONS_KEY)
ANNOUNCEMENTS: Final = Lock(
    "announcing first sightings", ("unmapped_market_log", "INSERT"), key=ANNOUNCE_KEY
)
MAPPINGS: Final = Lock(
    "changing mappings", ("user_market_mappings", "UPDATE"), name="marketmap.mappings"
)


def relay_lock(name: str) -> Lock:
    return Lock("publishing changes", ("relay_cursor", "UPDATE"), name=f"marketmap.relay/{name}")


def insight_lock(name: str) -> Lock:
    return Lock(
        "watching what odds say", ("mapping_evidence", "UPDATE"), name=f"marketmap.insight/{name}"
    )


def replay_lock(replay_id: str) -> Lock:
    return Lock("the replay", ("replay_run", "UPDATE"), name=f"marketmap.replay/{replay_id}")


class LockHolder(NamedTuple):
    """A session. `pid` is None for a prepared transaction, `since` where this login may not see it.

    `since` is when its transaction began; of a session without one, when it last did something.
    `is_entitled` is whether its login may do the work of the lock; None where that cannot be known.
    """

    pid: int | None
    login: str | None
    application: str | None
    since: datetime | None
    is_entitled: bool | None

    def __str__(self) -> str:
        if self.pid is None:
            return "a prepared transaction (pg_prepared_xacts)"
        application = f", application {self.application}" if self.application else ""
        since = f", since {self.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if self.since else ""
        return f"pid {self.pid}, login {self.login}{application}{since}"


# The session has it until its connection ends, however it ends.
TRY_TO_TAKE = text("SELECT pg_try_advisory_lock(hashtextextended(CAST(:name AS text), 0))")

READ_HOLDERS = text("""
WITH wanted AS (
    SELECT coalesce(CAST(:key AS bigint), hashtextextended(CAST(:name AS text), 0)) AS key
)
SELECT
    held.pid,
    CAST(session.usename AS text) AS login,
    nullif(session.application_name, '') AS application,
    coalesce(session.xact_start, session.state_change) AS since,
    has_table_privilege(session.usesysid, to_regclass(CAST(:table AS text)), CAST(:privilege AS text))
FROM pg_locks AS held
CROSS JOIN wanted
LEFT JOIN pg_stat_activity AS session USING (pid)
WHERE held.locktype = 'advisory'
    AND held.granted
    AND held.objsubid = 1
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND held.classid = CAST((wanted.key >> 32) & 4294967295 AS oid)
    AND held.objid = CAST(wanted.key & 4294967295 AS oid)
    AND held.pid IS DISTINCT FROM pg_backend_pid()
ORDER BY since NULLS LAST, held.pid
""")

# A table that somebody has only read is locked as well, until that transaction ends.
READ_TABLE_HOLDERS = text("""
SELECT
    held.pid,
    CAST(session.usename AS text) AS login,
    nullif(session.application_name, '') AS application,
    coalesce(session.xact_start, session.state_change) AS since,
    NULL AS is_entitled
FROM pg_locks AS held
JOIN pg_class ON pg_class.oid = held.relation
LEFT JOIN pg_stat_activity AS session USING (pid)
WHERE held.granted
    AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND pg_class.relowner = (SELECT relowner FROM pg_class WHERE oid = to_regclass('mapping_audit_log'))
    AND held.pid IS DISTINCT FROM pg_backend_pid()
GROUP BY 1, 2, 3, 4
ORDER BY since NULLS LAST, held.pid
""")


async def try_to_take(connection: AsyncConnection, lock: Lock) -> bool:
    """Return whether this connection has a lock with a name now, until it ends. Raises a StorageError.

    The connection must not go back to a pool.
    """
    with driver_errors_translated():
        return bool(await connection.scalar(TRY_TO_TAKE, {"name": lock.name}))


async def holders(connection: AsyncConnection, lock: Lock) -> list[LockHolder]:
    """Who else holds it at this moment, the oldest first. Raises a StorageError."""
    table, privilege = lock.needs
    parameters = {"key": lock.key, "name": lock.name, "table": table, "privilege": privilege}
    with driver_errors_translated():
        return [LockHolder(*row) for row in await connection.execute(READ_HOLDERS, parameters)]


async def table_holders(connection: AsyncConnection) -> list[LockHolder]:
    """Who else has a lock on a table of this project, the oldest first. Raises a StorageError."""
    with driver_errors_translated():
        return [LockHolder(*row) for row in await connection.execute(READ_TABLE_HOLDERS)]


async def refuse_intruder(connection: AsyncConnection, lock: Lock) -> None:
    """Raise StorageUnavailable if a login holds the lock that may not do its work."""
    intruders = [one for one in await holders(connection, lock) if one.is_entitled is False]
    if intruders:
        raise StorageUnavailable(held_by(lock, intruders), LOCK_TIMEOUT)


def held_by(lock: Lock, found: Sequence[LockHolder]) -> str:
    """Who keeps the work of a lock waiting, in a sentence."""
    return f"{lock.work} waits for {name_holders(found)}"


def name_holders(found: Sequence[LockHolder]) -> str:
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return "; ".join(map(str, found[:_MOST_NAMED])) + more if found else "a session that has ended"
