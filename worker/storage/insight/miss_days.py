"""How often each market had been missed when a day began: written by the insight process, once a day.

A row is a count at a moment. How often a market was missed in between is the difference of two of them, which
is exact, whenever they were taken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.errors import driver_errors_translated

# The last week, and the look that its first day begins with.
KEPT: Final = timedelta(days=8)
_ROWS_AT_ONCE: Final = 5000

READ_DAY = text("SELECT CAST(now() AT TIME ZONE 'UTC' AS date)")

# What was not missed for as long as rows are kept has none: nothing can be said about these days but zero.
TAKE = text("""
WITH part AS (
    SELECT id, occurrence_count, last_seen_at
    FROM unmapped_market_log
    WHERE id > :after
    ORDER BY id
    LIMIT :rows
), taken AS (
    INSERT INTO miss_day (miss_id, day, occurrences)
    SELECT id, CAST(:day AS date), occurrence_count
    FROM part
    WHERE last_seen_at >= now() - CAST(:kept AS interval)
    ON CONFLICT (miss_id, day) DO NOTHING
)
SELECT max(id) FROM part
""")

DROP = text("DELETE FROM miss_day WHERE day < CAST(:oldest AS date)")

READ = text("""
SELECT miss_id, taken_at, occurrences
FROM miss_day
WHERE miss_id = ANY (CAST(:ids AS integer[]))
ORDER BY miss_id, taken_at
""")


class CountTaken(NamedTuple):
    """How often a market had been missed at a moment."""

    taken_at: datetime
    occurrences: int


async def read_day(connection: AsyncConnection) -> date:
    """Return the day that it is for the server, in UTC."""
    with driver_errors_translated():
        found: date = (await connection.execute(READ_DAY)).scalar_one()
        return found


async def take_counts(connection: AsyncConnection, day: date) -> None:
    """Store the counts of all markets missed lately as those of this day, in parts; drop the oldest.

    What a day has already stays as it is, so it can be begun again.
    """
    with driver_errors_translated():
        after: int | None = 0
        while after is not None:
            part = {"after": after, "rows": _ROWS_AT_ONCE, "day": day, "kept": KEPT}
            after = await connection.scalar(TAKE, part)
        await connection.execute(DROP, {"oldest": day - KEPT})


async def read_counts(
    connection: AsyncConnection, ids: Collection[int]
) -> Mapping[int, Sequence[CountTaken]]:
    """Return the counts of the last days of these rows of the queue, in their order."""
    found: dict[int, list[CountTaken]] = {one: [] for one in ids}
    with driver_errors_translated():
        for miss_id, taken_at, occurrences in await connection.execute(READ, {"ids": list(ids)}):
            found[miss_id].append(CountTaken(taken_at, occurrences))
    return found
