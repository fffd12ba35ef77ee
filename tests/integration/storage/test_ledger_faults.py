"""The counting step when connections break, answers get lost and others hold the rows."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage.engine import create_engine
from worker.storage.errors import StorageUnavailable
from worker.storage.ledger import Counted, Ledger, MissRow
from worker.storage.watermarks import WatermarkConflict, WatermarkKey, WatermarkMove

Moves = Callable[..., list[WatermarkMove]]
Rows = Callable[..., Any]

HOLD_THE_MISSES = "LOCK TABLE unmapped_market_log IN ACCESS EXCLUSIVE MODE"
WAITING = "SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' AND wait_event_type = 'Lock'"


@pytest.fixture
async def wired(wire: Any, ledger: Ledger) -> AsyncIterator[Ledger]:
    """The same group's ledger, through the wire."""
    engine = create_engine(wire.url, application_name="victim")
    yield Ledger(engine, "workers")
    await engine.dispose()


@pytest.fixture
async def victim(migrated: str, ledger: Ledger) -> AsyncIterator[Ledger]:
    """The same group's ledger on a connection of its own, to be seen by its name."""
    engine = create_engine(migrated, application_name="victim")
    yield Ledger(engine, "workers")
    await engine.dispose()


async def test_a_commit_is_one_statement_whatever_its_size(
    wire: Any, wired: Ledger, move: Moves, miss: MissRow
) -> None:
    await wired.commit(
        move(0, 5), [miss]
    )  # the driver asks about the types once for each connection
    wire.executed.clear()
    misses = [miss._replace(external_market_id=str(number)) for number in range(300)]
    await wired.commit(move(5, 9) + move(0, 6, partition=1), misses)
    assert wire.executed == ["prepared"]


async def test_new_markets_cost_statements_of_their_own_until_they_are_known(
    wire: Any, move: Moves, miss: MissRow, ledger: Ledger
) -> None:
    engine = create_engine(wire.url)
    limited = Ledger(engine, "workers", most_new=5)
    await limited.commit(move(0, 1), [miss])
    for offset, name, statements in ((1, "new", 6), (2, "new", 1)):
        wire.executed.clear()
        await limited.commit(move(offset, offset + 1), [miss._replace(external_market_id=name)])
        assert len(wire.executed) == statements
    await engine.dispose()


async def test_a_commit_whose_answer_was_lost_counts_once(
    wire: Any, wired: Ledger, move: Moves, miss: MissRow, rows: Rows
) -> None:
    await wired.commit(move(0, 1), [miss])
    wire.lose_answer_to = "prepared"
    with pytest.raises(StorageUnavailable):
        await wired.commit(move(1, 2), [miss])
    wire.lose_answer_to = None
    with pytest.raises(WatermarkConflict) as conflict:
        await wired.commit(move(1, 2), [miss])
    assert list(conflict.value.current.values()) == [2]
    assert [row.occurrence_count for row in await rows("SELECT * FROM unmapped_market_log")] == [2]


async def test_a_commit_that_never_arrived_can_be_repeated(
    wire: Any, wired: Ledger, move: Moves, miss: MissRow, rows: Rows
) -> None:
    await wired.commit(move(0, 1), [miss])
    wire.lose = "prepared"
    with pytest.raises(StorageUnavailable):
        await wired.commit(move(1, 2), [miss])
    wire.lose = None
    await wired.commit(move(1, 2), [miss])
    assert [row.occurrence_count for row in await rows("SELECT * FROM unmapped_market_log")] == [2]


async def test_a_backend_that_is_terminated_leaves_nothing_and_the_call_can_be_repeated(
    victim: Ledger, engine: AsyncEngine, move: Moves, miss: MissRow, rows: Rows
) -> None:
    async with engine.begin() as holder:
        await holder.execute(text(HOLD_THE_MISSES))
        commit = asyncio.create_task(victim.commit(move(0, 1), [miss]))
        (pid,) = [row.pid for row in await until(rows, WAITING)]
        await rows("SELECT pg_terminate_backend(:pid)", pid=pid)
        with pytest.raises(StorageUnavailable):
            await commit
    assert [row.next_offset for row in await rows("SELECT * FROM ingest_watermark")] == [0, 0]
    assert await victim.commit(move(0, 1), [miss]) == Counted(1)


