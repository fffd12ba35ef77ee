"""Counts at the beginning of a day: of all that was missed lately, once, and kept for a week."""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.insight.watching.miss_days import MissDays
from worker.storage.engine import transaction
from worker.storage.insight import miss_days

FILL = """
INSERT INTO unmapped_market_log
    (source, external_market_id, occurrence_count, first_seen_at, last_seen_at)
SELECT 'bet9ja', 'market ' || n, 10 * n, now() - interval '9 days',
    now() - make_interval(days => CASE n WHEN 4 THEN 9 ELSE 0 END)
FROM generate_series(1, 5) AS n
"""
COUNT_ON = "UPDATE unmapped_market_log SET occurrence_count = occurrence_count + 1"
STORED = """
SELECT occurrences FROM miss_day JOIN unmapped_market_log ON unmapped_market_log.id = miss_id
ORDER BY day, external_market_id
"""


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(miss_days, "_ROWS_AT_ONCE", 2)


async def run(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def stored(engine: AsyncEngine) -> list[int]:
    async with transaction(engine) as connection:
        return list(await connection.scalars(text(STORED)))


async def take(engine: AsyncEngine, day: date) -> None:
    async with transaction(engine) as connection:
        await miss_days.take_counts(connection, day)


async def test_all_markets_that_were_missed_lately_are_taken_whatever_their_number(
    engine: AsyncEngine,
) -> None:
    await take(engine, date(2026, 11, 28))
    assert await stored(engine) == []
    await run(engine, FILL)
    await take(engine, date(2026, 11, 28))
    assert await stored(engine) == [10, 20, 30, 50]


async def test_a_day_that_is_begun_again_keeps_its_counts(engine: AsyncEngine) -> None:
    await run(engine, FILL)
    await take(engine, date(2026, 11, 28))
    await run(engine, COUNT_ON)
    await run(
        engine, "DELETE FROM miss_day WHERE occurrences = 30"
    )  # as if it had been killed midway
    await take(engine, date(2026, 11, 28))
    assert await stored(engine) == [10, 20, 31, 50]


async def test_counts_are_read_in_order_and_those_of_more_than_a_week_are_dropped(
    engine: AsyncEngine,
) -> None:
    await run(engine, FILL)
    for day in (19, 20, 27, 28):
        await take(engine, date(2026, 11, day))
        await run(engine, COUNT_ON)
    async with transaction(engine) as connection:
        ids = list(await connection.scalars(text("SELECT id FROM unmapped_market_log ORDER BY id")))
        found = await miss_days.read_counts(connection, ids)
    assert [one.occurrences for one in found[ids[0]]] == [11, 12, 13]
    assert found[ids[3]] == []


async def test_a_leader_takes_the_counts_of_a_day_once(engine: AsyncEngine) -> None:
    await run(engine, FILL)
    async with transaction(engine) as connection:
        leader = MissDays(connection)
        await leader.look()
        today = await miss_days.read_day(connection)
        await connection.execute(text("DELETE FROM miss_day WHERE occurrences = 30"))
        await leader.look()
        assert list(await connection.scalars(text("SELECT DISTINCT day FROM miss_day"))) == [today]
    assert await stored(engine) == [10, 20, 50], "it did not look again"
