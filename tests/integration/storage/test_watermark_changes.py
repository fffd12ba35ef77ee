"""Watermarks that are moved otherwise than by counting, and the record of it."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage.errors import StorageRefused
from worker.storage.ledger import Ledger, MissRow
from worker.storage.watermarks import KnownWatermark, WatermarkConflict, WatermarkKey, WatermarkMove

Moves = Callable[..., list[WatermarkMove]]
Rows = Callable[..., Any]

TOPIC_ID = "c29tZS10b3BpYy1pZF8tMQ"
OTHER_TOPIC_ID = "c29tZS10b3BpYy1pZF8tMg"
FIRST = WatermarkKey(TOPIC_ID, "observations", 0)
CHANGES = """
SELECT consumer_group, topic_id, topic, partition, old_offset, new_offset, actor, reason FROM watermark_change
"""


async def test_a_watermark_that_is_set_back_is_recorded_and_counted_from_there(
    ledger: Ledger, move: Moves, miss: MissRow, rows: Rows
) -> None:
    await ledger.commit(move(0, 10), [miss])
    await ledger.set_back(FIRST, 10, 4, actor="ada", reason="counts were lost")
    assert [tuple(row) for row in await rows(CHANGES)] == [
        ("workers", TOPIC_ID, "observations", 0, 10, 4, "ada", "counts were lost")
    ]
    await ledger.commit(move(4, 10), [miss])
    assert [
        row.occurrence_count
        for row in await rows("SELECT occurrence_count FROM unmapped_market_log")
    ] == [2]


async def test_a_watermark_that_skips_is_recorded(ledger: Ledger, rows: Rows) -> None:
    await ledger.skip_to(FIRST, 0, 7, actor="worker", reason="deleted")
    assert await ledger.open_partitions([FIRST]) == {(TOPIC_ID, 0): 7}
    assert [(row.old_offset, row.new_offset) for row in await rows(CHANGES)] == [(0, 7)]


async def test_nothing_moves_and_nothing_is_recorded_when_the_watermark_is_elsewhere(
    ledger: Ledger, move: Moves, rows: Rows
) -> None:
    await ledger.commit(move(0, 10), [])
    with pytest.raises(WatermarkConflict) as conflict:
        await ledger.set_back(FIRST, 9, 4, actor="ada", reason="again")
    assert conflict.value.current == {(TOPIC_ID, 0): 10}
    assert await ledger.open_partitions([FIRST]) == {(TOPIC_ID, 0): 10}
    assert await rows(CHANGES) == []


async def test_a_partition_that_was_never_opened_cannot_be_moved(ledger: Ledger) -> None:
    with pytest.raises(WatermarkConflict) as conflict:
        await ledger.skip_to(FIRST._replace(partition=9), 0, 4, actor="ada", reason="again")
    assert conflict.value.current == {}


@pytest.mark.parametrize("next_offset", [4, 5])
async def test_a_move_in_the_other_direction_is_refused(ledger: Ledger, next_offset: int) -> None:
    with pytest.raises(ValueError, match="set_back moves a watermark back"):
        await ledger.set_back(FIRST, 4, next_offset, actor="ada", reason="again")
    with pytest.raises(ValueError, match="skip_to moves a watermark forwards"):
        await ledger.skip_to(FIRST, next_offset, 4, actor="ada", reason="again")


@pytest.mark.parametrize(("actor", "reason"), [("", "why"), ("ada", " ")])
async def test_a_move_without_who_and_why_is_refused(
    ledger: Ledger, actor: str, reason: str
) -> None:
    with pytest.raises(StorageRefused):
        await ledger.skip_to(FIRST, 0, 4, actor=actor, reason=reason)
    assert await ledger.open_partitions([FIRST]) == {(TOPIC_ID, 0): 0}


@pytest.mark.parametrize(
    "rewriting",
    [
        "UPDATE watermark_change SET reason = 'x'",
        "DELETE FROM watermark_change",
        "TRUNCATE watermark_change",
    ],
)
async def test_the_record_is_append_only(
    engine: AsyncEngine, ledger: Ledger, rewriting: str
) -> None:
    await ledger.skip_to(FIRST, 0, 4, actor="ada", reason="why")
    async with engine.connect() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        with pytest.raises(DBAPIError, match="watermark_change is append-only"):
            await connection.execute(text(rewriting))


async def test_what_was_opened_under_a_name_is_known_also_of_a_topic_that_is_gone(
    ledger: Ledger, engine: AsyncEngine, move: Moves
) -> None:
    await ledger.commit(move(0, 10), [])
    await ledger.open_partitions([WatermarkKey(OTHER_TOPIC_ID, "observations", 0)])
    await ledger.open_partitions([WatermarkKey(OTHER_TOPIC_ID, "others", 1)])
    await Ledger(engine, "other group").open_partitions([FIRST._replace(partition=5)])
    assert await ledger.known(["observations"]) == [
        KnownWatermark("observations", TOPIC_ID, 0, 10),
        KnownWatermark("observations", TOPIC_ID, 1, 0),
        KnownWatermark("observations", OTHER_TOPIC_ID, 0, 0),
    ]
