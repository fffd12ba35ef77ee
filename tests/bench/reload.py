"""What it costs to load an index, and to apply one change to it, by the number of mappings.

    python -m tests.bench.reload

Postgres is started on the same machine. ``longest stop`` is the longest that the event loop was held up.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable

from sqlalchemy import text

from tests.support.editing.edits import OUTCOMES, run
from tests.support.services.installation import temporary_database
from worker.local.owned import owned_services
from worker.runtime.index.following import LiveMappings
from worker.runtime.index.live import LiveIndex
from worker.storage.engine import create_engine
from worker.storage.migrate import upgrade

SIZES = (130, 10_000, 100_000)
MANY = """
INSERT INTO user_market_mappings (canonical_id, name, betpawa_id, sportybet_id, bet9ja_key, outcome_mapping)
SELECT 'many ' || n, 'many', 'b' || n, 's' || n, 'S_' || n, $1 FROM generate_series(1, $2::int) AS n
"""
TURN_S = 0.001


async def timed(work: Awaitable[None]) -> tuple[float, float]:
    """Milliseconds that ``work`` took, and the longest that the loop stood still meanwhile."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            since = time.perf_counter()
            await asyncio.sleep(TURN_S)
            longest = max(longest, time.perf_counter() - since - TURN_S)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    began = time.perf_counter()
    await work
    took = time.perf_counter() - began
    await asyncio.sleep(2 * TURN_S)
    watching.cancel()
    return 1000 * took, 1000 * longest


async def measure(server: str, size: int) -> None:
    async with temporary_database(server) as url:
        await upgrade(url)
        await run(url, MANY, json.dumps(OUTCOMES), size)
        engine = create_engine(url)
        async with engine.connect() as connection:
            await connection.execute(text("SELECT"))
        index = LiveIndex()
        mappings = LiveMappings(
            engine, url, index, poll_s=5, retry_delay=lambda _: 1, report=lambda _: None
        )
        first = await timed(mappings.load())
        again = await timed(mappings.load())
        await run(url, "UPDATE user_market_mappings SET priority = 1 WHERE sportybet_id = 's7'")
        change = await timed(mappings.catch_up())
        await run(url, "UPDATE user_market_mappings SET priority = 2 WHERE sportybet_id = 's7'")
        next_change = await timed(mappings.catch_up())
        await engine.dispose()
    for name, (took, longest) in {
        "load": first,
        "load again": again,
        "one change": change,
        "one more change": next_change,
    }.items():
        print(f"{size:>7} mappings, {name:<16} {took:8.1f} ms, longest stop {longest:6.1f} ms")  # noqa: T201  # what it is for


def main() -> None:
    print(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")  # noqa: T201  # as above
    with owned_services(["postgres"]) as services:
        for size in SIZES:
            asyncio.run(measure(services.postgres, size))


if __name__ == "__main__":
    main()
