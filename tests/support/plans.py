"""What Postgres reads for a statement, by the plan that it has run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.ext.asyncio import AsyncConnection

from tests.support.editing.statements import Statement


def read_rows(node: dict[str, Any], *, at_least: int = 0) -> Iterator[tuple[str, int]]:
    """How many rows each scan of a plan has read, by table; ``at_least`` so many each time it ran."""
    if "Relation Name" in node:
        seen = max(at_least, node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        yield node["Relation Name"], round(seen * node["Actual Loops"])
    for child in node.get("Plans", ()):
        yield from read_rows(child, at_least=at_least)


async def looked_at(connection: AsyncConnection, one: Statement) -> Counter[str]:
    """Run a recorded statement again: how many rows of each table it looks at; a lookup is one at least."""
    query = f"EXPLAIN (ANALYZE, FORMAT JSON) {one.sql}"
    raw = await connection.get_raw_connection()
    found = await raw.driver_connection.fetchval(query, *one.parameters)  # type: ignore[union-attr]  # is open
    (explained,) = json.loads(found) if isinstance(found, str) else found
    read: Counter[str] = Counter()
    for table, rows in read_rows(explained["Plan"], at_least=1):
        read[table] += rows
    return read


@contextmanager
def said_by_all() -> Iterator[list[Statement]]:
    """What is said to Postgres meanwhile, through any engine."""
    said: list[Statement] = []

    def executed(_: Any, cursor: Any, sql: str, parameters: Any, *__: Any) -> None:
        said.append(Statement(sql.strip(), list(parameters), cursor.rowcount))

    event.listen(Engine, "after_cursor_execute", executed)
    try:
        yield said
    finally:
        event.remove(Engine, "after_cursor_execute", executed)


def rows_of_log(said: list[Statement]) -> int:
    """How many rows of the audit log were given, values and all."""
    of_log = [one for one in said if "old_value" in one.sql and "FROM mapping_audit_log" in one.sql]
    assert all(one.rows is not None and one.rows >= 0 for one in of_log)
    return sum(one.rows or 0 for one in of_log)
