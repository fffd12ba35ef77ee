"""Cases: who works on a miss, until when it is put off, and whether it was mapped once before.

A case is not in the row of its miss: counting writes that row all the time, and nothing here may slow it
down. A miss without a case has no owner. When a market is counted again after it was mapped, the trigger of
its status notes in the case when that was, and which version had covered it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage import misses
from worker.storage.changes import cases_sql as sql
from worker.storage.changes.sets import sign
from worker.storage.errors import driver_errors_translated
from worker.storage.misses import QueueKey


class WorkedCase(NamedTuple):
    """Who works on a miss.

    `regressed_at` is when it was missed again after version `regressed_from` had covered it.
    `actor` took, released or snoozed it last.
    """

    source: str
    external_market_id: str
    owner: str | None = None
    snoozed_until: datetime | None = None
    regressed_at: datetime | None = None
    regressed_from: int | None = None
    actor: str | None = None
    login: str | None = None
    reason: str | None = None
    changed_at: datetime | None = None

    @property
    def key(self) -> QueueKey:
        return self.source, self.external_market_id


class ListedCase(NamedTuple):
    """A case with its miss."""

    case: WorkedCase
    market_name: str | None
    status: str
    occurrence_count: int


class ListedCases(NamedTuple):
    """Cases of a list; `is_cut` if there are older ones whose miss was not looked at."""

    rows: Sequence[ListedCase]
    is_cut: bool = False


class CaseTaken(Exception):  # noqa: N818 (it names what happened, not a mistake)
    """Somebody else works on these already."""

    def __init__(self, taken: Sequence[WorkedCase]) -> None:
        super().__init__(
            "; ".join(
                f"{one.owner} works on {one.source} {one.external_market_id}" for one in taken
            )
        )
        self.taken = taken


async def read_cases(
    connection: AsyncConnection, keys: Collection[QueueKey]
) -> dict[QueueKey, WorkedCase]:
    """Return the case of each of these misses; of one without, an empty one."""
    found = {key: WorkedCase(*key) for key in keys}
    with driver_errors_translated():
        for row in await connection.execute(sql.OF_KEYS, _keys(keys)):
            case = WorkedCase(*row)
            found[case.key] = case
    return found


async def list_cases(
    connection: AsyncConnection,
    *,
    owner: str | None = None,
    regressed: bool = False,
    snoozed: bool = False,
    statuses: Collection[str] = misses.WORK,
    limit: int = 50,
    among: int | None = None,
) -> ListedCases:
    """Return the cases for which all filters hold, the newest first.

    ``regressed``: missed again after it was mapped; ``snoozed``: put off until a time that is still to come.
    ``among``: the misses of so many of the newest cases are looked at, whatever their status is.
    """
    filters = {sql.OWNER: owner is not None, sql.REGRESSED: regressed, sql.SNOOZED: snoozed}
    predicates = [one for one, is_given in filters.items() if is_given]
    named = {} if owner is None else {"owner": owner}
    parameters = named | {"statuses": list(statuses), "limit": limit, "among": among}
    is_cut = False
    with driver_errors_translated():
        found = (await connection.execute(sql.list_of(predicates), parameters)).all()
        if among is not None and len(found) < limit:
            more = named | {"among": among}
            is_cut = bool(await connection.scalar(sql.is_more_of(predicates), more))
    width = len(WorkedCase._fields)
    rows = [ListedCase(WorkedCase(*row[:width]), *row[width:]) for row in found]
    return ListedCases(rows, is_cut)


async def take(
    connection: AsyncConnection,
    keys: Collection[QueueKey],
    *,
    actor: str,
    reason: str,
    force: bool = False,
) -> Sequence[QueueKey]:
    """Make `actor` the owner of these misses, and mark them as being worked on. Return what changed.

    Raises UnknownMiss, and CaseTaken if somebody else owns one, unless forced.
    """
    # The misses first, as counting locks them before their cases.
    acknowledged = await misses.acknowledge(connection, keys, actor=actor)
    taken = [
        case
        for case in (await read_cases(connection, keys)).values()
        if case.owner not in {None, actor}
    ]
    if taken and not force:
        raise CaseTaken(taken)
    owned = await _change(connection, sql.OWN, keys, actor=actor, reason=reason, owner=actor)
    return sorted({*acknowledged, *owned})


async def release(
    connection: AsyncConnection, keys: Collection[QueueKey], *, actor: str, reason: str
) -> Sequence[QueueKey]:
    """Let go of these misses; those that were worked on are NEW again. Return what changed.

    Raises UnknownMiss.
    """
    found = [await misses.get_miss(connection, key) for key in sorted(keys)]
    worked_on = [one.key for one in found if one.status == "ACKNOWLEDGED"]
    if worked_on:
        await misses.reopen(connection, worked_on, actor=actor)
    owned = [key for key, case in (await read_cases(connection, keys)).items() if case.owner]
    await _change(connection, sql.OWN, owned, actor=actor, reason=reason, owner=None)
    return sorted({*worked_on, *owned})


async def snooze(
    connection: AsyncConnection,
    keys: Collection[QueueKey],
    until: datetime | None,
    *,
    actor: str,
    reason: str,
) -> Sequence[QueueKey]:
    """Put these misses off until then; None takes them up again. Return what changed. Raises UnknownMiss.

    Unlike an ignored one, a snoozed miss comes back at that time, whether it is missed again or not. One that
    regresses comes back at once.
    """
    for key in sorted(keys):
        await misses.get_miss(connection, key)
    return await _change(connection, sql.SNOOZE, keys, actor=actor, reason=reason, until=until)


async def _change(
    connection: AsyncConnection,
    statement: TextClause,
    keys: Collection[QueueKey],
    *,
    actor: str,
    reason: str,
    **values: Any,
) -> Sequence[QueueKey]:
    with driver_errors_translated():
        await sign(connection, actor, reason)
        changed = await connection.execute(statement, _keys(keys) | values)
        return sorted((row.source, row.external_market_id) for row in changed)


def _keys(keys: Collection[QueueKey]) -> dict[str, Any]:
    return {
        "sources": [source for source, _ in keys],
        "external_market_ids": [market_id for _, market_id in keys],
    }
