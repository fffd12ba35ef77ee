"""The relays that are connected to the database, as any login may see them."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# The lead is an advisory lock of the session, and a relay holds no other one.
COUNT_RELAYS = text("""
SELECT
    count(DISTINCT session.pid) AS connected,
    count(DISTINCT lock.pid) AS leading,
    min(host(session.client_addr)) FILTER (WHERE lock.pid IS NOT NULL) AS host,
    min(session.backend_start) FILTER (WHERE lock.pid IS NOT NULL) AS since
FROM pg_stat_activity AS session
LEFT JOIN pg_locks AS lock
    ON lock.pid = session.pid AND lock.locktype = 'advisory' AND lock.granted
WHERE session.datname = current_database() AND session.application_name = 'marketmap-relay'
""")


class RelaySessions(NamedTuple):
    """How many relays are connected, and how many of them lead: one, or none for a moment.

    ``host`` and ``since`` are from where and since when the leader is connected. The server hides both from a
    login that may not see the sessions of others.
    """

    connected: int
    leading: int
    host: str | None = None
    since: datetime | None = None


async def count_relays(connection: AsyncConnection) -> RelaySessions:
    return RelaySessions(*(await connection.execute(COUNT_RELAYS)).one())
