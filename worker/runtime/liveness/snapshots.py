"""Watches for snapshots that are held for long: they keep dead rows, and counting slows down.

A worker looks once a minute. What its login does not see of other logins, it measures: a transaction that is
there in each look has been open at least since the first of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple, get_args

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage.access.snapshots import (
    HiddenTransaction,
    HolderKind,
    Snapshots,
    read_snapshots,
)
from worker.storage.engine import transaction
from worker.storage.errors import StorageError

log = structlog.get_logger()

_EVERY_S: Final = 60.0


class SnapshotAge(NamedTuple):
    """The age of the oldest snapshot. ``seconds`` is 0 where Postgres does not say since when it is held."""

    transactions: int = 0
    seconds: float = 0.0


class HeldSnapshots(NamedTuple):
    """The oldest of each kind; ``ages`` is None when the database did not answer."""

    ages: Mapping[HolderKind, SnapshotAge] | None


class _Seen(NamedTuple):
    at: datetime
    next_id: int


class SnapshotWatch:
    def __init__(self, engine: AsyncEngine, *, report: Callable[[HeldSnapshots], None]) -> None:
        self._engine = engine
        self._report = report
        self._first_seen: dict[HiddenTransaction, _Seen] = {}

    async def run(self) -> None:
        """Look once a minute until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        try:
            async with transaction(self._engine) as connection:
                look = await read_snapshots(connection)
        except StorageError as error:
            log.warning("snapshots_not_known", error=str(error))
            self._report(HeldSnapshots(None))
            return
        self._report(HeldSnapshots(self._ages(look)))

    def _ages(self, look: Snapshots) -> dict[HolderKind, SnapshotAge]:
        ages = dict.fromkeys(get_args(HolderKind), SnapshotAge())
        for holder in look.holders:
            age = SnapshotAge(holder.transactions, _seconds(holder.since, look.now))
            ages[holder.kind] = _older(ages[holder.kind], age)

        self._first_seen = {
            hidden: self._first_seen.get(hidden, _Seen(look.now, look.next_id))
            for hidden in look.hidden
        }
        for seen in self._first_seen.values():
            age = SnapshotAge(look.next_id - seen.next_id, _seconds(seen.at, look.now))
            ages["session"] = _older(ages["session"], age)
        return ages


def _older(one: SnapshotAge, other: SnapshotAge) -> SnapshotAge:
    return SnapshotAge(max(one.transactions, other.transactions), max(one.seconds, other.seconds))


def _seconds(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
