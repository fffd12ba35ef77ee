"""Runs a replay and keeps its record in the database: started, finished, failed, resumed."""

from __future__ import annotations

import uuid
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from worker.domain.errors import FatalError, TransientError
from worker.domain.index import MappingIndex
from worker.operations.replay.plan import Range, ReplayPlan, as_documents, from_documents
from worker.operations.replay.replay_filter import ReplayFilter
from worker.operations.replay.side_replay import Done, SideReplay
from worker.runtime.index.live import build_index
from worker.runtime.process import signals
from worker.settings.connected import ConnectedSettings
from worker.storage import audit, mappings, replays
from worker.storage.engine import opened, transaction
from worker.storage.errors import StorageError
from worker.storage.replays import Replay, ReplayNotResumable, ReplayRun, RunningReplay


class ReplayOrder(NamedTuple):
    """What is asked for besides the ranges; ``as_of`` None: the current mappings; ``rate`` in records/s."""

    choice: ReplayFilter
    as_of: int | None
    rate: float | None
    actor: str
    reason: str


class Ended(NamedTuple):
    """The result of one run of a replay; incomplete when it was stopped before the end."""

    id: str
    mapping_version: int
    done: Done


class Watch(Protocol):
    """Receives the progress of a replay."""

    def began(self, replay_id: str, offsets: int) -> None:
        """The replay is recorded, and has ``offsets`` to read in total."""

    def left(self, offsets: int) -> None:
        """There are ``offsets`` left to read."""


class ReplayFailedError(Exception):
    """A replay ended with an error, and can be resumed. ``cause`` says what it was."""

    def __init__(self, replay_id: str, cause: Exception) -> None:
        super().__init__(str(cause))
        self.replay_id = replay_id


async def run_new(
    settings: ConnectedSettings,
    plan: ReplayPlan,
    order: ReplayOrder,
    watch: Watch,
    *,
    heeds_signals: bool = True,
) -> Ended:
    """Record a replay of the plan's ranges and run it.

    ``heeds_signals``: SIGTERM and SIGINT stop it, and are not those of the process meanwhile.

    Raises ReplayFailedError once it is recorded; before that a StorageError, or UnknownVersionError.
    """
    async with _engine(settings) as engine:
        index = await _load_index(engine, order.as_of)
        replay = Replay(
            id=uuid.uuid4().hex[:12],
            consumer_group=settings.group_id,
            ranges=as_documents(plan.ranges),
            filters=order.choice.as_document(),
            mapping_version=index.version,
            rate=order.rate,
            actor=order.actor,
            reason=order.reason,
        )
        async with replays.start(engine, replay) as running:
            return await _run(settings, running, replay, index, watch, heeds_signals=heeds_signals)


async def run_again(
    settings: ConnectedSettings, replay_id: str, rate: float | None, watch: Watch
) -> Ended:
    """Continue a replay after its last commit, with the same mapping version; ``rate`` None keeps its rate.

    Raises UnknownReplay, ReplayNotResumable (for one whose row cannot be read, too), and as `run_new`.
    """
    async with _engine(settings) as engine, replays.resume(engine, replay_id) as running:
        known = await running.read()
        index = await _load_index(engine, known.mapping_version)
        again = settings.model_copy(update={"group_id": known.consumer_group})
        return await _run(again, running, known._replace(rate=rate or known.rate), index, watch)


async def _run(
    settings: ConnectedSettings,
    running: RunningReplay,
    replay: Replay | ReplayRun,
    index: MappingIndex,
    watch: Watch,
    *,
    heeds_signals: bool = True,
) -> Ended:
    try:
        ranges, choice = from_documents(replay.ranges), ReplayFilter.from_document(replay.filters)
    except ValueError as error:
        await running.finish("FAILED", str(error))
        raise ReplayNotResumable(f"replay {replay.id} cannot be run: {error}") from error
    side = SideReplay(
        settings,
        running,
        ranges=ranges,
        choice=choice,
        index=index,
        rate=replay.rate,
        on_progress=watch.left,
    )
    watch.began(replay.id, _offsets(ranges))
    try:
        async with signals(side.stop) if heeds_signals else nullcontext():
            done = await side.run()
        await running.finish("DONE" if done.is_complete else "ABANDONED")
    except (TransientError, FatalError, StorageError) as error:
        # The database itself may be unavailable: then the replay stays RUNNING there.
        with suppress(StorageError):
            await running.finish("FAILED", str(error))
        raise ReplayFailedError(replay.id, error) from error
    return Ended(replay.id, index.version, done)


def _offsets(ranges: list[Range]) -> int:
    return sum(one.records for one in ranges)


async def _load_index(engine: AsyncEngine, as_of: int | None) -> MappingIndex:
    async with transaction(engine) as connection:
        if as_of is None:
            return build_index(*await mappings.load_index_rows(connection))
        return build_index(as_of, await audit.table_as_of(connection, as_of))


def _engine(settings: ConnectedSettings) -> AbstractAsyncContextManager[AsyncEngine]:
    return opened(settings.database_url, application_name="marketmap-replay", pool_size=2)
