"""What a release says to Postgres, recorded in a text file, so that later schemas can be held against it.

A file has the statements in their order, each with its parameters and how many rows it gave or changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

FOLDER = Path(__file__).parents[2] / "integration" / "storage" / "statements"
COMMIT = "COMMIT"
_UNCOUNTED = "some"
_HEAD = re.compile(r"^-- (\d+|some) rows of (.*)\n", re.MULTILINE)
_ROWS = re.compile(r"\b(\d+)$")


class Statement(NamedTuple):
    """``rows`` were given by a query, or changed by anything else; None where nobody counted."""

    sql: str
    parameters: list[Any]
    rows: int | None

    @property
    def ends_transaction(self) -> bool:
        return self.sql == COMMIT


@contextmanager
def recorded(engine: AsyncEngine) -> Iterator[list[Statement]]:
    """All that is said through the engine meanwhile, transactions one after the other."""
    said: list[Statement] = []

    def executed(_: Any, cursor: Any, sql: str, parameters: Any, *__: Any) -> None:
        said.append(Statement(sql.strip(), list(parameters), _asked(cursor.rowcount)))

    def committed(_: Any) -> None:
        said.append(Statement(COMMIT, [], 0))

    listeners: dict[str, Callable[..., None]] = {
        "after_cursor_execute": executed,
        "commit": committed,
    }
    for name, listener in listeners.items():
        event.listen(engine.sync_engine, name, listener)
    try:
        yield said
    finally:
        for name, listener in listeners.items():
            event.remove(engine.sync_engine, name, listener)


async def replay(url: str, statements: Iterable[Statement]) -> list[Statement]:
    """Say it all again, in the same transactions; the statements with the rows that they have now."""
    connection = await asyncpg.connect(url)
    try:
        return [await _again(connection, one) for one in statements]
    finally:
        await connection.close()


async def _again(connection: asyncpg.Connection, one: Statement) -> Statement:
    if not connection.is_in_transaction() and not one.ends_transaction:
        await connection.execute("BEGIN")
    if one.ends_transaction:
        await connection.execute(COMMIT)
        return one
    prepared = await connection.prepare(one.sql)
    await prepared.fetch(*one.parameters)
    if one.rows is None:
        return one
    told = _ROWS.search(prepared.get_statusmsg())
    return one._replace(rows=int(told[1]) if told else 0)


def _asked(rowcount: int) -> int | None:
    """A result that is read row by row has no count."""
    return rowcount if rowcount >= 0 else None


def written(statements: Iterable[Statement]) -> str:
    return "".join(f"-- {_head(one)}\n{one.sql};\n\n" for one in statements)


def _head(one: Statement) -> str:
    rows = _UNCOUNTED if one.rows is None else one.rows
    return f"{rows} rows of {json.dumps(one.parameters, default=_moment)}"


def read(file: Path) -> list[Statement]:
    _, *parts = _HEAD.split(file.read_text(encoding="utf-8"))
    return [
        Statement(
            sql.rstrip().removesuffix(";"),
            json.loads(given, object_hook=_read_moment),
            None if rows == _UNCOUNTED else int(rows),
        )
        for rows, given, sql in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def _moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    raise TypeError(f"{type(value)} is no parameter that a file can hold")


def _read_moment(value: dict[str, str]) -> Any:
    return datetime.fromisoformat(value["moment"])
