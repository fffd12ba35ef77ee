"""Publishes recent events again after a change, as `--republish` of the commands does, behind the pages.

A replay takes longer than a page, so it runs by itself, one after the other. Its record in the database says
who asked for it, why, and how far it is; what fails before there is a record is kept here and logged.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime
from typing import Final, NamedTuple

import structlog

from worker.domain.errors import FatalError, TransientError
from worker.operations.mappings.backfill import Backfill, survey_settled
from worker.operations.replay.start_and_resume import ReplayFailedError, run_new
from worker.storage.errors import StorageError

log = structlog.get_logger()

_MOST_WAITING: Final = 20
_MOST_FAILED: Final = 20


class FailedRepublish(NamedTuple):
    """Events that were not published again, why, and the command that does it."""

    of: str
    actor: str
    error: str
    by_hand: str
    at: datetime


class _Unwatched:
    """Receives the progress of a replay; its record in the database has it, too."""

    def began(self, replay_id: str, offsets: int) -> None:
        """Nobody looks on."""

    def left(self, offsets: int) -> None:
        """Nobody looks on."""


class Republisher:
    """Replays after changes: one at a time, the others wait."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._one = asyncio.Lock()
        self.failed: deque[FailedRepublish] = deque(maxlen=_MOST_FAILED)

    @property
    def waiting(self) -> int:
        """How many are not done yet."""
        return len(self._tasks)

    @property
    def is_full(self) -> bool:
        return len(self._tasks) >= _MOST_WAITING

    def start(self, wanted: Backfill, of: str, *, actor: str, reason: str) -> None:
        """Publish again what a change concerns, once every worker has it."""
        task = asyncio.create_task(self._run(wanted, of, actor, reason))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stop what runs; a replay that was begun can be resumed by the command."""
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, wanted: Backfill, of: str, actor: str, reason: str) -> None:
        async with self._one:
            try:
                found = await survey_settled(wanted)
                if not found.records:
                    return
                order = wanted.order(of, actor, reason)
                await run_new(wanted.settings, found, order, _Unwatched(), heeds_signals=False)
            except (TransientError, FatalError, StorageError, ReplayFailedError) as error:
                log.warning("console_not_republished", of=of, error=str(error))
                again = (
                    f"marketmap replay run --resume {error.replay_id}"
                    if isinstance(error, ReplayFailedError)
                    else wanted.by_hand
                )
                self.failed.appendleft(
                    FailedRepublish(of, actor, str(error), again, datetime.now(UTC))
                )
