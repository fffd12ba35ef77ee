"""Side replays: who asked for what and why, and how far each has come.

The offsets that a replay has processed are committed in Kafka. This table has what a person wants to know.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from worker.storage import replays_sql as sql
from worker.storage.access import locks
from worker.storage.errors import driver_errors_translated

_ROWS_AT_ONCE: Final = 200

ReplayState = Literal["RUNNING", "DONE", "FAILED", "ABANDONED"]


class Replay(NamedTuple):
    """The order of a replay; ``rate`` is in records/s, None for no limit."""

    id: str
    consumer_group: str
    ranges: list[dict[str, Any]]
    filters: dict[str, Any]
    mapping_version: int
    rate: float | None
    actor: str
    reason: str


class ReplayRun(NamedTuple):
    """A replay as it is now. RUNNING with an old ``updated_at`` means that it was killed.

    Counts are of records, and of all attempts: what was repeated after a kill is counted twice. `ranges` and
    `filters` are as they were asked for, unless somebody else wrote the row. `login` is the database login
    that started it, None for one from before logins were kept.
    """

    id: str
    consumer_group: str
    ranges: Any
    filters: Any
    mapping_version: int
    rate: float | None
    actor: str
    reason: str
    state: ReplayState
    error: str | None
    published: int
    passed_over: int
    unreadable: int
    lost: int
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    login: str | None


class UnknownReplay(LookupError):  # noqa: N818 (it names what is asked for, not a mistake)
    """There is no replay of this id."""

    def __init__(self, replay_id: str) -> None:
        super().__init__(f"there is no replay {replay_id}")


class ReplayNotResumable(Exception):  # noqa: N818 (it names a state, not a mistake)
    """The replay is done, or another process runs it."""


class RunningReplay:
    """One replay that this process alone runs, for as long as its connection lives."""

    def __init__(self, connection: AsyncConnection, replay_id: str) -> None:
        self._connection = connection
        self.id = replay_id

    async def read(self) -> ReplayRun:
        return await get(self._connection, self.id)

    async def add(
        self, *, published: int = 0, passed_over: int = 0, unreadable: int = 0, lost: int = 0
    ) -> None:
        counts = {
            "published": published,
            "passed_over": passed_over,
            "unreadable": unreadable,
            "lost": lost,
        }
        with driver_errors_translated():
            await self._connection.execute(sql.ADD, {"id": self.id, **counts})

    async def finish(self, state: ReplayState, error: str | None = None) -> None:
        with driver_errors_translated():
            await self._connection.execute(
                sql.FINISH, {"id": self.id, "state": state, "error": error}
            )


@asynccontextmanager
async def start(engine: AsyncEngine, replay: Replay) -> AsyncIterator[RunningReplay]:
    """Record a new replay, RUNNING. Raises a StorageError."""
    async with _alone(engine, replay.id) as connection:
        values = replay._asdict() | {
            "ranges": orjson.dumps(replay.ranges).decode(),
            "filters": orjson.dumps(replay.filters).decode(),
        }
        with driver_errors_translated():
            await connection.execute(sql.INSERT, values)
        yield RunningReplay(connection, replay.id)


@asynccontextmanager
async def resume(engine: AsyncEngine, replay_id: str) -> AsyncIterator[RunningReplay]:
    """Resume a replay. Raises UnknownReplay, ReplayNotResumable or a StorageError."""
    async with _alone(engine, replay_id) as connection:
        await get(connection, replay_id)
        with driver_errors_translated():
            reopened = await connection.scalar(sql.REOPEN, {"id": replay_id})
        if reopened is None:
            raise ReplayNotResumable(f"replay {replay_id} is done")
        yield RunningReplay(connection, replay_id)


async def get(connection: AsyncConnection, replay_id: str) -> ReplayRun:
    """Raises UnknownReplay or a StorageError."""
    with driver_errors_translated():
        row = (await connection.execute(sql.READ, {"id": replay_id})).one_or_none()
    if row is None:
        raise UnknownReplay(replay_id)
    return ReplayRun(*row)


async def newest(connection: AsyncConnection, limit: int) -> Sequence[ReplayRun]:
    """Return up to ``limit`` replays, the newest first. Raises a StorageError."""
    return [run async for run in stream_newest(connection, limit)]


async def stream_newest(connection: AsyncConnection, limit: int) -> AsyncIterator[ReplayRun]:
    """Yield the same in parts, so that they are never all in memory."""
    with driver_errors_translated():
        async with connection.stream(sql.READ_NEWEST, {"limit": limit}) as result:
            async for part in result.partitions(_ROWS_AT_ONCE):
                for row in part:
                    yield ReplayRun(*row)


async def count(connection: AsyncConnection) -> int:
    """Return the number of all replays. Raises a StorageError."""
    with driver_errors_translated():
        return int(await connection.scalar(sql.COUNT) or 0)


@asynccontextmanager
async def _alone(engine: AsyncEngine, replay_id: str) -> AsyncIterator[AsyncConnection]:
    """A connection in autocommit that holds the replay's lock and does not go back to its pool."""
    connection = engine.connect()
    with driver_errors_translated():
        await connection.start()
    try:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        with driver_errors_translated():
            is_ours = await connection.scalar(sql.TRY_TO_RUN, {"id": replay_id})
        if not is_ours:
            found = await locks.holders(connection, locks.replay_lock(replay_id))
            who = locks.name_holders(found)
            raise ReplayNotResumable(f"replay {replay_id} is running in another process: {who}")
        yield connection
    finally:
        await connection.invalidate()
        await connection.close()
