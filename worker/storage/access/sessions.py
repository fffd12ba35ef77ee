"""Whether a connection is a session of the server: what a pooler in transaction mode takes away.

Three things of this program live as long as a session: the notifications that it listens for, the lock by
which one relay leads, and the timeouts that are set when it connects. A connection pooler in session mode
keeps them. In transaction mode each transaction may run in another session, and all three are lost without an
error.

The proof needs two connections. The first asks which process of the server serves it. The second opens a
transaction, and the first asks again. A pooler that shares sessions gives the second connection the session
that the first has just used, and the first another one. Then the second sends a notification to the first.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import asyncpg
from asyncpg.exceptions import DuplicatePreparedStatementError, InvalidSQLStatementNameError

from worker.storage.engine import driver_url
from worker.storage.errors import StorageFatal, StorageUnavailable, driver_errors_translated

SERVED_BY: Final = "SELECT pg_backend_pid()"
NOTIFY: Final = "SELECT pg_notify($1, '')"

# A notification of a session arrives at once; one that is still missing after this does not come.
_NOTIFIED_S: Final = 2.0
# What a prepared statement fails with if it was prepared in another session.
_OTHER_SESSION: Final = (InvalidSQLStatementNameError, DuplicatePreparedStatementError)


class Sessions(NamedTuple):
    """What a connection keeps between two transactions."""

    are_kept: bool
    hear_notifications: bool

    @property
    def fault(self) -> str | None:
        """What is wrong, in a sentence; None if nothing is."""
        if not self.are_kept:
            return (
                "a connection pooler in transaction mode shares sessions: notifications, timeouts and the "
                "relay's lock are lost"
            )
        if not self.hear_notifications:
            return "a notification sent from one connection to another does not arrive"
        return None


async def examine_sessions(url: str, *, timeout_s: float = 10.0) -> Sessions:
    """Prove with two connections what a connection keeps.

    Raises StorageUnavailable, also when a pooler has no second session to give, or StorageFatal.
    """
    try:
        async with (
            asyncio.timeout(timeout_s),
            _connection(url) as listening,
            _connection(url) as other,
        ):
            with driver_errors_translated():
                are_kept = await _are_kept(listening, other)
                return Sessions(are_kept, are_kept and await _hear(listening, other))
    except TimeoutError:
        raise StorageUnavailable(
            f"two connections got no answers within {timeout_s:g} s; is a pooler's pool used up?"
        ) from None


async def require_sessions(url: str) -> None:
    """Raises StorageFatal if a pooler shares sessions, StorageUnavailable if it cannot be found out."""
    fault = (await examine_sessions(url)).fault
    if fault is not None:
        raise StorageFatal(f"{fault}; see docs/deploying.md, Connection poolers")


async def _are_kept(one: Any, other: Any) -> bool:
    try:
        before = await one.fetchval(SERVED_BY)
        async with other.transaction():
            await other.fetchval(SERVED_BY)
            return bool(before == await one.fetchval(SERVED_BY))
    except _OTHER_SESSION:
        return False


async def _hear(listening: Any, sending: Any) -> bool:
    arrived = asyncio.Event()
    channel = f"marketmap_proof_{uuid.uuid4().hex}"
    await listening.add_listener(channel, lambda *_: arrived.set())
    await sending.fetchval(NOTIFY, channel)
    try:
        async with asyncio.timeout(_NOTIFIED_S):
            await arrived.wait()
    except TimeoutError:
        return False
    return True


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[Any]:
    with driver_errors_translated():
        connection = await asyncpg.connect(
            driver_url(url), server_settings={"application_name": "marketmap-proof"}
        )
    try:
        yield connection
    finally:
        connection.terminate()
