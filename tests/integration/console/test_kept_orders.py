"""Orders of the queue that no index has are kept for some seconds; what is listed is true all the same."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.console.totals import KEPT_S, QueueTotals
from worker.storage import misses
from worker.storage.engine import transaction
from worker.storage.misses import MissFilters, QueueOrder

FILL = """
INSERT INTO unmapped_market_log (source, external_market_id, market_name, occurrence_count)
SELECT 'bet9ja', 'market ' || n, 'Corners', n FROM generate_series(1, 9) AS n
"""


class Ground:
    """Nine markets, and a clock that stands still until it is moved."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.now_s = 0.0
        self.changes = 0
        self.totals = QueueTotals(lambda: self.changes, lambda: self.now_s)

    async def run(self, statement: str) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text(statement))

    async def numbers(self, offset: int = 0, order: QueueOrder = "occurrences") -> list[int]:
        """The numbers of the markets on a page of three."""
        async with transaction(self.engine) as connection:
            rows = await self.totals.rows(
                connection, {"containing": "corner"}, order=order, limit=3, offset=offset
            )
        return [int(row.external_market_id.split()[1]) for row in rows]


async def test_pages_of_a_view_follow_one_another_while_markets_are_counted(
    engine: AsyncEngine,
) -> None:
    ground = Ground(engine)
    await ground.run(FILL)
    assert await ground.numbers() == [9, 8, 7]
    await ground.run(
        "UPDATE unmapped_market_log SET occurrence_count = 99 WHERE external_market_id = 'market 1'"
    )
    assert await ground.numbers(offset=3) == [6, 5, 4]
    ground.now_s += KEPT_S
    assert await ground.numbers() == [1, 9, 8]


async def test_a_market_that_somebody_decided_about_elsewhere_is_listed_no_longer(
    engine: AsyncEngine,
) -> None:
    ground = Ground(engine)
    await ground.run(FILL)
    assert await ground.numbers() == [9, 8, 7]
    await ground.run(
        "UPDATE unmapped_market_log SET status = 'IGNORED' WHERE external_market_id = 'market 8'"
    )
    assert await ground.numbers() == [9, 7, 6], "the order is read again"
    await ground.run(
        "UPDATE unmapped_market_log SET occurrence_count = 50 WHERE external_market_id = 'market 2'"
    )
    ground.changes += 1
    assert await ground.numbers() == [2, 9, 7], "a decision on this console drops what is kept"


async def test_a_kept_order_by_confidence_is_that_of_the_list(engine: AsyncEngine) -> None:
    ground = Ground(engine)
    await ground.run(FILL)
    await ground.run(
        """
        INSERT INTO suggestion (source, external_market_id, rank, canonical_id, version, line_kind,
            outcomes, unmatched, evidence, events, likeness, confidence, is_confident, reason)
        SELECT 'bet9ja', 'market ' || n, 1, 'm', 1, 'none', '{}', '[]', '{}', 1, 0.5, n / 10.0, n = 2, 'r'
        FROM generate_series(2, 5) AS n
        """
    )
    listed = [await ground.numbers(offset, "confidence") for offset in (0, 3)]
    assert listed == [[2, 5, 4], [3, 9, 8]]
    async with transaction(engine) as connection:
        surest = await ground.totals.rows(
            connection, {"snoozed": False}, order="confidence", limit=4
        )
        more = await ground.totals.rows(connection, {"snoozed": False}, order="confidence", limit=6)
    names = [row.external_market_id for row in more]
    assert names == [f"market {one}" for one in (2, 5, 4, 3, 9, 8)]
    assert [row.external_market_id for row in surest] == names[:4], "by the index alone"


@pytest.mark.parametrize(
    ("containing", "numbers"),
    [
        ("MARKET", [9, 8, 7]),  # most have it: the first rows are enough
        ("market 1", [1]),  # not among the first: the whole table is read
        ("nothing", []),
    ],
)
async def test_a_text_is_found_wherever_it_is_in_the_order(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, containing: str, numbers: list[int]
) -> None:
    monkeypatch.setattr(misses, "_SAMPLED_PERCENT", 100)  # a small table is one page
    monkeypatch.setattr(misses, "_AMONG_FIRST", 2)
    ground = Ground(engine)
    await ground.run(FILL)
    filters: MissFilters = {"containing": containing}
    async with transaction(engine) as connection:
        ids = await misses.rank_misses(connection, limit=3, **filters)
        listed = await misses.list_misses(connection, limit=3, **filters)
    assert ids == [one.id for one in listed]
    assert [int(one.external_market_id.split()[1]) for one in listed] == numbers


@pytest.mark.parametrize("containing", ["market", "market 3", "nothing"])
async def test_the_total_of_a_view_is_the_same_before_and_after_its_rows_are_read(
    engine: AsyncEngine, containing: str
) -> None:
    ground = Ground(engine)
    await ground.run(FILL)
    await ground.run("UPDATE unmapped_market_log SET status = 'IGNORED' WHERE occurrence_count < 3")
    filters: MissFilters = {"containing": containing}
    async with transaction(engine) as connection:
        expected = await misses.sum_share(connection, **filters)
        before = await ground.totals.share_of(connection, filters, "priority")
        ground.changes += 1
        await ground.totals.rows(connection, filters, limit=3)
        after = await ground.totals.share_of(connection, filters, "priority")
    for found in (before, after):
        assert [total.markets for total in found] == [markets for markets, _ in expected]
        assert [total.per_hour for total in found] == pytest.approx([rate for _, rate in expected])
