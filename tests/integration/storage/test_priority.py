"""What comes first in the work queue: often, recently, in many events, offered by other books."""

import random
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.domain.events import MOST_HASHES, event_hash, union
from worker.storage import misses, misses_sql
from worker.storage.ledger import Ledger, MissRow
from worker.storage.misses import QueuedMiss
from worker.storage.watermarks import WatermarkMove

Moves = Callable[..., list[WatermarkMove]]
Rows = Callable[..., Any]

HOUR = timedelta(hours=1)


async def ranked(engine: AsyncEngine) -> list[QueuedMiss]:
    async with engine.connect() as connection:
        return list(await misses.list_misses(connection, limit=1000))


def hashes(events: range) -> tuple[int, ...]:
    return tuple(sorted(event_hash(str(event)) for event in events)[:MOST_HASHES])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"occurrence_count": 20}, {"occurrence_count": 10}),
        ({"occurrence_count": 10}, {"occurrence_count": 15, "age": 24}),
        ({"occurrence_count": 10, "event_hashes": hashes(range(30))}, {"occurrence_count": 20}),
    ],
)
async def test_more_recent_and_wider_misses_come_first(
    ledger: Ledger,
    move: Moves,
    miss: MissRow,
    engine: AsyncEngine,
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    for offset, (name, values) in enumerate((("second", second), ("first", first))):
        seen = miss.last_seen_at - values.pop("age", 0) * HOUR
        row = miss._replace(
            external_market_id=name, first_seen_at=seen, last_seen_at=seen, **values
        )
        await ledger.commit(move(offset, offset + 1), [row])
    assert [found.external_market_id for found in await ranked(engine)] == ["first", "second"]


async def test_after_a_hundred_scrapes_ranks_are_still_distinct_and_in_order(
    ledger: Ledger, move: Moves, miss: MissRow, engine: AsyncEngine
) -> None:
    """Forty markets, each missed a little more often and in more events than the one before it."""
    for scrape in range(100):
        seen = miss.last_seen_at - (100 - scrape) * HOUR / 12
        rows = [
            miss._replace(
                external_market_id=f"{number:02}",
                first_seen_at=seen,
                last_seen_at=seen,
                occurrence_count=200 + number,
                event_hashes=hashes(range(scrape, scrape + 10 + number)),
            )
            for number in range(40)
        ]
        await ledger.commit(move(scrape, scrape + 1), rows)
    found = await ranked(engine)
    assert len({miss.score for miss in found}) == 40
    by_rate = sorted(found, key=lambda miss: -miss.occurrences_per_hour)
    assert [miss.external_market_id for miss in by_rate] == [
        f"{number:02}" for number in range(39, -1, -1)
    ]


async def test_a_steady_rate_shows_as_itself(
    ledger: Ledger, move: Moves, miss: MissRow, engine: AsyncEngine, rows: Rows
) -> None:
    ((now,),) = await rows("SELECT now()")
    for hour in range(240):
        seen = now - (240 - hour) * HOUR
        row = miss._replace(first_seen_at=seen, last_seen_at=seen, occurrence_count=60)
        await ledger.commit(move(hour, hour + 1), [row])
    (found,) = await ranked(engine)
    assert found.occurrences_per_hour == pytest.approx(60, rel=0.03)
    assert found.score == pytest.approx(found.occurrences_per_hour * (1 + found.event_count))


async def test_the_order_in_which_batches_come_does_not_matter(
    ledger: Ledger, move: Moves, miss: MissRow, engine: AsyncEngine
) -> None:
    sightings = [
        miss._replace(
            first_seen_at=miss.last_seen_at - age * HOUR,
            last_seen_at=miss.last_seen_at - age * HOUR,
            occurrence_count=1 + age,
            event_hashes=hashes(range(age * 20, age * 20 + 50)),
        )
        for age in range(8)
    ]
    for offset, row in enumerate(sightings):
        await ledger.commit(move(offset, offset + 1), [row])
        back = sightings[-1 - offset]._replace(external_market_id="back")
        await ledger.commit(move(offset, offset + 1, partition=1), [back])
    one, other = await ranked(engine)
    assert one.score == pytest.approx(other.score)
    assert one.event_count == other.event_count == pytest.approx(190, rel=0.4)


async def test_an_observation_from_the_future_is_no_hotter_than_one_of_now(
    ledger: Ledger, move: Moves, miss: MissRow, engine: AsyncEngine
) -> None:
    future = miss.last_seen_at.replace(year=9000)
    await ledger.commit(move(0, 1), [miss._replace(first_seen_at=future, last_seen_at=future)])
    assert (await ranked(engine))[0].occurrences_per_hour < 1


async def test_a_row_that_another_service_wrote_has_its_rank_too(
    engine: AsyncEngine, rows: Rows
) -> None:
    await rows(
        "INSERT INTO unmapped_market_log (source, external_market_id, occurrence_count)"
        " VALUES ('betpawa', 'rare', 1), ('betpawa', 'often', 50)"
    )
    assert [miss.external_market_id for miss in await ranked(engine)] == ["often", "rare"]


@pytest.mark.parametrize("events", [0, 1, 31])
async def test_few_events_are_counted_exactly_and_once(rows: Rows, events: int) -> None:
    count = "SELECT marketmap_event_count_v1(marketmap_add_events_v1(:known, :known))"
    assert [row[0] for row in await rows(count, known=list(hashes(range(events))))] == [events]


@pytest.mark.parametrize("events", [32, 1_000, 100_000])
async def test_many_events_are_estimated_without_saturating(rows: Rows, events: int) -> None:
    known = list(hashes(range(events)))
    ((count,),) = await rows("SELECT marketmap_event_count_v1(:known)", known=known)
    assert count == pytest.approx(events, rel=0.4)


@pytest.mark.parametrize(("known", "added"), [(70, 5), (5, 70), (0, 3), (40, 40), (200, 300)])
async def test_the_database_joins_hashes_as_the_domain_does(
    rows: Rows, known: int, added: int
) -> None:
    one, other = hashes(range(known)), hashes(range(50, 50 + added))
    ((joined,),) = await rows(
        "SELECT marketmap_add_events_v1(:one, :other)", one=list(one), other=list(other)
    )
    assert tuple(joined) == union(one, other)


async def take(ledger: Ledger) -> None:
    async with ledger.unannounced(100):
        pass


async def test_what_other_books_offer_too_counts_double_for_each(
    ledger: Ledger, move: Moves, miss: MissRow, engine: AsyncEngine, rows: Rows
) -> None:
    await ledger.commit(move(0, 1), [miss._replace(market_name="Corners - 1st Half")])
    await take(ledger)
    assert [found.other_books for found in await ranked(engine)] == [0]
    await ledger.commit(
        move(1, 2),
        [
            miss._replace(source="bet9ja", market_name="corners 1ST half"),
            miss._replace(source="bet9ja", external_market_id="2", market_name="Corners: 1st Half"),
            miss._replace(source="bet9ja", external_market_id="3", market_name="Cards"),
            miss._replace(source="bet9ja", external_market_id="4", market_name=None),
            miss._replace(source="betpawa", external_market_id="5", market_name="-"),
        ],
    )
    await take(ledger)
    found = {(miss.source, miss.external_market_id): miss for miss in await ranked(engine)}
    assert {key: miss.other_books for key, miss in found.items()} == {
        ("sportybet", "800117"): 1,
        ("bet9ja", "800117"): 1,
        ("bet9ja", "2"): 1,
        ("bet9ja", "3"): 0,
        ("bet9ja", "4"): 0,
        ("betpawa", "5"): 0,
    }
    assert found["bet9ja", "2"].score == pytest.approx(2 * found["bet9ja", "3"].score)


async def test_a_mapping_of_that_name_tells_which_books_offer_it(
    ledger: Ledger, move: Moves, miss: MissRow, engine: AsyncEngine, rows: Rows
) -> None:
    await rows(
        "INSERT INTO user_market_mappings (canonical_id, name, betpawa_id, bet9ja_key, outcome_mapping)"
        " VALUES ('a', 'Corners, 1st Half', '1', 'S_C', '[1]')"
    )
    await ledger.commit(move(0, 1), [miss._replace(market_name="Corners 1st half")])
    await take(ledger)
    assert [found.other_books for found in await ranked(engine)] == [2]


FILL = """
INSERT INTO unmapped_market_log (source, external_market_id, occurrence_count, status)
SELECT 'bet9ja', 'market ' || i, 20011 / (1 + i * 7919 % 20011),
    CASE WHEN i % 10 = 0 THEN 'IGNORED' ELSE 'NEW' END
FROM generate_series(1, 20000) AS i
"""
ROWS = 20_000


async def test_the_top_of_the_queue_is_read_from_the_index_not_by_loading_every_row(
    engine: AsyncEngine,
) -> None:
    parameters = {"statuses": ["NEW"], "limit": 20, "offset": 0}
    listed = misses_sql.list_of("priority", [misses_sql.STATUSES]).element
    query = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) {listed}"
    async with engine.begin() as connection:
        await connection.execute(text(FILL))
        await connection.execute(text("ANALYZE unmapped_market_log"))
        plan = "\n".join(await connection.scalars(text(query), parameters))
    assert "Index Scan using idx_unmapped_priority" in plan
    assert "Seq Scan on unmapped_market_log" not in plan
    # Bands are read in order, and only rows of one band are sorted.
    assert "Presorted Key: unmapped_market_log.priority_band" in plan
    read = [int(rows) for rows in re.findall(r"Index Scan using .*rows=(\d+)", plan)]
    assert sum(read) < ROWS / 100


async def test_the_smallest_hashes_are_kept_whatever_the_order_and_the_overlap(
    ledger: Ledger, move: Moves, miss: MissRow, rows: Rows
) -> None:
    dice, seen = random.Random(5), set[int]()
    for offset in range(60):
        added = sorted(dice.sample(range(90), dice.randint(0, 32)))
        seen.update(added)
        await ledger.commit(move(offset, offset + 1), [miss._replace(event_hashes=added)])
        (row,) = await rows("SELECT event_hashes FROM unmapped_market_log")
        assert row.event_hashes == sorted(seen)[:32]
