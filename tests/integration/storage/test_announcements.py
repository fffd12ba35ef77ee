"""First sightings are handed out until someone has published them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage.engine import create_engine
from worker.storage.ledger import Counted, Ledger, MissRow
from worker.storage.watermarks import WatermarkMove

Moves = Callable[..., list[WatermarkMove]]


async def take(ledger: Ledger, limit: int = 10) -> list[str]:
    async with ledger.unannounced(limit) as batch:
        return [row.external_market_id for row in batch]


@pytest.fixture
async def missed(ledger: Ledger, move: Moves, miss: MissRow) -> list[MissRow]:
    misses = [miss._replace(external_market_id=name) for name in ("a", "b", "c")]
    await ledger.commit(move(0, 1), misses)
    return misses


async def test_each_market_is_announced_once(ledger: Ledger, missed: list[MissRow]) -> None:
    assert await take(ledger) == ["a", "b", "c"]
    assert await take(ledger) == []


async def test_a_market_missed_again_is_no_news(
    ledger: Ledger, move: Moves, missed: list[MissRow]
) -> None:
    await take(ledger)
    await ledger.commit(move(1, 2), missed)
    assert await take(ledger) == []


async def test_the_oldest_come_first_and_the_rest_later(
    ledger: Ledger, missed: list[MissRow]
) -> None:
    assert await take(ledger, limit=2) == ["a", "b"]
    assert await take(ledger, limit=2) == ["c"]


async def test_a_row_says_what_the_table_has(ledger: Ledger, missed: list[MissRow]) -> None:
    async with ledger.unannounced(1) as batch:
        assert batch[0][1:] == missed[0][:-1]


async def test_what_was_not_published_comes_again(ledger: Ledger, missed: list[MissRow]) -> None:
    with pytest.raises(
        ConnectionError, match="broker"
    ):  # the publisher's own error, not a storage error
        async with ledger.unannounced(10):
            raise ConnectionError("broker")
    assert await take(ledger) == ["a", "b", "c"]


async def test_what_a_cancelled_publisher_held_comes_again(
    ledger: Ledger, missed: list[MissRow]
) -> None:
    holding = asyncio.Event()

    async def publish() -> None:
        async with ledger.unannounced(10):
            holding.set()
            await asyncio.Event().wait()

    publisher = asyncio.create_task(publish())
    await holding.wait()
    publisher.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publisher
    assert await take(ledger) == ["a", "b", "c"]


async def test_two_publishers_do_not_announce_the_same(
    ledger: Ledger, missed: list[MissRow]
) -> None:
    async with ledger.unannounced(2):
        assert await take(ledger) == []
    assert await take(ledger) == ["c"]


async def test_a_slow_publisher_does_not_hold_up_the_counting(
    migrated: str, ledger: Ledger, move: Moves, missed: list[MissRow]
) -> None:
    impatient = create_engine(migrated, lock_timeout_s=0.001)
    async with ledger.unannounced(10):
        assert await Ledger(impatient, "workers").commit(move(1, 2), missed) == Counted(0)
    await impatient.dispose()


async def test_a_market_missed_while_others_are_published_is_not_forgotten(
    ledger: Ledger, move: Moves, missed: list[MissRow], engine: AsyncEngine
) -> None:
    async with ledger.unannounced(10):
        await ledger.commit(move(1, 2), [missed[0]._replace(external_market_id="d")])
    assert await take(ledger) == ["d"]


async def test_who_is_frozen_before_the_end_of_announcing_locks_no_row(
    engine: AsyncEngine, migrated: str, ledger: Ledger, missed: list[MissRow]
) -> None:
    """Its transaction may idle for long, and whoever counts these markets would wait."""
    locked: list[int] = []

    async def look() -> None:
        connection = await asyncpg.connect(migrated)
        free = await connection.fetch("SELECT FROM unmapped_market_log FOR UPDATE SKIP LOCKED")
        locked.append(len(missed) - len(free))
        await connection.close()

    def before_the_end(_: Any) -> None:
        with ThreadPoolExecutor(1) as frozen:
            frozen.submit(asyncio.run, look()).result()

    event.listen(engine.sync_engine, "commit", before_the_end)
    try:
        assert await take(ledger) == ["a", "b", "c"]
    finally:
        event.remove(engine.sync_engine, "commit", before_the_end)
    assert locked
    assert set(locked) == {0}
