"""Several workers at once: every occurrence counts, nobody deadlocks, one watermark has one winner."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage.ledger import Ledger, MissRow
from worker.storage.watermarks import WatermarkConflict, WatermarkKey, WatermarkMove

Moves = Callable[..., list[WatermarkMove]]
Rows = Callable[..., Any]

WORKERS = 4
BATCHES = 25
KEYS = 300


async def test_workers_that_count_the_same_markets_in_any_order_do_not_deadlock(
    engine: AsyncEngine, move: Moves, miss: MissRow, rows: Rows
) -> None:
    misses = [miss._replace(external_market_id=str(number)) for number in range(KEYS)]

    async def work(worker: int) -> int:
        order = random.Random(worker)
        ledger = Ledger(engine, f"group {worker}")
        (template,) = move(0, 1)
        await ledger.open_partitions([WatermarkKey(template.topic_id, template.topic, 0)])
        return sum(
            [
                (
                    await ledger.commit(move(batch, batch + 1), order.sample(misses, KEYS))
                ).first_sightings
                for batch in range(BATCHES)
            ]
        )

    first_sightings = await asyncio.gather(*map(work, range(WORKERS)))
    assert sum(first_sightings) == KEYS
    counts = {
        row.occurrence_count
        for row in await rows("SELECT occurrence_count FROM unmapped_market_log")
    }
    assert counts == {WORKERS * BATCHES}


async def test_workers_that_race_for_the_last_places_never_take_more(
    engine: AsyncEngine, move: Moves, miss: MissRow, rows: Rows
) -> None:
    """In any order, with keys that others add meanwhile: nobody waits in a circle, no occurrence is lost."""
    most, batches = 20, 15

    async def work(worker: int) -> int:
        dice, ledger = random.Random(worker), Ledger(engine, f"group {worker}", most_new=most)
        (template,) = move(0, 1)
        await ledger.open_partitions([WatermarkKey(template.topic_id, template.topic, 0)])
        first_sightings = 0
        for batch in range(batches):
            keys = dice.sample(range(60), 30)
            misses = [
                miss._replace(source=source, external_market_id=str(key))
                for key in keys
                for source in dice.sample(["bet9ja", "betpawa", "sportybet"], 2)
            ]
            first_sightings += (await ledger.commit(move(batch, batch + 1), misses)).first_sightings
        return first_sightings

    first_sightings = await asyncio.gather(*map(work, range(WORKERS)))
    ((counted,),) = await rows("SELECT sum(occurrence_count) FROM unmapped_market_log")
    quotas = await rows(
        "SELECT source, sum(new_markets), sum(overflowed) FROM unmapped_overflow GROUP BY 1"
    )
    (hours,) = await rows("SELECT count(DISTINCT hour) FROM unmapped_overflow")
    if hours[0] == 1:
        assert [taken for _, taken, _ in quotas] == [most] * 3
    assert sum(first_sightings) == sum(taken for _, taken, _ in quotas)
    assert counted + sum(lost for _, _, lost in quotas) == WORKERS * batches * 60


async def test_of_two_commits_from_one_watermark_exactly_one_wins(
    ledger: Ledger, move: Moves, miss: MissRow, rows: Rows
) -> None:
    rounds = 50
    for offset in range(rounds):
        outcomes = await asyncio.gather(
            *(ledger.commit(move(offset, offset + 1), [miss]) for _ in range(3)),
            return_exceptions=True,
        )
        lost = [outcome for outcome in outcomes if isinstance(outcome, WatermarkConflict)]
        assert [list(conflict.current.values()) for conflict in lost] == [[offset + 1]] * 2
    assert [row.occurrence_count for row in await rows("SELECT * FROM unmapped_market_log")] == [
        rounds
    ]


async def test_partitions_opened_by_everyone_at_once_are_all_there(engine: AsyncEngine) -> None:
    async def open_all(topic_id: str, order: int) -> int:
        partitions = [WatermarkKey(topic_id, "observations", number) for number in range(50)]
        shuffled = random.Random(order).sample(partitions, len(partitions))
        return len(await Ledger(engine, "workers").open_partitions(shuffled))

    for topic_id in (f"{number:022}" for number in range(20)):
        assert (
            await asyncio.gather(*(open_all(topic_id, order) for order in range(WORKERS)))
            == [50] * WORKERS
        )
