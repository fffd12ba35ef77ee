"""What each change did to misses: known exactly from its own transaction, and said to be unknown else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.changes.test_approval import BTTS, ODD_EVEN, draft, fresh, miss
from worker.operations.changes.applying import approve
from worker.operations.changes.reverting import revert
from worker.operations.mappings import editing as changes
from worker.storage.changes import effects, sets
from worker.storage.changes.effects import ChangeEffect, TouchedMiss
from worker.storage.editing import editing
from worker.storage.engine import transaction

KEY = ("sportybet", "29")


async def run(engine: AsyncEngine, statement: str) -> None:
    async with transaction(engine) as connection:
        await connection.execute(text(statement))


async def create(engine: AsyncEngine, *, dry_run: bool = False) -> None:
    async with editing(engine, actor="ann", reason="new", dry_run=dry_run) as edit:
        await changes.create(edit, BTTS)


async def newest(engine: AsyncEngine) -> tuple[int, ChangeEffect | None]:
    async with transaction(engine) as connection:
        (found,) = await sets.list_change_sets(connection, limit=1)
        return found.id, (await effects.read_effects(connection, [found.id])).get(found.id)


async def touched(engine: AsyncEngine, number: int) -> list[TouchedMiss]:
    async with transaction(engine) as connection:
        return list(await effects.touched_misses(connection, number, limit=10))


async def test_a_change_keeps_how_often_its_misses_were_counted_and_what_came_since(
    engine: AsyncEngine,
) -> None:
    await miss(engine, *KEY, "Yes", "No")
    await miss(engine, "sportybet", "26", "Odd", "Even")
    await run(engine, "UPDATE unmapped_market_log SET occurrence_count = 40, heat = NULL")
    await create(engine)
    number, effect = await newest(engine)
    assert effect is not None
    assert (effect.covered, effect.reopened, effect.still_mapped) == (1, 0, 1)
    assert (effect.since, effect.is_whole) == (0, True)
    assert effect.per_hour > 0
    # A late record of before the change: it is counted, and reopens the market.
    await run(
        engine,
        "UPDATE unmapped_market_log SET occurrence_count = 43, status = 'NEW'"
        " WHERE external_market_id = '29'",
    )
    _, later = await newest(engine)
    assert later is not None
    assert (later.since, later.still_mapped, later.covered) == (3, 0, 1)
    assert later.per_hour == effect.per_hour
    (one,) = await touched(engine, number)
    assert (one.source, one.external_market_id, one.occurrences, one.since) == (*KEY, 40, 3)
    assert (one.is_covered, one.status) == (True, "NEW")


async def test_a_revert_has_an_effect_of_its_own(engine: AsyncEngine) -> None:
    await miss(engine, *KEY, "Yes", "No")
    number = await draft(engine, await fresh(engine, BTTS))
    await approve(engine, number, actor="bob")
    _, effect = await newest(engine)
    assert effect is not None
    assert (effect.covered, effect.reopened) == (1, 0)
    await revert(engine, number, actor="bob", reason="wrong")
    _, back = await newest(engine)
    assert back is not None
    assert (back.covered, back.reopened, back.reopened_since) == (0, 1, 0)
    async with transaction(engine) as connection:
        found = (await effects.read_effects(connection, [number]))[number]
    assert found.still_mapped == 0


async def test_a_change_that_touches_no_miss_is_known_to_touch_none(engine: AsyncEngine) -> None:
    await create(engine)
    _, effect = await newest(engine)
    assert effect is not None
    assert (effect.covered, effect.reopened, effect.per_hour, effect.since) == (0, 0, 0, 0)


async def test_a_miss_that_was_mapped_before_is_no_effect_of_a_change_of_its_mapping(
    engine: AsyncEngine,
) -> None:
    await miss(engine, *KEY, "Yes", "No")
    await create(engine)
    async with editing(engine, actor="ann", reason="a name") as edit:
        renamed = await changes.update(edit, "btts_ft", lambda _: replace(BTTS, name="Both Score"))
    assert renamed.covered == [KEY]
    _, effect = await newest(engine)
    assert effect is not None
    assert effect.covered == 0


async def test_an_import_has_an_effect(engine: AsyncEngine) -> None:
    await miss(engine, *KEY, "Yes", "No")
    async with editing(engine, actor="ann", reason="a file") as edit:
        await changes.import_all(edit, [BTTS, ODD_EVEN], actor="ann", reason="a file")
    _, effect = await newest(engine)
    assert effect is not None
    assert effect.covered == 1


async def test_of_a_change_by_plain_sql_nothing_is_known(engine: AsyncEngine) -> None:
    await create(engine)
    await run(engine, "UPDATE user_market_mappings SET is_active = false")
    number, effect = await newest(engine)
    assert effect is None
    assert await touched(engine, number) == []


async def test_a_dry_run_keeps_nothing(engine: AsyncEngine) -> None:
    await miss(engine, *KEY, "Yes", "No")
    await create(engine, dry_run=True)
    async with transaction(engine) as connection:
        assert await connection.scalar(text("SELECT count(*) FROM change_effect")) == 0


async def test_after_a_recount_what_was_counted_since_is_not_known(engine: AsyncEngine) -> None:
    await miss(engine, *KEY, "Yes", "No")
    await create(engine)
    await run(
        engine,
        "INSERT INTO watermark_change"
        " (consumer_group, topic_id, topic, partition, old_offset, new_offset, actor, reason)"
        " VALUES ('g', repeat('a', 22), 't', 0, 9, 4, 'ann', 'count again')",
    )
    _, effect = await newest(engine)
    assert effect is not None
    assert (effect.covered, effect.since, effect.since_per_hour) == (1, None, None)


async def test_of_very_many_misses_it_is_said_that_not_all_were_read(engine: AsyncEngine) -> None:
    for market_id in ("29", "29?a=1"):
        await miss(engine, "sportybet", market_id, "Yes", "No")
    await create(engine)
    number, _ = await newest(engine)
    async with transaction(engine) as connection:
        found = (await effects.read_effects(connection, [number], most=1))[number]
        whole = (await effects.read_effects(connection, [number]))[number]
    assert not found.is_whole
    assert whole.is_whole


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO change_effect (change_set_id) VALUES (1)",
        "INSERT INTO change_effect_miss VALUES (1, 'sportybet', '1', true, 1, 1, NULL)",
        "UPDATE change_effect_miss SET occurrences = 1",
        "DELETE FROM change_effect_miss",
        "TRUNCATE change_effect CASCADE",
    ],
)
async def test_nobody_changes_the_effect_of_a_change_afterwards(
    engine: AsyncEngine, statement: str
) -> None:
    await miss(engine, *KEY, "Yes", "No")
    await create(engine)
    with pytest.raises(DBAPIError, match=r"append-only|not applied in this transaction"):
        await run(engine, statement)


async def test_what_was_unlocked_counts_each_market_once_and_only_while_it_is_mapped(
    engine: AsyncEngine,
) -> None:
    await miss(engine, *KEY, "Yes", "No")
    # 24 events in a day, and one other bookmaker sells it: 24 comparisons a day.
    await run(
        engine,
        "UPDATE unmapped_market_log SET event_hashes ="
        " (SELECT array_agg(i * 7919) FROM generate_series(1, 24) AS i)",
    )
    async with editing(engine, actor="ann", reason="new") as edit:
        await changes.create(edit, replace(BTTS, betpawa_id="3795"))
    now = datetime.now(UTC) + timedelta(minutes=1)
    async with transaction(engine) as connection:
        known = await connection.scalar(text("SELECT event_count FROM unmapped_market_log"))
        found = await effects.unlocked_since(connection, now)
        later = await effects.unlocked_since(connection, now + timedelta(days=2))
        never = await effects.unlocked_since(connection, now + timedelta(days=8))
    assert known > 0
    assert found.day == found.week == (1, known)
    assert (later.day, later.week) == ((0, 0), (1, known))
    assert (never.week, never.is_whole) == ((0, 0), True)
    for is_active in (False, True):
        async with editing(engine, actor="ann", reason="try") as edit:
            await changes.set_active(edit, "btts_ft", is_active=is_active)
        async with transaction(engine) as connection:
            found = await effects.unlocked_since(connection, now)
        assert found.day.markets == int(is_active)
