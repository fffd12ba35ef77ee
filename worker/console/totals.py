"""What takes a reading of a whole table, kept for some seconds: totals, and orders that no index has.

How much is missed is a sum over the whole queue. The order of a view is read whole as well where no index has
it: counting changes most columns of the queue all the time, and would pay for every index of them. So the ids
of a view are kept in their order, and each page reads its rows by their ids.

A decision made here, and a change of mappings that was seen, drop what is kept: a total is never older than
what the page itself has just done. Rows are read as they are now, and left out if the filters no longer hold;
then the order is read again.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar, Unpack

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage import mappings, misses
from worker.storage.insight import evidence
from worker.storage.mappings import MappingChoice
from worker.storage.misses import MissFilters, QueuedMiss, QueueOrder

KEPT_S: Final = 10.0
# A view lists the first of its markets; filters find the others.
MOST_LISTED: Final = 10_000
# Few look further than this, and a short order is sorted quicker than a long one.
RANKED_FIRST: Final = 1000
# The first rows in two orders are read by an index.
FIRST_ROWS: Final = 200
_MOST: Final = 500
_Value = TypeVar("_Value")


class QueueTotal(NamedTuple):
    """How many markets there are, and how often an hour they are missed together."""

    markets: int
    per_hour: float


class QueueTotals:
    """Totals and orders by filter. ``generation`` is asked for the number of the last change."""

    def __init__(
        self, generation: Callable[[], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._generation = generation
        self._clock = clock
        self._seen = -1
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    async def share_of(
        self, connection: AsyncConnection, filters: MissFilters, order: QueueOrder
    ) -> tuple[QueueTotal, QueueTotal]:
        """Return the total of open misses for which all filters hold, and of all open ones.

        If `rows` has just read all of these in this order, they are added up by their ids: looking for a text
        in a large queue takes longer than all the rest of the page.
        """
        found, everything = self._find(_key(filters)), self._find(_key({}))
        ids = self._find(_ranking(order, RANKED_FIRST, filters))
        if found is None and ids is not None and len(ids) < RANKED_FIRST:
            found = await self.of(connection, {**filters, "ids": list(ids)})
        elif found is None:
            one, total = await misses.sum_share(connection, **filters)
            found = self._keep(_key(filters), QueueTotal(*one))
            everything = self._keep(_key({}), QueueTotal(*total))
        return found, everything or await self.of(connection, {})

    async def by_source(
        self, connection: AsyncConnection, sources: Iterable[str]
    ) -> dict[str, QueueTotal]:
        """Return the total of the open misses of each of these bookmakers."""
        found = {source: self._find(_key({"source": source})) for source in sources}
        if None in found.values():
            known = await misses.sum_by_source(connection)
            for source in found:
                total = QueueTotal(*known.get(source, (0, 0.0)))
                found[source] = self._keep(_key({"source": source}), total)
        return {source: total for source, total in found.items() if total is not None}

    async def of(self, connection: AsyncConnection, filters: MissFilters) -> QueueTotal:
        """Return the total of the misses for which all filters hold, at most some seconds old."""

        async def read() -> QueueTotal:
            return QueueTotal(*await misses.sum_misses(connection, **filters))

        return await self._kept_or_read(_key(filters), read)

    async def rows(
        self,
        connection: AsyncConnection,
        filters: MissFilters,
        *,
        order: QueueOrder = "priority",
        limit: int,
        offset: int = 0,
    ) -> Sequence[QueuedMiss]:
        """Return these rows of a view, as they are now; none after the first `MOST_LISTED`."""
        if offset + limit <= FIRST_ROWS and _has_many(filters):
            found = await _read_by_index(connection, filters, order, limit=limit, offset=offset)
            if len(found) == limit:
                return found

        most = RANKED_FIRST if offset + limit <= RANKED_FIRST else MOST_LISTED

        async def read() -> array[int]:
            ranked = await misses.rank_misses(connection, order=order, limit=most, **filters)
            return array("i", ranked)

        key = _ranking(order, most, filters)
        for _ in range(2):
            ids = list((await self._kept_or_read(key, read))[offset : offset + limit])
            here: MissFilters = {**filters, "ids": ids}
            places = {one: place for place, one in enumerate(ids)}
            rows = await misses.list_misses(connection, limit=limit, **here)
            found = sorted(rows, key=lambda row: places[row.id])
            if len(found) == len(ids):
                break
            self._kept.pop(key, None)
        return found

    async def mapped(self, connection: AsyncConnection, **filters: Unpack[MappingChoice]) -> int:
        """Return how many mappings there are for which all filters hold, at most some seconds ago."""

        async def read() -> int:
            return await mappings.count_mappings(connection, **filters)

        return await self._kept_or_read(("mappings", _key(filters)), read)

    async def mapping_ids(
        self, connection: AsyncConnection, limit: int, **filters: Unpack[MappingChoice]
    ) -> tuple[int, Sequence[str]]:
        """Return the same number, and the first canonical ids: no index finds a part of a name or a label."""

        async def read() -> tuple[int, Sequence[str]]:
            ids = await mappings.ids_of(connection, **filters)
            return len(ids), ids[:limit]

        return await self._kept_or_read(("mapping ids", limit, _key(filters)), read)

    async def confident(self, connection: AsyncConnection) -> int:
        """Return how many suggestions are confident, at most some seconds ago."""

        async def read() -> int:
            return await evidence.count_confident(connection)

        return await self._kept_or_read("confident", read)

    async def _kept_or_read(self, key: Hashable, read: Callable[[], Awaitable[_Value]]) -> _Value:
        """Return what was read under this key in the last seconds, else read it."""
        found: _Value | None = self._find(key)
        return self._keep(key, await read()) if found is None else found

    def _find(self, key: Hashable) -> Any:
        if self._generation() != self._seen or len(self._kept) >= _MOST:
            self._seen = self._generation()
            self._kept.clear()
        kept = self._kept.get(key)
        is_fresh = kept is not None and self._clock() - kept[0] < KEPT_S
        return kept[1] if kept is not None and is_fresh else None

    def _keep(self, key: Hashable, value: _Value) -> _Value:
        self._kept[key] = (self._clock(), value)
        return value


async def _read_by_index(
    connection: AsyncConnection,
    filters: MissFilters,
    order: QueueOrder,
    *,
    limit: int,
    offset: int,
) -> Sequence[QueuedMiss]:
    """Return rows of the orders that have an index; in the order of confidence, those with a suggestion."""
    if order == "confidence":
        return await misses.list_suggested(connection, limit=limit, offset=offset, **filters)
    if order == "priority":
        return await misses.list_misses(connection, limit=limit, offset=offset, **filters)
    return ()


def _has_many(filters: MissFilters) -> bool:
    """Whether the first rows of the index soon give a page of rows for which the filters hold."""
    is_open = tuple(filters.get("statuses", misses.WORK)) == misses.WORK
    narrow = ("containing", "source", "reason", "owner", "regressed", "snoozed")
    return is_open and not any(filters.get(name) for name in narrow)


def _ranking(order: QueueOrder, most: int, filters: MissFilters) -> Hashable:
    """What the ids of a view are kept under."""
    return (order, most, _key(filters))


def _key(filters: Mapping[str, object]) -> Hashable:
    return tuple(sorted((name, str(value)) for name, value in filters.items()))
