"""The lead: the lock by which one of several processes works, and all that a leading relay does with it.

Whatever ends the connection ends the lead. If the process of a leader is frozen, the server ends its silent
connection. What such a leader still sends when it wakes up is fenced off on the publishing side.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage import relay
from worker.storage.access.locks import Lock, refuse_intruder, relay_lock, try_to_take
from worker.storage.access.sessions import require_sessions
from worker.storage.audit import AuditRow, read_after
from worker.storage.audit_sql import CHANNEL
from worker.storage.engine import opened
from worker.storage.errors import StorageUnavailable, driver_errors_translated

_STANDBY_S: Final = 1.0
_TURNS_BETWEEN_QUESTIONS: Final = 30
_STATEMENT_S: Final = 10.0

# Pending changes are few: they are counted from the cursor on.
PENDING = text(
    "SELECT count(*) AS changes, min(created_at) AS since FROM mapping_audit_log WHERE id > :version"
)

# A host that vanished keeps the lock no longer than this silence.
BOUND_SILENCE = text("""
SELECT
    set_config('idle_session_timeout', :silence_ms, false),
    set_config('tcp_keepalives_idle', '5', false),
    set_config('tcp_keepalives_interval', '5', false),
    set_config('tcp_keepalives_count', '3', false)
""")


class Pending(NamedTuple):
    """Changes after the cursor: how many, and when the oldest was made, None for none."""

    changes: int
    since: datetime | None


class Lead:
    """The lead of one relay. Every method raises StorageUnavailable when it is lost."""

    def __init__(self, connection: AsyncConnection, name: str, version: int) -> None:
        self._connection = connection
        self._name = name
        self._stirred = asyncio.Event()
        self.version = version

    async def changes(self, limit: int) -> Sequence[AuditRow]:
        """Return the next changes to publish, in order."""
        self._stirred.clear()
        return await read_after(self._connection, self.version, limit)

    async def pending(self) -> Pending:
        with driver_errors_translated():
            found = await self._connection.execute(PENDING, {"version": self.version})
            return Pending(*found.one())

    async def advance(self, version: int) -> None:
        """Record that everything up to ``version`` is published."""
        moved = await relay.move_cursor(
            self._connection, self._name, expected=self.version, version=version
        )
        if not moved:
            raise StorageUnavailable(f"the cursor is not at {self.version}: another relay leads")
        self.version = version

    async def wait(self, timeout_s: float) -> None:
        """Wait until a change is announced, the connection ends or the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._stirred.wait()
        except TimeoutError:
            return

    async def attach(self, driver: Any) -> None:
        driver.add_termination_listener(lambda _: self._stirred.set())
        with driver_errors_translated():
            await driver.add_listener(CHANNEL, lambda *_: self._stirred.set())


@asynccontextmanager
async def leading(
    url: str, name: str, *, silence_s: float, on_standby: Callable[[], None]
) -> AsyncIterator[Lead]:
    """Stand by until no other relay leads, then lead for as long as the block runs; see ``leadership``."""
    async with leadership(
        url,
        relay_lock(name),
        application_name="marketmap-relay",
        silence_s=silence_s,
        on_standby=on_standby,
    ) as connection:
        lead = Lead(connection, name, await relay.read_cursor(connection, name))
        driver = (await connection.get_raw_connection()).driver_connection
        await lead.attach(driver)
        yield lead


@asynccontextmanager
async def leadership(
    url: str,
    lock: Lock,
    *,
    application_name: str,
    silence_s: float,
    on_standby: Callable[[], None],
) -> AsyncIterator[AsyncConnection]:
    """Stand by until no other session has the lock, then have it for as long as the block runs.

    The connection has no transactions. ``silence_s`` is the longest time without a statement: after it the
    server ends the lead. Raises StorageUnavailable or StorageFatal, and so does every use of the connection.
    StorageUnavailable names a session that has the lock and may not do its work.
    """
    await require_sessions(url)
    own = opened(
        url, application_name=application_name, pool_size=1, statement_timeout_s=_STATEMENT_S
    )
    async with own as engine, _session(engine.connect()) as connection:
        with driver_errors_translated():
            await connection.execute(BOUND_SILENCE, {"silence_ms": str(round(silence_s * 1000))})
        # It polls: a wait inside the server would keep a snapshot, and hold up its vacuum.
        for turn in itertools.count():
            if await try_to_take(connection, lock):
                break
            if turn % _TURNS_BETWEEN_QUESTIONS == 0:
                await refuse_intruder(connection, lock)
            on_standby()
            await asyncio.sleep(_STANDBY_S)
        yield connection


@asynccontextmanager
async def _session(connection: AsyncConnection) -> AsyncIterator[AsyncConnection]:
    """A connection without transactions that does not go back to its pool: the lock must end with it."""
    with driver_errors_translated():
        await connection.start()
    try:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        yield connection
    finally:
        await connection.invalidate()
        await connection.close()
