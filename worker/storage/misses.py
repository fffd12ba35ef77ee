"""The misses as a work queue: what to look at first, and what editors decide about it.

Which change of status is legal is the database's business, for those who ask through SQL as well: everything
may become anything else, except that a MAPPED row can only be reopened. An illegal one raises StorageRefused,
and none of the rows asked about is changed.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypedDict, Unpack

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.books.rows import MissReason
from worker.storage import misses_sql as sql
from worker.storage.errors import driver_errors_translated
from worker.storage.mappings_sql import SIGN

QueueKey = tuple[str, str]
QueueOrder = Literal["priority", "occurrences", "last_seen", "first_seen"]

STATUSES: Final = ("NEW", "ACKNOWLEDGED", "MAPPED", "IGNORED")
WORK: Final = ("NEW", "ACKNOWLEDGED")

_ROWS_AT_ONCE: Final = 200


class QueuedMiss(NamedTuple):
    """One market that was observed and could not be resolved.

    `reason` is why it was last missed, under `mapping_version`; `mapped_version` is the version that covers
    a MAPPED one. `event_count` is exact below 32, then an estimate. `other_books` is how many other books
    offer a market of that name. `occurrences_per_hour` is averaged over the last day or so, and
    `score` = occurrences_per_hour * (1 + event_count) * 2 ** other_books, both as of now.
    """

    id: int
    source: str
    external_market_id: str
    market_name: str | None
    sample_outcomes: Any
    first_seen_at: datetime
    last_seen_at: datetime
    occurrence_count: int
    status: str
    notes: str | None
    reason: MissReason | None
    mapping_version: int | None
    mapped_version: int | None
    status_actor: str | None
    status_changed_at: datetime | None
    ignored_until_count: int | None
    ignored_until_rate: float | None
    ignored_until: datetime | None
    event_count: int
    other_books: int
    status_login: str | None
    occurrences_per_hour: float
    score: float

    @property
    def key(self) -> QueueKey:
        return self.source, self.external_market_id


class MissFilters(TypedDict, total=False):
    """The filters of a list; a miss has to satisfy all that are given.

    `containing` is a text in the market's id or name, in upper or lower case.
    """

    statuses: Collection[str]
    source: str | None
    reason: str | None
    containing: str
    min_occurrences: int


class SettledMisses(NamedTuple):
    """Markets that became MAPPED by a change, and markets that are open again, each in order."""

    covered: Sequence[QueueKey] = ()
    reopened: Sequence[QueueKey] = ()


class UnknownMiss(LookupError):  # noqa: N818 (it names what was found: nothing)
    """Markets that were never missed. `keys` are their sources and ids."""

    def __init__(self, keys: Sequence[QueueKey]) -> None:
        super().__init__("never missed: " + ", ".join(" ".join(key) for key in keys))
        self.keys = keys


async def list_misses(
    connection: AsyncConnection,
    *,
    order: QueueOrder = "priority",
    limit: int = 50,
    **filters: Unpack[MissFilters],
) -> Sequence[QueuedMiss]:
    """Return the first `limit` misses in `order`, of those for which all filters hold."""
    return await _read(connection, sql.LISTS[order], {**_parameters(**filters), "limit": limit})


async def stream_misses(
    connection: AsyncConnection,
    *,
    order: QueueOrder = "priority",
    limit: int = 50,
    **filters: Unpack[MissFilters],
) -> AsyncIterator[QueuedMiss]:
    """Yield the same in parts, so that they are never all in memory."""
    parameters = {**_parameters(**filters), "limit": limit}
    with driver_errors_translated():
        async with connection.stream(sql.LISTS[order], parameters) as result:
            async for part in result.partitions(_ROWS_AT_ONCE):
                for row in part:
                    yield QueuedMiss(*row)


async def count_misses(connection: AsyncConnection, **filters: Unpack[MissFilters]) -> int:
    """Return how many misses `list_misses` would list without a limit."""
    with driver_errors_translated():
        return int(await connection.scalar(sql.COUNT, _parameters(**filters)) or 0)


def _parameters(
    *,
    statuses: Collection[str] = WORK,
    source: str | None = None,
    reason: str | None = None,
    containing: str = "",
    min_occurrences: int = 1,
) -> dict[str, Any]:
    return {
        "statuses": list(statuses),
        "source": source,
        "reason": reason,
        "containing": containing,
        "min_occurrences": min_occurrences,
    }


async def market_ids(
    connection: AsyncConnection, source: str, prefix: str, limit: int
) -> list[str]:
    """Return ids of markets in the queue that begin so, in order."""
    parameters = {"source": source, "prefix": prefix, "limit": limit, "statuses": list(WORK)}
    with driver_errors_translated():
        return list(await connection.scalars(sql.MARKET_IDS, parameters))


async def get_miss(connection: AsyncConnection, key: QueueKey) -> QueuedMiss:
    """Return one miss. Raises UnknownMiss."""
    found = await _read(connection, sql.GET, _keys([key]))
    if not found:
        raise UnknownMiss([key])
    return found[0]


async def misses_of(
    connection: AsyncConnection, markets: Collection[QueueKey]
) -> Sequence[QueuedMiss]:
    """Return the misses of these platform ids, of any status, with or without a specifier in their own id."""
    return await _read(connection, sql.READ_MARKETS, _keys(markets))


async def acknowledge(
    connection: AsyncConnection, keys: Collection[QueueKey], *, actor: str, notes: str | None = None
) -> Sequence[QueueKey]:
    """Mark that somebody works on it.

    Return what changed; `notes` None keeps the notes. Raises UnknownMiss.
    """
    return await _change(connection, sql.ACKNOWLEDGE, keys, actor, {"notes": notes})


async def ignore(
    connection: AsyncConnection,
    keys: Collection[QueueKey],
    *,
    actor: str,
    notes: str | None = None,
    until_count: int | None = None,
    until_rate: float | None = None,
    until: datetime | None = None,
) -> Sequence[QueueKey]:
    """Ignore misses, for ever or until they are missed again after one of the limits is reached.

    `until_count`: occurrences in all; `until_rate`: occurrences per hour; `until`: an aware time. Ignoring
    again sets the limits again. Returns what changed. Raises UnknownMiss.
    """
    limits = {"notes": notes, "until_count": until_count, "until_rate": until_rate, "until": until}
    return await _change(connection, sql.IGNORE, keys, actor, limits)


async def reopen(
    connection: AsyncConnection, keys: Collection[QueueKey], *, actor: str, notes: str | None = None
) -> Sequence[QueueKey]:
    """Reopen misses. Return what changed. Raises UnknownMiss."""
    return await _change(connection, sql.REOPEN, keys, actor, {"notes": notes})


async def cover(
    connection: AsyncConnection,
    version: int,
    keys: Collection[QueueKey],
    *,
    wanted: QueueKey | None = None,
) -> Sequence[QueueKey]:
    """Mark markets as MAPPED that the mappings of `version` cover. Return what changed."""
    return (await settle(connection, version, keys, (), wanted=wanted)).covered


async def settle(
    connection: AsyncConnection,
    version: int,
    covered: Collection[QueueKey],
    uncovered: Collection[QueueKey],
    *,
    wanted: QueueKey | None = None,
) -> SettledMisses:
    """Mark markets as MAPPED that the mappings of `version` cover, and reopen those that they do not.

    Of the covered, unknown ones and those that were missed under that version already stay as they are, and
    so do IGNORED ones, except `wanted`: somebody asked for this very market. Of the uncovered, those are
    reopened that are MAPPED under an earlier version. No market is in both. Who decides is whom the
    transaction is signed with, else the database role.
    """
    source, market_id = wanted or (None, None)
    parameters = _keys([*covered, *uncovered]) | {
        "are_covered": [True] * len(covered) + [False] * len(uncovered),
        "version": version,
        "wanted_source": source,
        "wanted_market_id": market_id,
    }
    by_status: dict[str, list[QueueKey]] = {"MAPPED": [], "NEW": []}
    with driver_errors_translated():
        for row in await connection.execute(sql.SETTLE, parameters):
            by_status[row.status].append((row.source, row.external_market_id))
    return SettledMisses(sorted(by_status["MAPPED"]), sorted(by_status["NEW"]))


async def _change(
    connection: AsyncConnection,
    statement: TextClause,
    keys: Collection[QueueKey],
    actor: str,
    values: dict[str, Any],
) -> Sequence[QueueKey]:
    known = {miss.key for miss in await _read(connection, sql.GET, _keys(keys))}
    if unknown := sorted(set(keys) - known):
        raise UnknownMiss(unknown)
    with driver_errors_translated():
        await connection.execute(SIGN, {"actor": actor, "reason": values["notes"] or ""})
        changed = await connection.execute(statement, _keys(keys) | values)
        return sorted((row.source, row.external_market_id) for row in changed)


async def _read(
    connection: AsyncConnection, query: Any, parameters: dict[str, Any]
) -> Sequence[QueuedMiss]:
    with driver_errors_translated():
        return [QueuedMiss(*row) for row in await connection.execute(query, parameters)]


def _keys(keys: Collection[QueueKey]) -> dict[str, Any]:
    return {
        "sources": [source for source, _ in keys],
        "external_market_ids": [market_id for _, market_id in keys],
    }