async def test_watermarks_are_locked_in_order_so_that_nobody_waits_holding_a_later_one(
    migrated: str, engine: AsyncEngine, move: Moves, rows: Rows
) -> None:
    # Without indexes a plan follows the table's own order, unless the statement says otherwise.
    unhelpful = f"{migrated}?enable_indexscan=off&enable_bitmapscan=off"
    victims = create_engine(unhelpful, application_name="victim")
    victim = Ledger(victims, "workers")
    moves = move(0, 1, partition=1) + move(0, 1, partition=0)
    for each in moves:  # one by one: 1 comes before 0
        await victim.open_partitions([WatermarkKey(each.topic_id, each.topic, each.partition)])
    async with engine.begin() as holder:
        await holder.execute(
            text("SELECT partition FROM ingest_watermark WHERE partition = 0 FOR UPDATE")
        )
        commit = asyncio.create_task(victim.commit(moves, []))
        await until(rows, WAITING)
        await rows("SELECT partition FROM ingest_watermark WHERE partition = 1 FOR UPDATE NOWAIT")
    await commit
    await victims.dispose()


async def test_no_miss_is_locked_while_a_watermark_is_waited_for(
    victim: Ledger, engine: AsyncEngine, move: Moves, miss: MissRow, rows: Rows
) -> None:
    await victim.commit(move(0, 1), [miss])
    async with engine.begin() as holder:
        await holder.execute(
            text("SELECT partition FROM ingest_watermark WHERE partition = 0 FOR UPDATE")
        )
        commit = asyncio.create_task(victim.commit(move(1, 2), [miss]))
        await until(rows, WAITING)
        assert len(await rows("SELECT id FROM unmapped_market_log FOR UPDATE NOWAIT")) == 1
    await commit


async def test_who_asks_for_the_last_place_waits_until_it_is_taken(
    migrated: str, engine: AsyncEngine, move: Moves, miss: MissRow, rows: Rows, ledger: Ledger
) -> None:
    victims = create_engine(migrated, application_name="victim")
    limited = Ledger(victims, "workers", most_new=1)
    async with engine.connect() as holder:
        # Nobody sees this row, and who wants to add the same market waits for it.
        await holder.execute(
            text("INSERT INTO unmapped_market_log (source, external_market_id) VALUES (:s, 'a')"),
            {"s": miss.source},
        )
        first = asyncio.create_task(
            limited.commit(move(0, 1), [miss._replace(external_market_id="a")])
        )
        await until(rows, WAITING)
        second = asyncio.create_task(
            limited.commit(move(0, 1, partition=1), [miss._replace(external_market_id="b")])
        )
        await until(rows, WAITING, number=2)
        await holder.rollback()
    assert await first == Counted(1)
    assert [overflow.occurrences for overflow in (await second).overflows] == [1]
    await victims.dispose()


async def test_a_row_that_stays_locked_is_worth_another_try(
    migrated: str, ledger: Ledger, engine: AsyncEngine, move: Moves, miss: MissRow
) -> None:
    impatient = create_engine(migrated, lock_timeout_s=0.1)
    async with engine.begin() as holder:
        await holder.execute(text(HOLD_THE_MISSES))
        with pytest.raises(StorageUnavailable) as locked:
            await Ledger(impatient, "workers").commit(move(0, 1), [miss])
    assert locked.value.sqlstate == "55P03"
    assert await ledger.commit(move(0, 1), [miss]) == Counted(1)
    await impatient.dispose()


async def test_a_cancelled_commit_leaves_nothing(
    victim: Ledger, engine: AsyncEngine, move: Moves, miss: MissRow, rows: Rows
) -> None:
    async with engine.begin() as holder:
        await holder.execute(text(HOLD_THE_MISSES))
        commit = asyncio.create_task(victim.commit(move(0, 1), [miss]))
        await until(rows, WAITING)
        commit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await commit
    assert await victim.commit(move(0, 1), [miss]) == Counted(1)


async def until(rows: Rows, sql: str, *, number: int = 1) -> Any:
    """Ask until there are so many rows; every question is a round trip, so this does not spin."""
    async with asyncio.timeout(60):
        while len(found := await rows(sql)) < number:
            pass
        return found
