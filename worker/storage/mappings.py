"""Reading `user_market_mappings`, and importing many at once."""

import json
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, Unpack

from sqlalchemy import Executable, RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.mapping import FIELDS, Mapping, dump_mapping
from worker.storage import mappings_sql as sql
from worker.storage.errors import driver_errors_translated

INDEX_COLUMNS = ("id", *FIELDS)

_ROWS_AT_ONCE = 200


class StoredMapping(NamedTuple):
    """A row of the table. `_asdict()` is what `parse_mapping` takes; it may refuse what got in by SQL.

    `version` is the newest audit id of this mapping: an editor names it when they change what they read.
    """

    id: int
    canonical_id: str
    name: str
    betpawa_id: str | None
    sportybet_id: str | None
    bet9ja_key: str | None
    priority: int
    line_rule: Any
    outcome_mapping: Any
    scope: Any
    also: Any
    traits: Any
    participant: Any
    is_active: bool
    created_at: datetime
    updated_at: datetime
    created_by: str | None
    version: int


class MappingChoice(TypedDict, total=False):
    """The filters of a list and of a number; a mapping has to satisfy all that are given.

    `platform`: sold there; `lacks`: sold at none of these; `market_id`: the platform's id of the market, on
    `platform` or on any; `containing`: a text in the canonical id or the name, or a whole id of a bookmaker;
    `label`: a whole label of a bookmaker. Case does not matter in both.
    """

    is_active: bool | None
    platform: str | None
    lacks: Collection[str]
    market_id: str | None
    containing: str
    label: str


class MappingFilters(MappingChoice, total=False):
    """The same, and how many of them at most."""

    limit: int | None


