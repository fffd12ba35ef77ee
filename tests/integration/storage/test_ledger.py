"""The counting step on a real server."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.domain.books.rows import MissReason
from worker.storage.errors import StorageRefused
from worker.storage.ledger import Counted, Ledger, MissRow
from worker.storage.watermarks import WatermarkConflict, WatermarkKey, WatermarkMove

Moves = Callable[..., list[WatermarkMove]]
Rows = Callable[..., Any]

MINUTE = timedelta(minutes=1)
OTHER_TOPIC_ID = "c29tZS10b3BpYy1pZF8tMg"


async def test_an_opened_partition_starts_at_zero_and_keeps_its_watermark(
    ledger: Ledger, move: Moves
) -> None:
    (first,) = move(0, 10)
    partition = WatermarkKey(first.topic_id, first.topic, 0)
    key = (first.topic_id, 0)
    assert await ledger.open_partitions([partition]) == {key: 0}
    await ledger.commit([first], [])
    assert await ledger.open_partitions([partition]) == {key: 10}


async def test_a_recreated_topic_starts_at_zero(ledger: Ledger, move: Moves) -> None:
    await ledger.commit(move(0, 10), [])
    opened = await ledger.open_partitions([WatermarkKey(OTHER_TOPIC_ID, "observations", 0)])
    assert opened == {(OTHER_TOPIC_ID, 0): 0}


async def test_groups_count_on_their_own(ledger: Ledger, engine: AsyncEngine, move: Moves) -> None:
    (first,) = move(0, 10)
    await ledger.commit([first], [])
    opened = await Ledger(engine, "others").open_partitions(
        [WatermarkKey(first.topic_id, first.topic, 0)]
    )
    assert opened == {(first.topic_id, 0): 0}


async def test_a_first_sighting_is_stored_as_it_was_seen(
    ledger: Ledger, move: Moves, miss: MissRow, rows: Rows
) -> None:
    assert await ledger.commit(move(0, 1), [miss]) == Counted(1)
    (row,) = await rows(
        "SELECT source, external_market_id, market_name, sample_outcomes::text, reason, mapping_version,"
        " first_seen_at, last_seen_at, occurrence_count, event_hashes, status FROM unmapped_market_log"
    )
    assert tuple(row) == (*miss, "NEW")


async def test_occurrences_add_up(ledger: Ledger, move: Moves, miss: MissRow, rows: Rows) -> None:
    assert await ledger.commit(move(0, 1), [miss._replace(occurrence_count=3)]) == Counted(1)
    assert await ledger.commit(move(1, 2), [miss._replace(occurrence_count=4)]) == Counted(0)
    assert [
        tuple(row) for row in await rows("SELECT occurrence_count FROM unmapped_market_log")
    ] == [(7,)]


async def test_a_batch_larger_than_one_statement_takes_counts_every_row_once(
    ledger: Ledger, move: Moves, miss: MissRow, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.storage.ledger.MOST_AT_ONCE", 2)
    misses = [miss._replace(external_market_id=str(number)) for number in (4, 1, 3, 0, 2)]
    assert await ledger.commit(move(0, 1), misses) == Counted(5)
    assert await ledger.commit(move(1, 2), misses) == Counted(0)
    assert sorted(
        (row.external_market_id, row.occurrence_count)
        for row in await rows(
            "SELECT external_market_id, occurrence_count FROM unmapped_market_log"
        )
    ) == [(str(number), 2 * miss.occurrence_count) for number in range(5)]


async def test_a_batch_larger_than_one_statement_takes_has_no_more_places(
    ledger: Ledger,
    engine: AsyncEngine,
    move: Moves,
    miss: MissRow,
    rows: Rows,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.storage.ledger.MOST_AT_ONCE", 2)
    misses = [miss._replace(external_market_id=str(number)) for number in range(7)]
    counted = await Ledger(engine, "workers", most_new=3).commit(move(0, 1), misses)
    assert (counted.first_sightings, sum(each.occurrences for each in counted.overflows)) == (3, 4)
    assert [
        tuple(row) for row in await rows("SELECT new_markets, overflowed FROM unmapped_overflow")
    ] == [(3, 4)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_the_newest_sighting_wins_in_whatever_order_they_come(
    ledger: Ledger, move: Moves, miss: MissRow, rows: Rows, order: tuple[int, ...]
) -> None:
    sightings = [
        miss._replace(
            first_seen_at=miss.first_seen_at + age * MINUTE,
            last_seen_at=miss.last_seen_at + age * MINUTE,
            market_name=f"name {age}",
            sample_outcomes=f"[{age}]",
            reason=reason,
            mapping_version=age,
        )
        for age, reason in enumerate(get_args(MissReason))
    ]
    for offset, age in enumerate(order):
        await ledger.commit(move(offset, offset + 1), [sightings[age]])
    (row,) = await rows(
        "SELECT market_name, sample_outcomes::text, reason, mapping_version, first_seen_at, last_seen_at"
        " FROM unmapped_market_log"
    )
    assert tuple(row) == (
        "name 2",
        "[2]",
        sightings[2].reason,
        2,
        miss.first_seen_at,
        miss.last_seen_at + 2 * MINUTE,
    )


@pytest.mark.parametrize("age", [-1, 0, 1])
async def test_a_sighting_without_a_name_never_erases_the_name(
    ledger: Ledger, move: Moves, miss: MissRow, rows: Rows, age: int
) -> None:
    seen = miss.last_seen_at + age * MINUTE
    await ledger.commit(move(0, 1), [miss])
    await ledger.commit(
        move(1, 2), [miss._replace(market_name=None, first_seen_at=seen, last_seen_at=seen)]
    )
    assert [row.market_name for row in await rows("SELECT * FROM unmapped_market_log")] == [
        miss.market_name
    ]


async def test_an_older_sighting_lends_a_name_that_is_missing(
    ledger: Ledger, move: Moves, miss: MissRow, rows: Rows
) -> None:
    before = miss.last_seen_at - MINUTE
    await ledger.commit(move(0, 1), [miss._replace(market_name=None)])
    await ledger.commit(move(1, 2), [miss._replace(first_seen_at=before, last_seen_at=before)])
    assert [row.market_name for row in await rows("SELECT * FROM unmapped_market_log")] == [
        miss.market_name
    ]


async def test_what_an_editor_wrote_survives_another_sighting(
    ledger: Ledger, move: Moves, miss: MissRow, rows: Rows
) -> None:
    await ledger.commit(move(0, 1), [miss])
    await rows("UPDATE unmapped_market_log SET status = 'IGNORED', notes = 'player props'")
    await ledger.commit(move(1, 2), [miss])
    (row,) = await rows("SELECT status, notes FROM unmapped_market_log")
    assert tuple(row) == ("IGNORED", "player props")


async def test_counting_a_known_market_again_uses_up_no_id(
    ledger: Ledger, move: Moves, miss: MissRow, rows: Rows
) -> None:
    for offset in range(5):
        await ledger.commit(move(offset, offset + 1), [miss])
    await ledger.commit(move(5, 6), [miss._replace(external_market_id="next")])
    ids = [row.id for row in await rows("SELECT id FROM unmapped_market_log ORDER BY id")]
    assert ids == [1, 2]


async def test_a_watermark_that_stands_elsewhere_stops_the_whole_batch(
    ledger: Ledger, move: Moves, miss: MissRow, rows: Rows
) -> None:
    await ledger.commit(move(0, 5), [])
    moves = move(0, 7) + move(0, 3, partition=1)
    with pytest.raises(WatermarkConflict) as conflict:
        await ledger.commit(moves, [miss])
    topic_id = moves[0].topic_id
    assert conflict.value.current == {(topic_id, 0): 5, (topic_id, 1): 0}
    assert await rows("SELECT * FROM unmapped_market_log") == []
    assert sorted(row.next_offset for row in await rows("SELECT * FROM ingest_watermark")) == [0, 5]


async def test_a_partition_that_was_never_opened_is_a_conflict(
    ledger: Ledger, move: Moves, miss: MissRow
) -> None:
    with pytest.raises(WatermarkConflict) as conflict:
        await ledger.commit(move(0, 1, partition=9), [miss])
    assert conflict.value.current == {}


async def test_a_move_that_stands_still_still_compares(
    ledger: Ledger, move: Moves, miss: MissRow
) -> None:
    assert await ledger.commit(move(0, 0) + move(0, 2, partition=1), [miss]) == Counted(1)
    with pytest.raises(WatermarkConflict):
        await ledger.commit(move(1, 1) + move(2, 4, partition=1), [miss])


BAD: list[dict[str, Any]] = [
    {"external_market_id": "a\x00b"},
    {"external_market_id": "\ud800"},
    {"external_market_id": "x" * 101},
    {"sample_outcomes": "NaN"},
    {"occurrence_count": 2**31},
    {"occurrence_count": 0},
]


async def test_a_value_that_does_not_fit_is_refused_and_nothing_is_written(
    ledger: Ledger, move: Moves, miss: MissRow, rows: Rows
) -> None:
    for bad in BAD:
        with pytest.raises(StorageRefused):
            await ledger.commit(
                move(0, 1), [miss._replace(external_market_id="good"), miss._replace(**bad)]
            )
    assert await rows("SELECT * FROM unmapped_market_log") == []
    assert await ledger.commit(move(0, 1), [miss]) == Counted(1)


async def test_an_empty_batch_sends_nothing(ledger: Ledger, engine: AsyncEngine) -> None:
    begun: list[object] = []
    event.listen(engine.sync_engine, "begin", begun.append)
    assert await ledger.commit([], []) == Counted(0)
    assert begun == []
