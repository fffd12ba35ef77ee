"""What changes of mappings did to misses: recorded with the change, and read with what has happened since.

Theory of operation. The counters of a miss are those of all its time, so what a change did can be said later
only if they were kept when it was made. That happens in its own transaction, after the queue was settled:
one row for the change set, and one for each miss that it mapped or opened again, with the occurrences and the
rate of that moment. What was counted since is the difference to the counters as they are.

A change set without a row was made before there were such rows, or by plain SQL: nothing is known about it.
After a recount, occurrences are counted twice, and what was counted since is not known either.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.changes import effects_sql as sql
from worker.storage.errors import driver_errors_translated
from worker.storage.misses import QueueKey, SettledMisses

# Of more misses than these the first ones are read: of one change set, and of all of a week.
MOST_MISSES: Final = 1000
_MOST_OF_A_WEEK: Final = 2000


class ChangeEffect(NamedTuple):
    """What a change set did to misses, and what has happened since.

    `covered` misses became MAPPED, `reopened` are open again. `per_hour` is how often an hour the covered
    ones were missed together when it was made. `since` is how often they were counted in the `hours` since
    then, `reopened_since` the same of the others; None where that is not known. `still_mapped` of the covered
    ones are MAPPED now. `comparisons_per_day` is an estimate of what they unlocked. If `is_whole` is false,
    it touched more misses than were read, and all numbers are of those.
    """

    change_set_id: int
    created_at: datetime
    hours: float
    covered: int
    reopened: int
    per_hour: float
    since: int | None
    reopened_since: int | None
    still_mapped: int
    comparisons_per_day: float
    is_whole: bool

    @property
    def since_per_hour(self) -> float | None:
        """How often an hour the covered ones were counted since; None in the first minute."""
        if self.since is None or self.hours < 1 / 60:
            return None
        return self.since / self.hours


class TouchedMiss(NamedTuple):
    """A miss that a change set mapped or opened again: as it was then, and as it is. `since` as above."""

    source: str
    external_market_id: str
    market_name: str | None
    is_covered: bool
    occurrences: int
    per_hour: float
    comparisons_per_day: float | None
    status: str | None
    since: int | None
    last_seen_at: datetime | None


class UnlockedTotal(NamedTuple):
    """What decisions unlocked: markets that are still mapped, and comparisons a day by estimate."""

    markets: int
    comparisons_per_day: float


class Unlocked(NamedTuple):
    """What the decisions of the last day and of the last week unlocked.

    If `is_whole` is false, there were more than were read: it is at least this much.
    """

    day: UnlockedTotal
    week: UnlockedTotal
    is_whole: bool


async def record_effect(
    connection: AsyncConnection, settled: SettledMisses, carriers: Mapping[QueueKey, int]
) -> None:
    """Record what the change set that is applied in this transaction did to misses.

    ``carriers`` is how many other bookmakers sell the mapping that covers a miss. Without a change of a
    mapping in the transaction there is no change set, and nothing is recorded.
    """
    keys = [*settled.mapped, *settled.reopened]
    parameters = {
        "sources": [source for source, _ in keys],
        "external_market_ids": [market_id for _, market_id in keys],
        "are_covered": [True] * len(settled.mapped) + [False] * len(settled.reopened),
        "carriers": [carriers.get(key) for key in keys],
    }
    with driver_errors_translated():
        await connection.execute(sql.BEGIN)
        if keys:
            await connection.execute(sql.RECORD, parameters)


async def read_effects(
    connection: AsyncConnection, change_set_ids: Collection[int], *, most: int = MOST_MISSES
) -> dict[int, ChangeEffect]:
    """Return the effect of each of these change sets of which it is known."""
    if not change_set_ids:
        return {}
    parameters = {"change_set_ids": list(change_set_ids), "most": most}
    with driver_errors_translated():
        rows = (await connection.execute(sql.OF_SETS, parameters)).all()
    return {row.change_set_id: _effect(row) for row in rows}


def _effect(row: Any) -> ChangeEffect:
    is_known = not row.is_counted_again
    return ChangeEffect(
        row.change_set_id,
        row.created_at,
        float(row.hours),
        row.covered,
        row.reopened,
        row.per_hour,
        int(row.since) if is_known else None,
        int(row.reopened_since) if is_known else None,
        row.still_mapped,
        row.comparisons_per_day,
        row.is_whole,
    )


async def touched_misses(
    connection: AsyncConnection, change_set_id: int, *, limit: int
) -> Sequence[TouchedMiss]:
    """Return the misses that a change set mapped or opened again, those that were missed most first."""
    parameters = {"change_set_id": change_set_id, "limit": limit}
    with driver_errors_translated():
        return [TouchedMiss(*row) for row in await connection.execute(sql.MISSES, parameters)]


async def unlocked_since(connection: AsyncConnection, now: datetime) -> Unlocked:
    """Return what the decisions of the day and of the week before ``now`` unlocked."""
    parameters = {
        "day": now - timedelta(days=1),
        "since": now - timedelta(days=7),
        "most": _MOST_OF_A_WEEK,
    }
    with driver_errors_translated():
        row = (await connection.execute(sql.UNLOCKED_SINCE, parameters)).one()
    return Unlocked(UnlockedTotal(row[0], row[1]), UnlockedTotal(row[2], row[3]), row[4])