class ImportReport(NamedTuple):
    """The canonical ids that an import added, changed and left as they were, each in the order given."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


async def load_index_rows(connection: AsyncConnection) -> tuple[int, list[dict[str, Any]]]:
    """Return the mapping version and all active mappings as of that version, by ascending id.

    A row is a dict of INDEX_COLUMNS, as `parse_mapping` takes it. The version is the last audit id, 0 before
    the first change. Raises StorageUnavailable or StorageFatal.
    """
    version, mappings = 0, []
    with driver_errors_translated():
        # One part at a time: reading the JSON of all rows at once would block the event loop.
        async with connection.stream(sql.READ_INDEX) as result:
            async for part in result.mappings().partitions(_ROWS_AT_ONCE):
                version = part[0]["version"]
                mappings += [_index_row(row) for row in part if row["id"] is not None]
    return version, mappings


def _index_row(row: RowMapping) -> dict[str, Any]:
    return {name: row[name] for name in INDEX_COLUMNS}


async def get(connection: AsyncConnection, canonical_id: str) -> StoredMapping | None:
    """Return the mapping of that canonical id, None if there is none."""
    with driver_errors_translated():
        row = (await connection.execute(sql.GET, {"canonical_id": canonical_id})).one_or_none()
    return None if row is None else StoredMapping(*row)


async def get_all(
    connection: AsyncConnection, canonical_ids: Collection[str]
) -> dict[str, StoredMapping]:
    """Return the mappings of those canonical ids by id; the ones that there are."""
    parameters = {"canonical_ids": list(canonical_ids)}
    with driver_errors_translated():
        rows = [StoredMapping(*row) for row in await connection.execute(sql.GET_ALL, parameters)]
    return {row.canonical_id: row for row in rows}


async def selling(
    connection: AsyncConnection, markets: Collection[tuple[str, str]]
) -> Sequence[StoredMapping]:
    """Return the active mappings that have one of these ids of bookmakers: (platform, market id)."""
    parameters = {
        "platforms": [platform for platform, _ in markets],
        "market_ids": [market_id for _, market_id in markets],
    }
    with driver_errors_translated():
        return [StoredMapping(*row) for row in await connection.execute(sql.SELLING, parameters)]


async def list_mappings(
    connection: AsyncConnection, **filters: Unpack[MappingFilters]
) -> Sequence[StoredMapping]:
    """Return the mappings for which all of the given filters hold, by canonical id."""
    statement, parameters = _listing(**filters)
    with driver_errors_translated():
        return [StoredMapping(*row) for row in await connection.execute(statement, parameters)]


async def stream_mappings(
    connection: AsyncConnection, **filters: Unpack[MappingFilters]
) -> AsyncIterator[StoredMapping]:
    """Yield the same in parts, so that they are never all in memory."""
    statement, parameters = _listing(**filters)
    with driver_errors_translated():
        async with connection.stream(statement, parameters) as result:
            async for part in result.partitions(_ROWS_AT_ONCE):
                for row in part:
                    yield StoredMapping(*row)


def _listing(
    *, limit: int | None = None, **filters: Unpack[MappingChoice]
) -> tuple[Executable, dict[str, Any]]:
    """The statement of a list, and its parameters."""
    predicates, parameters = _filtered(**filters)
    statement = sql.list_of(*predicates, limited=limit is not None).columns(**sql.JSON_COLUMNS)
    return statement, parameters if limit is None else parameters | {"limit": limit}


async def canonical_ids(
    connection: AsyncConnection, prefix: str = "", limit: int | None = None
) -> list[str]:
    """Return the canonical ids of all mappings, or of the first that begin so, in order."""
    parameters = {"prefix": prefix, "limit": limit}
    with driver_errors_translated():
        return list(await connection.scalars(sql.CANONICAL_IDS, parameters))


async def count_mappings(connection: AsyncConnection, **filters: Unpack[MappingChoice]) -> int:
    """Return how many mappings `list_mappings` would list without a limit."""
    predicates, parameters = _filtered(**filters)
    with driver_errors_translated():
        return int(await connection.scalar(sql.count_of(*predicates), parameters) or 0)


async def ids_of(connection: AsyncConnection, **filters: Unpack[MappingChoice]) -> Sequence[str]:
    """Return the canonical ids of the mappings that `list_mappings` would list without a limit, in order."""
    predicates, parameters = _filtered(**filters)
    with driver_errors_translated():
        return list(await connection.scalar(sql.ids_of(*predicates), parameters) or ())


def _filtered(
    *,
    is_active: bool | None = None,
    platform: str | None = None,
    lacks: Collection[str] = (),
    market_id: str | None = None,
    containing: str = "",
    label: str = "",
) -> tuple[Sequence[str], dict[str, Any]]:
    """The predicates of the filters that are given, and their parameters."""
    predicates = [] if is_active is None else [sql.IS_ACTIVE[is_active]]
    if market_id is not None:
        predicates.append(sql.CLAIMS if platform is None else sql.CLAIMS_ON.get(platform, "false"))
    elif platform is not None:
        predicates.append(sql.SOLD_ON.get(platform, "false"))
    predicates += [sql.LACKS.get(one, "true") for one in lacks]
    if containing:
        predicates.append(sql.CONTAINS)
    if label:
        predicates.append(sql.LABELLED)
    asked = {"market_id": market_id, "containing": containing or None, "label": label or None}
    return predicates, {name: value for name, value in asked.items() if value is not None}


async def import_mappings(
    connection: AsyncConnection,
    mappings: Sequence[Mapping],
    *,
    actor: str,
    reason: str,
    switched_off: Collection[str] = (),
    dry_run: bool = False,
) -> ImportReport:
    """Add or change mappings by canonical id, within the caller's transaction.

    Mappings that are not named stay, and so does every `is_active`; of the new ones, those that
    `switched_off` names are inactive. A dry run does the same and takes it back, so what it reports is what
    would happen. Raises ValueError if a canonical id is given twice, or a StorageError.
    """
    names = [mapping.canonical_id for mapping in mappings]
    if len(set(names)) != len(names):
        raise ValueError("a canonical id is given twice")
    rows = json.dumps(
        [
            dump_mapping(one) | {"is_active": one.canonical_id not in switched_off}
            for one in mappings
        ]
    )
    with driver_errors_translated():
        attempt = await connection.begin_nested()
        await connection.execute(sql.SIGN, {"actor": actor, "reason": reason})
        touched = (await connection.execute(sql.IMPORT, {"mappings": rows, "actor": actor})).all()
        await (attempt.rollback() if dry_run else attempt.commit())
    is_new = {row.canonical_id: row.is_new for row in touched}
    return ImportReport(
        added=tuple(name for name in names if is_new.get(name) is True),
        changed=tuple(name for name in names if is_new.get(name) is False),
        unchanged=tuple(name for name in names if name not in is_new),
    )
