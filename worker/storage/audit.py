"""Reading the audit log: what changed after a version, and what the table was at one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.bounded_json import LARGEST_INTEGER
from worker.storage import audit_sql as sql
from worker.storage.columns.json_columns import UnusableJson
from worker.storage.errors import driver_errors_translated
from worker.storage.mappings import INDEX_COLUMNS

AuditValues = dict[str, Any]

_ROWS_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One change of one mapping. `id` is the mapping version that it made.

    `action` is CREATE, UPDATE, DELETE, ACTIVATE or DEACTIVATE. `old_value` and `new_value` are the table's
    row before and after, times as ISO 8601 texts in UTC; None where there is none, UnusableJson where it
    cannot be read; whoever owns the log can write anything into it. `mapping_id` is None once the mapping is
    deleted. `created_by` is the actor that the change was signed with, else the login. `login` is the
    database login of the session that made it, which nothing in the session can change; None for a change
    made before logins were kept. `change_set_id` is the change set that it belongs to, and `approved_by` who
    approved that one; None where nobody had to, and for a change made before there were change sets.
    """

    id: int
    mapping_id: int | None
    canonical_id: str
    action: str
    old_value: Any
    new_value: Any
    reason: str | None
    created_at: datetime
    created_by: str | None
    login: str | None = None
    change_set_id: int | None = None
    approved_by: str | None = None

    @classmethod
    def read(cls, row: Row[Any]) -> Self:
        """Return the change of a row of AUDIT_COLUMNS."""
        values = row._asdict()
        values |= {name: _left_out(values[name]) for name in ("old_value", "new_value")}
        return cls(**values)


def _left_out(value: Any) -> Any:
    """The statement has a text in place of a value that is too long to be read."""
    return UnusableJson(value) if type(value) is str else value


class UnknownVersionError(LookupError):
    """That mapping version does not exist yet; `last` is the newest one."""

    def __init__(self, version: int, last: int) -> None:
        super().__init__(f"there is no version {version}: the last one is {last}")
        self.version = version
        self.last = last


async def last_version(connection: AsyncConnection) -> int:
    """Return the mapping version: the last audit id, 0 before the first change."""
    with driver_errors_translated():
        return int(await connection.scalar(sql.LAST_VERSION) or 0)


async def read_after(connection: AsyncConnection, version: int, limit: int) -> Sequence[AuditRow]:
    """Return up to `limit` changes after `version`, in order.

    Ids have gaps, where a change was rolled back, but none that is filled later: ids are in commit order.
    """
    return await _read(connection, sql.READ_AFTER, {"version": version, "limit": limit})


async def newest(connection: AsyncConnection, limit: int) -> Sequence[AuditRow]:
    """Return the last `limit` changes, newest first."""
    return await _read(connection, sql.READ_NEWEST, {"limit": limit})


async def recent_reasons(connection: AsyncConnection, limit: int = 12) -> Sequence[str]:
    """Return the reasons of the last changes, the most frequent first."""
    with driver_errors_translated():
        return list(await connection.scalars(sql.RECENT_REASONS, {"limit": limit}))


async def stream(
    connection: AsyncConnection, canonical_id: str | None, limit: int | None
) -> AsyncIterator[AuditRow]:
    """Yield the last `limit` changes of a mapping, or of all, oldest first; without a limit every one."""
    statement, parameters = _of(canonical_id, sql.READ_LAST, sql.READ_LAST_OF_ONE)
    with driver_errors_translated():
        async with connection.stream(statement, parameters | {"limit": limit}) as result:
            async for part in result.partitions(_ROWS_AT_ONCE):
                for row in part:
                    yield AuditRow.read(row)


async def count(connection: AsyncConnection, canonical_id: str | None = None) -> int:
    """Return the number of changes of a mapping, or of all."""
    statement, parameters = _of(canonical_id, sql.COUNT, sql.COUNT_OF_ONE)
    with driver_errors_translated():
        return int(await connection.scalar(statement, parameters) or 0)


def _of(canonical_id: str | None, of_all: Any, of_one: Any) -> tuple[Any, AuditValues]:
    return (of_all, {}) if canonical_id is None else (of_one, {"canonical_id": canonical_id})


async def last_changes(
    connection: AsyncConnection, canonical_id: str, limit: int
) -> Sequence[AuditRow]:
    """Return the last `limit` changes of a mapping, oldest first, also of a deleted one.

    Empty for an unknown one.
    """
    parameters = {"canonical_id": canonical_id, "version": LARGEST_INTEGER, "limit": limit}
    return await _read(connection, sql.READ_NEWEST_OF_ONE, parameters)


async def change_until(
    connection: AsyncConnection, canonical_id: str, version: int = LARGEST_INTEGER
) -> AuditRow | None:
    """Return the last change of a mapping up to a version; None if it did not exist yet.

    One row is read, however long the history of the mapping is.
    """
    parameters = {"canonical_id": canonical_id, "version": version}
    found = await _read(connection, sql.READ_UNTIL, parameters)
    return found[0] if found else None


async def table_as_of(connection: AsyncConnection, version: int) -> list[AuditValues]:
    """Return the active mappings of a version, rebuilt from the audit log alone, by ascending id.

    A row is a dict of INDEX_COLUMNS, as `load_index_rows` returns them; of one that cannot be read the
    `outcome_mapping` says so. Raises UnknownVersionError for one that is still to come, or below 0.
    """
    last = await last_version(connection)
    if not 0 <= version <= last:
        raise UnknownVersionError(version, last)
    with driver_errors_translated():
        found = (await connection.execute(sql.TABLE_AS_OF, {"version": version})).all()
    rows = [_index_row(row.canonical_id, row.new_value) for row in found]
    return sorted(rows, key=_id_first)


def _index_row(canonical_id: str, value: object) -> AuditValues:
    if isinstance(value, dict):
        return {name: value.get(name) for name in INDEX_COLUMNS}
    unusable = value if isinstance(value, UnusableJson) else UnusableJson("a value that is no row")
    unread = dict.fromkeys(INDEX_COLUMNS)
    return unread | {"canonical_id": canonical_id, "outcome_mapping": unusable}


def _id_first(row: AuditValues) -> tuple[int, str]:
    """Ids in order; a row that holds none comes last."""
    known = type(row["id"]) is int
    return (row["id"] if known else LARGEST_INTEGER, str(row["canonical_id"]))


async def _read(
    connection: AsyncConnection, query: Any, parameters: AuditValues
) -> Sequence[AuditRow]:
    with driver_errors_translated():
        return [AuditRow.read(row) for row in await connection.execute(query, parameters)]
