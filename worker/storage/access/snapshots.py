"""Who holds an old snapshot: as long as somebody does, no dead row that is younger is cleaned up.

Theory of operation. A row of the counts is updated many times an hour, and each update leaves a dead version.
Vacuum and updates remove dead versions, but only those that no snapshot can still see. One snapshot that is
held (an analyst's open transaction, `pg_dump`, a prepared transaction that nobody ends, a replication slot
whose consumer is gone) keeps all versions that are younger, and every batch has to step over them.

- A session holds one by `backend_xmin`, or by an id of its own (`backend_xid`). Sessions of other databases
  do not matter here.
- A prepared transaction holds its id. It has no session, and survives a restart.
- A slot holds `xmin` for a standby with feedback, and `catalog_xmin` for a logical consumer. The latter keeps
  rows of system tables only, but WAL as well.

A login without `pg_read_all_stats` (part of `pg_monitor`) does not see the snapshots of other logins. It does
see the lock that each open transaction has on its own virtual id. Whoever held a snapshot between two looks
had the same transaction open in both, so two looks tell who cannot have held one. Only a standby that gives
feedback without a slot escapes that: it is counted in ``hidden_standbys``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.errors import driver_errors_translated

HolderKind = Literal["session", "prepared", "slot"]


class SnapshotHolder(NamedTuple):
    """Who holds a snapshot. ``name`` is a pid, the id of a prepared transaction, or the name of a slot.

    ``transactions`` is how many transaction ids were given out since. ``since`` is when its transaction
    began; of a slot, since when nobody uses it, or None before Postgres 17.
    """

    kind: HolderKind
    name: str
    login: str | None
    application: str | None
    since: datetime | None
    transactions: int

    def __str__(self) -> str:
        return f"{self._title()}{_since(self.since)}"

    def _title(self) -> str:
        if self.kind == "slot":
            return f"the replication slot {self.name}"
        if self.kind == "prepared":
            return f"the prepared transaction {self.name} of {self.login}"
        return name_session(self.name, self.login, self.application)


class HiddenTransaction(NamedTuple):
    """An open transaction of a session whose snapshot this login does not see; ``id`` is its virtual id."""

    pid: int
    login: str | None
    application: str | None
    id: str

    def __str__(self) -> str:
        return name_session(str(self.pid), self.login, self.application)


class Snapshots(NamedTuple):
    """One look: ``holders`` with the oldest first; ``hidden`` are open transactions of other logins.

    ``hidden_sessions`` counts all sessions that do not show theirs, with or without a transaction.
    """

    now: datetime
    next_id: int
    hidden_sessions: int
    hidden_standbys: int
    holders: Sequence[SnapshotHolder]
    hidden: Sequence[HiddenTransaction]


READ_HOLDERS = text("""
SELECT
    'session' AS kind,
    CAST(pid AS text) AS name,
    CAST(usename AS text) AS login,
    nullif(application_name, '') AS application,
    xact_start AS since,
    greatest(age(backend_xmin), age(backend_xid)) AS transactions
FROM pg_stat_activity
WHERE (datname = current_database() OR datid IS NULL)
    AND coalesce(backend_xmin, backend_xid) IS NOT NULL
    AND leader_pid IS NULL
    AND backend_type <> 'autovacuum worker'
    AND pid <> pg_backend_pid()
UNION ALL
SELECT 'prepared', gid, CAST(owner AS text), NULL, prepared, age(transaction)
FROM pg_prepared_xacts
WHERE database = current_database()
UNION ALL
SELECT
    'slot',
    CAST(slot_name AS text),
    NULL,
    NULL,
    CAST(to_jsonb(slot) ->> 'inactive_since' AS timestamptz),
    greatest(age(xmin), age(catalog_xmin))
FROM pg_replication_slots AS slot
WHERE coalesce(xmin, catalog_xmin) IS NOT NULL
ORDER BY transactions DESC, name
""")

# Postgres puts these words in the place of a statement that the login may not see, with the rest of the row.
READ_HIDDEN = text("""
SELECT pid, CAST(usename AS text), nullif(application_name, ''), virtualtransaction
FROM pg_stat_activity
JOIN pg_locks USING (pid)
WHERE datname = current_database()
    AND query = '<insufficient privilege>'
    AND usesysid IS NOT NULL
    AND locktype = 'virtualxid'
    AND virtualxid = virtualtransaction
ORDER BY pid
""")

READ_SURROUNDINGS = text("""
SELECT
    clock_timestamp(),
    CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint),
    (
        SELECT count(*)
        FROM pg_stat_activity
        WHERE datname = current_database()
            AND query = '<insufficient privilege>'
            AND usesysid IS NOT NULL
    ),
    (
        SELECT count(*)
        FROM pg_stat_replication
        WHERE state IS NULL
            AND pid NOT IN (SELECT active_pid FROM pg_replication_slots WHERE active_pid IS NOT NULL)
    )
""")


async def read_snapshots(connection: AsyncConnection) -> Snapshots:
    """Look once. Raises a StorageError."""
    with driver_errors_translated():
        surroundings = (await connection.execute(READ_SURROUNDINGS)).one()
        holders = [SnapshotHolder(*row) for row in await connection.execute(READ_HOLDERS)]
        hidden = [HiddenTransaction(*row) for row in await connection.execute(READ_HIDDEN)]
    now, next_id, sessions, standbys = surroundings
    return Snapshots(now, next_id, sessions, standbys, holders, hidden)


def name_session(pid: str, login: str | None, application: str | None) -> str:
    return f"pid {pid}, login {login}" + (f", application {application}" if application else "")


def _since(moment: datetime | None) -> str:
    return f", since {moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else ""
