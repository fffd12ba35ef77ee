"""How many connections a worker has to Postgres: the numbers that operators size a server by."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from tests.support.services.installation import Installation, execute, until
from tests.support.stream import stream
from worker.storage.engine import create_engine, transaction

pytestmark = pytest.mark.services

OF_A_WORKER = 4
OF_A_WORKER_WITH_A_RELAY = 5
# Those of the test that makes the changes have no name. One that is closed may be seen for a moment.
CONNECTED = text("""
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> ''
""")
CHANGE = """
UPDATE user_market_mappings SET priority = priority + 1
WHERE canonical_id = (SELECT min(canonical_id) FROM user_market_mappings)
"""


@pytest.mark.parametrize(
    ("with_relay", "most"), [("false", OF_A_WORKER), ("true", OF_A_WORKER_WITH_A_RELAY)]
)
async def test_a_busy_worker_keeps_within_its_connections(
    installation: Installation, with_relay: str, most: int
) -> None:
    engine = create_engine(installation.settings.database_url, pool_size=1)

    async def connected() -> int:
        async with transaction(engine) as connection:
            return int(await connection.scalar(CONNECTED))

    async def are_none_left() -> bool:
        return await connected() == 0

    await installation.engine.dispose()  # only the worker's connections are there
    await until(are_none_left)
    installation.start_worker(
        MARKETMAP_RELAY_IN_WORKER=with_relay, MARKETMAP_BATCH_MAX_RECORDS="20"
    )
    await installation.logged("worker_started")
    if with_relay == "true":
        await installation.logged("relay_leads")
    seen: list[int] = []

    async def work() -> None:
        for _ in range(5):
            await asyncio.gather(
                installation.publish(stream(100)),
                execute(installation.settings.database_url, CHANGE),
                *(installation.ask("/status") for _ in range(5)),
            )

    working = asyncio.create_task(work())
    while not working.done():
        seen.append(await connected())
    await working
    await engine.dispose()
    assert 1 < max(seen) <= most
    assert await installation.stop_worker() == 0
