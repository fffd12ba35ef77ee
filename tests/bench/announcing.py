"""What it costs to announce a batch of new markets, by the rows that share its name, names and mappings.

    python -m tests.bench.announcing [--short]

Postgres is started on the same machine. Each line announces batches of 200 new markets of SportyBet on top of
a table of that size, and says what the median and the slowest batch took. ``waits`` is the longest that a
count of 199 rows of these names took meanwhile. The last line is the worst case: every row has one name, and
another bookmaker begins to offer it, so every row changes.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import NamedTuple

import asyncpg

from tests.support.services.installation import temporary_database
from worker.local.owned import owned_services
from worker.storage.engine import create_engine
from worker.storage.ledger import Ledger
from worker.storage.migrate import upgrade

BATCH = 200
BATCHES = 5
ROWS = """
INSERT INTO unmapped_market_log (source, external_market_id, market_name, announced_at, other_books)
SELECT 'sportybet', $1 || n, 'Name ' || n % $3::int, CASE WHEN $4 THEN now() END,
    CASE WHEN $4 AND $5 THEN 1 ELSE 0 END
FROM generate_series(1, $2::int) AS n
"""
MAPPINGS = """
INSERT INTO user_market_mappings (canonical_id, name, bet9ja_key, outcome_mapping)
SELECT 'mapping ' || n, 'Name ' || n % $2::int, 'S_' || n, '[1]' FROM generate_series(1, $1::int) AS n
"""
OTHER_BOOK = """
INSERT INTO unmapped_market_log (source, external_market_id, market_name)
SELECT 'bet9ja', 'new ' || n, 'name 0' FROM generate_series(1, $1::int) AS n
"""
COUNT = """
UPDATE unmapped_market_log SET occurrence_count = occurrence_count + 1
WHERE source = 'sportybet' AND external_market_id = ANY ($1::text[])
"""


class Size(NamedTuple):
    """Rows in the table, names that they share, mappings that have these names."""

    rows: int
    names: int
    mappings: int


SHORT = (Size(1_000, 1, 0), Size(10_000, 1, 0), Size(10_000, 10_000, 10_000))
SIZES = (
    *SHORT,
    Size(100_000, 1, 0),
    Size(1_000_000, 1, 0),
    Size(1_000_000, 1_000, 0),
    Size(1_000_000, 1_000_000, 0),
    Size(1_000_000, 1, 100_000),
    Size(1_000_000, 1_000_000, 100_000),
)


async def fill(connection: asyncpg.Connection, size: Size) -> None:
    is_offered = size.mappings > 0
    # The audit is not what is measured, and takes most of the time of filling.
    await connection.execute("SET session_replication_role = replica")
    if size.mappings:
        await connection.execute(MAPPINGS, size.mappings, size.names)
    await connection.execute(ROWS, "old ", size.rows, size.names, True, is_offered)
    await connection.execute("SET session_replication_role = origin")
    await connection.execute("VACUUM ANALYZE unmapped_market_log, user_market_mappings")


async def announce(ledger: Ledger) -> float:
    """Seconds from the end of publishing until the batch is marked."""
    async with ledger.unannounced(BATCH) as rows:
        assert len(rows) == BATCH
        began = time.perf_counter()
    return time.perf_counter() - began


async def waits(connection: asyncpg.Connection, until: asyncio.Task[object]) -> float:
    """The longest time of a count of old rows while something else goes on."""
    longest = 0.0
    keys = [f"old {number}" for number in range(1, BATCH)]
    while not until.done():
        began = time.perf_counter()
        await connection.execute(COUNT, keys)
        longest = max(longest, time.perf_counter() - began)
    return longest


async def measure(url: str, size: Size) -> str:
    engine = create_engine(url)
    connection = await asyncpg.connect(url)
    try:
        await fill(connection, size)
        await connection.execute(ROWS, "new ", BATCH * BATCHES, size.names, False, False)

        async def batches() -> list[float]:
            return [await announce(Ledger(engine, "bench")) for _ in range(BATCHES)]

        announcing = asyncio.create_task(batches())
        waited = await waits(connection, announcing)
        taken = [seconds * 1000 for seconds in await announcing]
        return (
            f"{size.rows:>9,} {size.names:>9,} {size.mappings:>9,}"
            f" {statistics.median(taken):>9.1f} {max(taken):>9.1f} {waited * 1000:>9.1f}"
        )
    finally:
        await connection.close()
        await engine.dispose()


async def worst(url: str, rows: int) -> str:
    """Every row has one name, and another bookmaker begins to offer it: each of them changes once."""
    engine = create_engine(url)
    connection = await asyncpg.connect(url)
    try:
        await fill(connection, Size(rows, 1, 0))
        await connection.execute(OTHER_BOOK, BATCH)
        announcing = asyncio.create_task(announce(Ledger(engine, "bench")))
        waited = await waits(connection, announcing)
        return (
            f"all of {rows:,} rows change: {await announcing:.1f} s, waits {waited * 1000:.1f} ms"
        )
    finally:
        await connection.close()
        await engine.dispose()


async def on_database(server: str, work: Callable[[str], Awaitable[str]]) -> None:
    async with temporary_database(server) as url:
        await upgrade(url)
        print(await work(url), flush=True)  # noqa: T201  # what it is for


def main() -> None:
    is_short = "--short" in sys.argv
    print(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}; ms a batch of {BATCH}")  # noqa: T201  # as above
    print(f"{'rows':>9} {'names':>9} {'mappings':>9} {'median':>9} {'slowest':>9} {'waits':>9}")  # noqa: T201  # as above
    with owned_services(["postgres"]) as services:
        for size in SHORT if is_short else SIZES:
            asyncio.run(on_database(services.postgres, partial(measure, size=size)))
        rows = 2_000 if is_short else 100_000
        asyncio.run(on_database(services.postgres, partial(worst, rows=rows)))


if __name__ == "__main__":
    main()
