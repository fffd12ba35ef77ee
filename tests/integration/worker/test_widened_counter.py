"""A full counter is widened by the runbook's own statements, while a worker counts; nothing is lost."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import asyncpg
import pytest

from tests.support.people.commands import SIGNED, command
from tests.support.services.installation import Installation, until
from tests.support.stream import expected_counts, stream

pytestmark = pytest.mark.services

RUNBOOK = (Path(__file__).parents[3] / "docs" / "runbook.md").read_text(encoding="utf-8")
LARGEST = 2**31 - 1
FULL = ("sportybet", "seventh 3")
FILL = """
INSERT INTO unmapped_market_log (source, external_market_id, occurrence_count, reason, mapping_version)
VALUES ($1, $2, $3, 'UNKNOWN_MARKET', 0)
"""


def widening() -> str:
    (found,) = re.findall(r"```sql\n(BEGIN;.*?TYPE bigint.*?COMMIT;\n)```", RUNBOOK, re.DOTALL)
    return str(found)


async def test_the_runbook_widens_a_full_counter_beneath_a_worker_that_goes_on(
    installation: Installation,
) -> None:
    connection = await asyncpg.connect(installation.settings.database_url)
    try:
        await connection.execute(FILL, *FULL, LARGEST)
        await installation.publish(stream(70))
        installation.start_worker()
        await installation.caught_up()
        assert (await installation.counts())[FULL] == LARGEST

        await connection.execute(widening())
        await installation.engine.dispose()  # of this test, with its prepared statements
        await installation.publish(stream(70, first=70))
        await installation.caught_up()
        redriven = await command(
            installation, "dead", "redrive", "--dead-reason", "DATABASE_REFUSED", *SIGNED
        )
        assert redriven.code == 0, redriven

        async def is_counted() -> bool:
            installation.check_alive()
            wanted = expected_counts(140) + Counter({FULL: LARGEST})
            return await installation.counts() == wanted

        await until(is_counted)
        listed = await command(installation, "unmapped", "list", "--json")
        assert listed.code == 0, listed
        assert await installation.stop_worker() == 0
    finally:
        await connection.close()
