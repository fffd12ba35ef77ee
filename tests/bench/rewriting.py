"""How long the migration that rewrites the table of misses takes, and how long counting waits meanwhile.

    python -m tests.bench.rewriting [ROWS]

Postgres is started on the same machine, with fsync. The table has ROWS rows (a million) at revision 0030;
meanwhile another connection adds to a single row every 50 ms, as workers do.
"""

from __future__ import annotations

import asyncio
import os
import sys
from time import perf_counter

import asyncpg

from tests.support.services.installation import temporary_database
from tests.support.services.long_lists import MISSES, WITHOUT_TRIGGERS
from worker.local.owned import owned_services
from worker.storage.migrate import upgrade

BEFORE, REWRITES = "0030", "0031"
MANY = 1_000_000
PAUSE_S = 0.05
MIB = 1024 * 1024
COUNT = """
UPDATE unmapped_market_log SET occurrence_count = occurrence_count + 1
WHERE id = (SELECT min(id) FROM unmapped_market_log)
"""
SIZE = "SELECT pg_total_relation_size('unmapped_market_log')"
WRITTEN = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"


class Counting:
    """A connection that counts a market again and again."""

    def __init__(self) -> None:
        self.slowest_s = 0.0
        self._is_over = False

    async def run(self, url: str) -> None:
        connection = await asyncpg.connect(url)
        try:
            while not self._is_over:
                began = perf_counter()
                await connection.execute(COUNT, timeout=None)
                self.slowest_s = max(self.slowest_s, perf_counter() - began)
                await asyncio.sleep(PAUSE_S)
        finally:
            await connection.close()

    def end(self) -> None:
        self._is_over = True


async def measure(server: str, rows: int) -> None:
    async with temporary_database(server) as url:
        await upgrade(url, BEFORE)
        connection = await asyncpg.connect(url)
        await connection.execute(WITHOUT_TRIGGERS)
        await connection.execute(MISSES, rows, timeout=600)
        await connection.execute("VACUUM ANALYZE unmapped_market_log", timeout=600)
        await connection.execute("CHECKPOINT", timeout=600)
        size, written = await connection.fetchval(SIZE), await connection.fetchval(WRITTEN)
        counting = Counting()
        task = asyncio.create_task(counting.run(url))
        began = perf_counter()
        await upgrade(url, REWRITES)
        seconds = perf_counter() - began
        counting.end()
        await task
        wal = await connection.fetchval(WRITTEN) - written
        now = await connection.fetchval(SIZE)
        print(  # noqa: T201  # what it is for
            f"{rows:,} rows, {size / MIB:,.0f} MiB before, {now / MIB:,.0f} MiB after: {seconds:.1f} s,"
            f" {wal / MIB:,.0f} MiB of WAL; a count waited {counting.slowest_s:.1f} s",
            flush=True,
        )
        await connection.close()


def main() -> None:
    print(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")  # noqa: T201  # as above
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    with owned_services(["postgres"]) as services:
        asyncio.run(measure(services.postgres, rows))


if __name__ == "__main__":
    main()
