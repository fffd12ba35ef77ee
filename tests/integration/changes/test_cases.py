"""Who works on a miss: taken, released, put off, and missed again after it was mapped."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage import misses
from worker.storage.changes import cases
from worker.storage.changes.cases import CaseTaken, WorkedCase
from worker.storage.engine import transaction
from worker.storage.ledger import Ledger, MissRow
from worker.storage.misses import UnknownMiss
from worker.storage.watermarks import WatermarkKey, WatermarkMove

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = ("betpawa", "2")
TOPIC_ID = "c29tZS10b3BpYy1pZF8tMQ"

CountAt = Callable[[int, int], Awaitable[None]]


@pytest.fixture
async def count_at(engine: AsyncEngine) -> CountAt:
    """`await count_at(offset, version)`: a worker counts the miss once more, under a mapping version."""
    ledger = Ledger(engine, "workers")
    await ledger.open_partitions([WatermarkKey(TOPIC_ID, "observations", 0)])

    async def count(offset: int, version: int) -> None:
        row = MissRow(*KEY, "B", "[]", "UNKNOWN_MARKET", version, NOON, NOON, 1, [1])
        await ledger.commit([WatermarkMove(TOPIC_ID, "observations", 0, offset, offset + 1)], [row])

    return count


async def case_of(engine: AsyncEngine) -> WorkedCase:
    async with transaction(engine) as connection:
        return (await cases.read_cases(connection, [KEY]))[KEY]


async def status_of(engine: AsyncEngine) -> str:
    async with transaction(engine) as connection:
        return (await misses.get_miss(connection, KEY)).status


async def test_whoever_takes_a_miss_owns_it_and_works_on_it(
    engine: AsyncEngine, count_at: CountAt
) -> None:
    await count_at(0, 0)
    async with transaction(engine) as connection:
        assert await cases.take(connection, [KEY], actor="ann", reason="mine") == [KEY]
    found = await case_of(engine)
    assert (found.owner, found.actor, found.reason) == ("ann", "ann", "mine")
    assert await status_of(engine) == "ACKNOWLEDGED"
    async with transaction(engine) as connection:
        assert await cases.take(connection, [KEY], actor="ann", reason="mine") == []
        assert await cases.release(connection, [KEY], actor="ann", reason="no time") == [KEY]
    assert ((await case_of(engine)).owner, await status_of(engine)) == (None, "NEW")


async def test_of_two_who_take_a_miss_at_once_one_owns_it(
    engine: AsyncEngine, count_at: CountAt
) -> None:
    await count_at(0, 0)

    async def take(actor: str) -> None:
        async with transaction(engine) as connection:
            await cases.take(connection, [KEY], actor=actor, reason="mine")

    results = await asyncio.gather(take("ann"), take("bob"), return_exceptions=True)
    (told,) = [one for one in results if isinstance(one, CaseTaken)]
    assert str(told) == f"{(await case_of(engine)).owner} works on betpawa 2"


async def test_a_case_can_be_taken_over(engine: AsyncEngine, count_at: CountAt) -> None:
    await count_at(0, 0)
    async with transaction(engine) as connection:
        await cases.take(connection, [KEY], actor="ann", reason="mine")
        await cases.take(connection, [KEY], actor="bob", reason="ann is ill", force=True)
    assert (await case_of(engine)).owner == "bob"


async def test_a_market_that_was_never_missed_has_no_case(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        with pytest.raises(UnknownMiss):
            await cases.take(connection, [KEY], actor="ann", reason="mine")
        with pytest.raises(UnknownMiss):
            await cases.snooze(connection, [KEY], NOON, actor="ann", reason="later")


async def test_counting_a_known_miss_touches_no_case(
    engine: AsyncEngine, count_at: CountAt
) -> None:
    await count_at(0, 0)
    async with transaction(engine) as connection:
        await cases.take(connection, [KEY], actor="ann", reason="mine")
    before = await case_of(engine)
    await count_at(1, 0)
    assert await case_of(engine) == before


async def test_a_market_that_is_missed_again_after_it_was_mapped_has_regressed(
    engine: AsyncEngine, count_at: CountAt
) -> None:
    await count_at(0, 0)
    async with transaction(engine) as connection:
        await cases.snooze(
            connection, [KEY], datetime.now(UTC) + timedelta(days=3), actor="ann", reason="later"
        )
        assert (await misses.settle(connection, 5, [KEY], ())).mapped == [KEY]
    await count_at(1, 4)
    assert (await status_of(engine), (await case_of(engine)).regressed_at) == ("MAPPED", None)
    await count_at(2, 5)
    found = await case_of(engine)
    assert (await status_of(engine), found.regressed_from) == ("NEW", 5)
    assert found.regressed_at is not None
    assert found.snoozed_until is None
    assert found.reason == "later"


async def test_a_miss_that_an_editor_reopens_has_not_regressed(
    engine: AsyncEngine, count_at: CountAt
) -> None:
    await count_at(0, 0)
    async with transaction(engine) as connection:
        await misses.settle(connection, 5, [KEY], ())
        await misses.reopen(connection, [KEY], actor="ann", notes="wrong")
    assert (await case_of(engine)).regressed_at is None


async def test_an_ignored_miss_that_comes_back_has_not_regressed(
    engine: AsyncEngine, count_at: CountAt
) -> None:
    await count_at(0, 0)
    async with transaction(engine) as connection:
        await misses.ignore(connection, [KEY], actor="ann", until_count=2)
    await count_at(1, 0)
    assert (await status_of(engine), (await case_of(engine)).regressed_at) == ("NEW", None)


async def test_an_owner_is_not_blank(engine: AsyncEngine, count_at: CountAt) -> None:
    await count_at(0, 0)
    async with transaction(engine) as connection:
        with pytest.raises(Exception, match="ck_miss_case_owner"):
            await connection.execute(
                text(
                    "INSERT INTO miss_case (source, external_market_id, owner) VALUES ('a', 'b', ' ')"
                )
            )
