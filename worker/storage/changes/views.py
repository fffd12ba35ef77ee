"""Views of the queue that people keep under a name: filters, order and groups, as a query string."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.changes import views_sql as sql
from worker.storage.changes.sets import sign
from worker.storage.errors import driver_errors_translated

LONGEST_NAME: Final = 100
LONGEST_QUERY: Final = 2000
# All of them are links above the queue.
MOST_VIEWS: Final = 50


class SavedView(NamedTuple):
    """A view of one person. `login` saved it last."""

    name: str
    query: str
    login: str
    created_at: datetime


class TooManyViews(Exception):  # noqa: N818 (it names what was found)
    """A person keeps as many views as can be shown."""

    def __init__(self, actor: str) -> None:
        super().__init__(f"{actor} keeps {MOST_VIEWS} views already: remove one first")


async def list_views(connection: AsyncConnection, actor: str) -> Sequence[SavedView]:
    """Return the views of a person, by name."""
    with driver_errors_translated():
        return [SavedView(*row) for row in await connection.execute(sql.LIST, {"actor": actor})]


async def save_view(connection: AsyncConnection, name: str, query: str, *, actor: str) -> None:
    """Keep a view, in place of one that has this name. Raises TooManyViews.

    Raises StorageRefused for a blank name, and for a name or a query that is too long.
    """
    with driver_errors_translated():
        kept = await connection.scalar(sql.COUNT, {"actor": actor, "name": name})
        if kept >= MOST_VIEWS:
            raise TooManyViews(actor)
        await sign(connection, actor, "")
        await connection.execute(sql.SAVE, {"name": name, "query": query})


async def delete_view(connection: AsyncConnection, name: str, *, actor: str) -> bool:
    """Remove a view of this person; return whether there was one."""
    with driver_errors_translated():
        found = await connection.scalar(sql.DELETE, {"actor": actor, "name": name})
        return found is not None
