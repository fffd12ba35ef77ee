"""Which case comes after a decision: the next one of the list that the case was opened from.

The address of a case holds the view of the queue, and the case's place in it; with groups, its place in its
group. A decided market leaves its view, so the next one takes its place; an undecided one is still there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from worker.console.context import console_of, viewer_of
from worker.console.pages.queue import MOST_GROUPED
from worker.console.totals import QueueTotals
from worker.operations.unmapped.families import GroupBy, families, group_key
from worker.operations.unmapped.view import QueueView
from worker.storage import misses
from worker.storage.misses import QueuedMiss, QueueKey, UnknownMiss


class FollowingCase(NamedTuple):
    """The case that comes next, and the view with its place."""

    view: QueueView
    key: QueueKey

    @property
    def path(self) -> str:
        return case_path(self.view, self.key)


def key_of(values: Mapping[str, str]) -> QueueKey:
    return values.get("source", "").replace("\0", ""), values.get("market", "").replace("\0", "")


def case_path(view: QueueView, key: QueueKey) -> str:
    source, market = key
    return f"/case?{view.query(source=source, market=market)}"


async def next_path(request: Request, view: QueueView, decided: QueueKey) -> str:
    """Where to go after a decision: to the next case of the same view, or back to the queue."""
    viewer, totals = viewer_of(request).name, console_of(request).totals
    async with console_of(request).databases.reading() as connection:
        following = await following_case(connection, totals, view, decided, viewer)
    return f"/queue?{view.query(place=None)}" if following is None else following.path


async def following_case(
    connection: AsyncConnection, totals: QueueTotals, view: QueueView, key: QueueKey, viewer: str
) -> FollowingCase | None:
    """Return the case after this one in its view, or in its group; None at the end."""
    filters = view.filters(viewer)
    if view.group is None:
        rows = await totals.rows(connection, filters, order=view.order, limit=2, offset=view.place)
        keys = [row.key for row in rows]
    else:
        rows = await totals.rows(connection, filters, order=view.order, limit=MOST_GROUPED)
        members = await _group_of(connection, rows, view.group, key)
        keys = members[view.place : view.place + 2]
    if keys and keys[0] == key:
        view = view._replace(place=view.place + 1)
    others = [one for one in keys if one != key]
    return FollowingCase(view, others[0]) if others else None


async def _group_of(
    connection: AsyncConnection, rows: Sequence[QueuedMiss], by: GroupBy, key: QueueKey
) -> list[QueueKey]:
    """Return the members of the group that a market is in, or was in before it was decided."""
    known = {row.key: row for row in rows}
    try:
        wanted = group_key(known.get(key) or await misses.get_unlocked(connection, key), by)
    except UnknownMiss:
        return []
    groups = {one.key: one for one in families(rows, by)}
    found = groups.get(wanted)
    return [] if found is None else [one.key for one in found.members]
