"""The groups that missed markets belong to, with all their members in the queue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.operations.unmapped.families import GroupBy, group_key
from worker.storage import misses
from worker.storage.misses import QueuedMiss, QueueKey

# Of more misses than these the first ones are grouped.
MOST_GROUPED: Final = 10_000


async def read_groups(
    connection: AsyncConnection,
    keys: Sequence[QueueKey],
    *,
    by: GroupBy = "name",
    among: Collection[str] = misses.WORK,
) -> list[QueuedMiss]:
    """Return these markets, in this order, and after them the others of their groups.

    ``keys`` are of one bookmaker, at least one; the others have one of the statuses ``among``. Raises
    UnknownMiss with the markets that were never missed.
    """
    wished = dict.fromkeys(keys)
    named = await misses.named_misses(connection, wished)
    wanted = {group_key(one, by) for one in named}
    rows = await misses.list_misses(
        connection, statuses=among, source=keys[0][0], limit=MOST_GROUPED
    )
    others = [row for row in rows if row.key not in wished and group_key(row, by) in wanted]
    return [*named, *others]
