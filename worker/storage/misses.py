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
QueueOrder = Literal[
    "priority", "occurrences", "last_seen", "first_seen", "comparisons", "confidence"
]

STATUSES: Final = ("NEW", "ACKNOWLEDGED", "MAPPED", "IGNORED")
WORK: Final = ("NEW", "ACKNOWLEDGED")

MOST_OF_MARKETS: Final = 1_000
_ROWS_AT_ONCE: Final = 200
# If a sample has a text often enough, it is looked for among the first rows: four for each that is wanted.
# Often enough means that these rows should have the text 1.5 times for each that is wanted.
_SAMPLED_PERCENT: Final = 1
_AMONG_FIRST: Final = 4
_ENOUGH: Final = 1.5


class QueuedMiss(NamedTuple):
    """One market that was observed and could not be resolved.

    `reason` is why it was last missed, under `mapping_version`; `mapped_version` is the version that covers
    a MAPPED one. `event_count` is exact below 32, then an estimate. `other_books` is how many other books
    offer a market of that name. `occurrences_per_hour` is averaged over the last day or so, and
    `score` = occurrences_per_hour * (1 + event_count) * 2 ** other_books, both as of now.

    The last six say what its mapping would unlock: `suggested` is what the odds say that it is, `carriers`
    how many other bookmakers have that market, `lines` how many lines of it there are on an event, and
    `comparisons_per_day` = events_per_day * lines * carriers * confidence. They are None without a
    suggestion, and where a change of mappings reads misses (`get_miss`, `misses_of`).
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
    suggested: str | None = None
    confidence: float | None = None
    events_per_day: float | None = None
    lines: float | None = None
    carriers: int | None = None
    comparisons_per_day: float | None = None

    @property
    def key(self) -> QueueKey:
        return self.source, self.external_market_id

    @property
    def samples(self) -> list[dict[str, Any]]:
        """Those of the sampled outcomes that have a label."""
        listed = self.sample_outcomes if isinstance(self.sample_outcomes, list) else []
        return [
            one for one in listed if isinstance(one, dict) and isinstance(one.get("label"), str)
        ]


class MissFilters(TypedDict, total=False):
    """The filters of a list; a miss has to satisfy all that are given.

    `containing` is a text in the market's id or name, in upper or lower case. `ids` are those of rows. The
    others are of its case (`storage/changes/cases.py`): its owner, nobody as its owner, whether it is put off
    until a time to come (None: either), and whether it was missed again after it was mapped.
    """

    statuses: Collection[str]
    source: str | None
    reason: str | None
    containing: str
    min_occurrences: int
    owner: str | None
    unowned: bool
    snoozed: bool | None
    regressed: bool
    ids: Collection[int] | None


class SettledMisses(NamedTuple):
    """Markets that are MAPPED by a change, and markets that are open again, each in order.

    `mapped` are those of the first that were not MAPPED before it.
    """

    covered: Sequence[QueueKey] = ()
    reopened: Sequence[QueueKey] = ()
    mapped: Sequence[QueueKey] = ()


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
    offset: int = 0,
    **filters: Unpack[MissFilters],
) -> Sequence[QueuedMiss]:
    """Return `limit` misses in `order` after the first `offset`, of those for which all filters hold."""
    predicates, values = _filtered(**filters)
    parameters = {**values, "limit": limit, "offset": offset}
    return await _read(connection, sql.list_of(order, predicates), parameters)


async def list_suggested(
    connection: AsyncConnection, *, limit: int, offset: int = 0, **filters: Unpack[MissFilters]
) -> Sequence[QueuedMiss]:
    """Return the same in the order of confidence, of those with a suggestion alone."""
    predicates, values = _filtered(**filters)
    parameters = {**values, "limit": limit, "offset": offset}
    return await _read(connection, sql.list_suggested_of(predicates), parameters)


async def rank_misses(
    connection: AsyncConnection,
    *,
    order: QueueOrder = "priority",
    limit: int = 50,
    **filters: Unpack[MissFilters],
) -> Sequence[int]:
    """Return the ids of the rows that `list_misses` lists, in their order.

    Postgres does not know how frequent a text is, and a sample says it. The first rows of the order have a
    frequent one often enough; for a rare one the table is read, which is quicker than to follow the index.
    """
    predicates, values = _filtered(**filters)
    values["limit"] = limit
    with driver_errors_translated():
        is_open = tuple(filters.get("statuses", WORK)) == WORK
        if filters.get("containing") and is_open and order == "priority":
            sampled = {**values, "percent": _SAMPLED_PERCENT}
            share = await connection.scalar(sql.share_sampled_of(predicates), sampled)
            if (share or 0) * _AMONG_FIRST >= _ENOUGH:
                first = sql.rank_first_of(order, predicates)
                ids = await connection.scalar(first, {**values, "among": limit * _AMONG_FIRST})
                if len(ids) == limit:
                    return list(ids)
        return list(await connection.scalar(sql.rank_of(order, predicates), values) or ())


async def stream_misses(
    connection: AsyncConnection,
    *,
    order: QueueOrder = "priority",
    limit: int = 50,
    **filters: Unpack[MissFilters],
) -> AsyncIterator[QueuedMiss]:
    """Yield the same in parts, so that they are never all in memory."""
    predicates, values = _filtered(**filters)
    parameters = {**values, "limit": limit, "offset": 0}
    with driver_errors_translated():
        async with connection.stream(sql.list_of(order, predicates), parameters) as result:
            async for part in result.partitions(_ROWS_AT_ONCE):
                for row in part:
                    yield QueuedMiss(*row)


async def count_misses(connection: AsyncConnection, **filters: Unpack[MissFilters]) -> int:
    """Return how many misses `list_misses` would list without a limit."""
    predicates, values = _filtered(**filters)
    with driver_errors_translated():
        return int(await connection.scalar(sql.count_of(predicates), values) or 0)


async def sum_misses(
    connection: AsyncConnection, **filters: Unpack[MissFilters]
) -> tuple[int, float]:
    """Return how many misses there are for which all filters hold, and how often an hour they are missed."""
    predicates, values = _filtered(**filters)
    with driver_errors_translated():
        row = (await connection.execute(sql.sum_of(predicates), values)).one()
        return int(row[0]), float(row[1])


async def sum_by_source(connection: AsyncConnection) -> dict[str, tuple[int, float]]:
    """Return the same of the open misses of each bookmaker that has some, in one reading."""
    with driver_errors_translated():
        rows = await connection.execute(sql.SUM_BY_SOURCE, {"statuses": list(WORK)})
        return {source: (int(markets), float(per_hour)) for source, markets, per_hour in rows}


async def sum_share(
    connection: AsyncConnection, **filters: Unpack[MissFilters]
) -> tuple[tuple[int, float], tuple[int, float]]:
    """Return the same of the open misses for which all filters hold, and of all open ones, in one reading."""
    filters["statuses"] = WORK
    predicates, values = _filtered(**filters)
    with driver_errors_translated():
        found = await connection.execute(sql.share_of(predicates), values)
    sums = {bool(is_one): (int(markets), float(rate)) for is_one, markets, rate in found}
    these, others = sums.get(True, (0, 0.0)), sums.get(False, (0, 0.0))
    return these, (these[0] + others[0], these[1] + others[1])


def _filtered(**filters: Unpack[MissFilters]) -> tuple[Sequence[str], dict[str, Any]]:
    """The predicates of the filters that are given, and their parameters."""
    predicates = [sql.STATUSES]
    values = {
        sql.SOURCE: ("source", filters.get("source")),
        sql.REASON: ("reason", filters.get("reason")),
        sql.CONTAINING: ("containing", filters.get("containing") or None),
        sql.OWNER: ("owner", filters.get("owner")),
        sql.IDS: ("ids", filters.get("ids")),
    }
    parameters: dict[str, Any] = {"statuses": list(filters.get("statuses", WORK))}
    for predicate, (name, value) in values.items():
        if value is not None:
            predicates.append(predicate)
            parameters[name] = value
    if (least := filters.get("min_occurrences", 1)) > 1:
        predicates.append(sql.MIN_OCCURRENCES)
        parameters["min_occurrences"] = least
    if (snoozed := filters.get("snoozed")) is not None:
        predicates.append(sql.SNOOZED[snoozed])
    if filters.get("unowned"):
        predicates.append(sql.UNOWNED)
    if filters.get("regressed"):
        predicates.append(sql.REGRESSED)
    return predicates, parameters


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


async def get_misses(
    connection: AsyncConnection, keys: Collection[QueueKey]
) -> Sequence[QueuedMiss]:
    """Return those of these misses that there are."""
    return await _read(connection, sql.GET, _keys(keys))


async def named_misses(connection: AsyncConnection, keys: Collection[QueueKey]) -> list[QueuedMiss]:
    """Return these misses, in this order. Raises UnknownMiss with all that there are not."""
    found = {one.key: one for one in await get_misses(connection, keys)}
    if unknown := [key for key in keys if key not in found]:
        raise UnknownMiss(unknown)
    return [found[key] for key in keys]


async def get_unlocked(connection: AsyncConnection, key: QueueKey) -> QueuedMiss:
    """Return one miss with what its mapping would unlock. Raises UnknownMiss."""
    found = await _read(connection, sql.GET_UNLOCKED, _keys([key]))
    if not found:
        raise UnknownMiss([key])
    return found[0]


async def misses_of(
    connection: AsyncConnection, markets: Collection[QueueKey]
) -> Sequence[QueuedMiss]:
    """Return the misses of these platform ids, of any status, with or without a specifier in their own id.

    At most MOST_OF_MARKETS, those that were missed most often: a specifier may have any number of values.
    """
    return await _read(connection, sql.READ_MARKETS, _keys(markets) | {"most": MOST_OF_MARKETS})


async def ids_of(connection: AsyncConnection, markets: Collection[QueueKey]) -> Sequence[int]:
    """Return the rows of the same misses, in the order in which counting locks them."""
    with driver_errors_translated():
        return list(await connection.scalars(sql.IDS_OF_MARKETS, _keys(markets)))


async def by_id(connection: AsyncConnection, ids: Sequence[int]) -> Sequence[QueuedMiss]:
    """Return the misses of these rows, in any order; rows that are gone are left out."""
    return await _read(connection, sql.READ_IDS, {"ids": list(ids)})


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


async def settle(
    connection: AsyncConnection,
    version: int,
    covered: Collection[QueueKey],
    uncovered: Collection[QueueKey],
    *,
    wanted: Collection[QueueKey] = (),
) -> SettledMisses:
    """Mark markets as MAPPED that the mappings of `version` cover, and reopen those that they do not.

    Of the covered, unknown ones and those that were missed under that version already stay as they are, and
    so do IGNORED ones, except those of `wanted`: somebody asked for these very markets. Of the uncovered,
    those are reopened that are MAPPED under an earlier version. No market is in both. Who decides is whom the
    transaction is signed with, else the database role.
    """
    parameters = _keys([*covered, *uncovered]) | {
        "are_covered": [True] * len(covered) + [False] * len(uncovered),
        "are_wanted": [key in wanted for key in (*covered, *uncovered)],
        "version": version,
    }
    by_status: dict[str, list[QueueKey]] = {"MAPPED": [], "NEW": []}
    mapped: list[QueueKey] = []
    with driver_errors_translated():
        for row in await connection.execute(sql.SETTLE, parameters):
            key = (row.source, row.external_market_id)
            by_status[row.status].append(key)
            if row.status == "MAPPED" and row.status_before != "MAPPED":
                mapped.append(key)
    return SettledMisses(sorted(by_status["MAPPED"]), sorted(by_status["NEW"]), sorted(mapped))


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
