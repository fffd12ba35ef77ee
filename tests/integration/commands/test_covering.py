"""A change ends the misses that it covers and reopens those it covered, made by a command or by plain SQL."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.markets import mapping
from worker.operations.mappings import editing as changing
from worker.operations.mappings.editing import AppliedChange
from worker.operations.unmapped import triage
from worker.runtime.index.covering import claimants, cover_changes
from worker.storage.audit import last_version, read_after
from worker.storage.editing import Edit, editing
from worker.storage.engine import transaction
from worker.storage.mappings import import_mappings
from worker.storage.misses import QueueKey, SettledMisses

pytestmark = pytest.mark.services

Rows = Callable[..., Any]
MISS = """
INSERT INTO unmapped_market_log (source, external_market_id, sample_outcomes, reason, mapping_version)
VALUES (:source, :market_id, '[{"label": "a", "odds": 2, "qualifier": null}]', 'UNKNOWN_MARKET', 0)
"""


async def execute(engine: AsyncEngine, sql: str, **values: object) -> list[Any]:
    from sqlalchemy import text

    async with transaction(engine) as connection:
        result = await connection.execute(text(sql), values)
        return list(result.all()) if result.returns_rows else []


async def statuses(engine: AsyncEngine) -> dict[str, str]:
    rows = await execute(engine, "SELECT external_market_id, status FROM unmapped_market_log")
    return dict(rows)


async def settle(engine: AsyncEngine, after: int = 0) -> SettledMisses:
    """What a relay does once it has published the changes after a version."""
    async with transaction(engine) as connection:
        changes = await read_after(connection, after, 100)
    return await cover_changes(engine, changes)


async def cover(engine: AsyncEngine, after: int = 0) -> list[QueueKey]:
    return list((await settle(engine, after)).covered)


@pytest.fixture
async def mapped(engine: AsyncEngine) -> AsyncEngine:
    """Two misses of sportybet, and a mapping of the first that no command has made."""
    for market_id in ("user1", "user2"):
        await execute(engine, MISS, source="sportybet", market_id=market_id)
    async with transaction(engine) as connection:
        new = [mapping("here", ["a", "b"], sportybet_id="user1")]
        await import_mappings(connection, new, actor="ada", reason="test")
    return engine


async def test_what_a_change_covers_becomes_mapped_and_nothing_else(mapped: AsyncEngine) -> None:
    assert await cover(mapped) == [("sportybet", "user1")]
    assert await statuses(mapped) == {"user1": "MAPPED", "user2": "NEW"}


async def test_covering_again_changes_nothing(mapped: AsyncEngine) -> None:
    await cover(mapped)
    assert await cover(mapped) == []


async def test_a_mapping_that_is_switched_off_or_gone_meanwhile_covers_nothing(
    mapped: AsyncEngine,
) -> None:
    await execute(mapped, "UPDATE user_market_mappings SET is_active = false")
    assert await cover(mapped) == []
    await execute(mapped, "DELETE FROM user_market_mappings")
    assert await cover(mapped) == []


async def test_what_an_editor_ignores_stays_ignored_though_a_change_covers_it(
    mapped: AsyncEngine,
) -> None:
    await execute(
        mapped, "UPDATE unmapped_market_log SET status = 'IGNORED', ignored_until_count = 9"
    )
    assert await cover(mapped) == []
    assert await statuses(mapped) == {"user1": "IGNORED", "user2": "IGNORED"}
    limits = await execute(mapped, "SELECT DISTINCT ignored_until_count FROM unmapped_market_log")
    assert limits == [(9,)]


async def test_no_change_reads_nothing_into_the_queue(mapped: AsyncEngine) -> None:
    assert await cover(mapped, after=1) == []


async def test_mapping_a_market_marks_all_that_it_covers_by_one_statement(
    engine: AsyncEngine,
) -> None:
    """Counting locks rows in one order; a second statement would lock some out of it."""
    for market_id in ("user1", "user1?total=2.5"):
        await execute(engine, MISS, source="sportybet", market_id=market_id)
    await execute(engine, "UPDATE unmapped_market_log SET status = 'IGNORED' WHERE id % 2 = 0")
    statements: list[str] = []
    event.listen(
        engine.sync_engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2]),
    )
    new = mapping("here", ["a", "b"], sportybet_id="user1")
    async with editing(engine, actor="ada", reason="test") as edit:
        changed = await triage.map_new(edit, ("sportybet", "user1"), new)
    assert ("sportybet", "user1") in changed.covered
    assert sum("UPDATE unmapped_market_log" in statement for statement in statements) == 1
    assert (await statuses(engine))["user1"] == "MAPPED"


KEY: QueueKey = ("sportybet", "user1")
Undo = Callable[[Edit], Awaitable[AppliedChange]]


async def edited(engine: AsyncEngine, change: Undo, *, dry_run: bool = False) -> AppliedChange:
    async with editing(engine, actor="bob", reason="a mistake", dry_run=dry_run) as edit:
        return await change(edit)


@pytest.fixture
async def covered(mapped: AsyncEngine) -> AsyncEngine:
    """The mapping `here` was given its id at version 1, and got a further outcome at version 2."""
    await cover(mapped)
    wider = mapping("here", ["a", "b", "c"], sportybet_id="user1")
    await edited(mapped, lambda edit: changing.update(edit, "here", lambda _: wider))
    return mapped


def updated(**fields: Any) -> Undo:
    other = mapping("here", **{"labels": ["a", "b"], "sportybet_id": "user1", **fields})
    return lambda edit: changing.update(edit, "here", lambda _: other)


UNDONE: dict[str, Undo] = {
    "deactivate": lambda edit: changing.set_active(edit, "here", is_active=False),
    "delete": lambda edit: changing.delete(edit, "here"),
    "another id": updated(sportybet_id="user9"),
    "another bookmaker": updated(sportybet_id=None, betpawa_id="5"),
    "without the label": updated(labels=["b", "c"]),
    "a line that the market has not": updated(line_rule={"kind": "total"}),
}


@pytest.mark.parametrize("undo", UNDONE.values(), ids=UNDONE)
async def test_a_market_that_no_mapping_covers_any_more_is_open_again_at_once(
    covered: AsyncEngine, undo: Undo
) -> None:
    assert (await edited(covered, undo, dry_run=True)).reopened == [KEY]
    assert await statuses(covered) == {"user1": "MAPPED", "user2": "NEW"}
    assert (await edited(covered, undo)).reopened == [KEY]
    assert await statuses(covered) == {"user1": "NEW", "user2": "NEW"}
    signed = (
        "SELECT status_actor, mapped_version FROM unmapped_market_log WHERE status_actor = 'bob'"
    )
    assert await execute(covered, signed) == [("bob", None)]


async def test_a_rollback_reopens_what_the_version_did_not_cover(engine: AsyncEngine) -> None:
    await execute(engine, MISS, source="sportybet", market_id="user1")
    without = mapping("here", ["a", "b"], betpawa_id="5")
    first = await edited(engine, lambda edit: changing.create(edit, without))
    assert (await edited(engine, updated())).covered == [KEY]
    version = first.version or 0
    back = await edited(engine, lambda edit: changing.roll_back(edit, "here", version))
    assert (back.covered, back.reopened) == ([], [KEY])
    newest = back.version or 0
    again = await edited(engine, lambda edit: changing.roll_back(edit, "here", newest - 1))
    assert (again.covered, again.reopened) == ([KEY], [])


async def test_an_import_reopens_what_it_takes_away(covered: AsyncEngine) -> None:
    taken = [mapping("here", ["a", "b"], sportybet_id="user2")]
    async with editing(covered, actor="bob", reason="import") as edit:
        await changing.import_all(edit, taken, actor="bob", reason="import")
    assert await statuses(covered) == {"user1": "NEW", "user2": "MAPPED"}


async def test_what_another_mapping_covers_stays_mapped(covered: AsyncEngine) -> None:
    other = mapping("there", ["a"], sportybet_id="user1")
    narrower = mapping("here", ["b"], sportybet_id="user1")

    async def hand_over(edit: Edit) -> AppliedChange:
        await edit.update("here", narrower, (await edit.get("here")).version)
        return await changing.create(edit, other)

    await edited(covered, hand_over)
    gone = await edited(covered, lambda edit: changing.delete(edit, "here"))
    assert gone.reopened == []
    assert (await statuses(covered))["user1"] == "MAPPED"


async def test_what_was_mapped_on_purpose_stays_so_through_other_changes(
    engine: AsyncEngine,
) -> None:
    """Its sample names a team, which no mapping can know there; `b` is known."""
    await execute(engine, MISS, source="sportybet", market_id="user1")
    sample = '[{"label": "Ajax"}, {"label": "b"}]'
    named = "UPDATE unmapped_market_log SET sample_outcomes = CAST(:sample AS jsonb)"
    await execute(engine, named, sample=sample)
    new = mapping("here", ["a", "b"], sportybet_id="user1")
    await edited(engine, lambda edit: triage.map_new(edit, KEY, new))
    renamed = await edited(engine, updated(priority=5))
    assert renamed.reopened == []
    assert (await statuses(engine))["user1"] == "MAPPED"


async def test_what_an_editor_ignores_stays_ignored_when_its_mapping_goes(
    covered: AsyncEngine,
) -> None:
    for status in ("NEW", "IGNORED"):
        await execute(covered, "UPDATE unmapped_market_log SET status = :status", status=status)
    assert list((await edited(covered, UNDONE["delete"])).reopened) == []
    assert await statuses(covered) == {"user1": "IGNORED", "user2": "IGNORED"}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE user_market_mappings SET is_active = false",
        "DELETE FROM user_market_mappings",
        "UPDATE user_market_mappings SET sportybet_id = 'user9'",
        "UPDATE user_market_mappings SET canonical_id = 'elsewhere', sportybet_id = NULL",
        """UPDATE user_market_mappings SET outcome_mapping = '[{"canonical_id": "z", "position": 0}]'""",
    ],
)
async def test_a_change_by_plain_sql_reopens_what_it_covered_once_it_is_published(
    covered: AsyncEngine, sql: str
) -> None:
    async with transaction(covered) as connection:
        version = await last_version(connection)
    await execute(covered, sql)
    assert (await settle(covered, version)).reopened == [KEY]
    assert await statuses(covered) == {"user1": "NEW", "user2": "NEW"}
    assert await settle(covered, version) == SettledMisses()


async def test_a_change_that_was_taken_back_before_it_is_published_reopens_nothing(
    covered: AsyncEngine,
) -> None:
    async with transaction(covered) as connection:
        version = await last_version(connection)
    await execute(covered, "UPDATE user_market_mappings SET is_active = false")
    await execute(covered, "UPDATE user_market_mappings SET is_active = true")
    assert (await settle(covered, version)).reopened == []
    assert (await statuses(covered))["user1"] == "MAPPED"


async def test_many_markets_of_one_id_are_covered_in_parts_while_the_lead_is_kept(
    mapped: AsyncEngine,
) -> None:
    """A specifier that changes in each row makes a market of each."""
    many = 2_500
    await execute(
        mapped,
        "INSERT INTO unmapped_market_log"
        " (source, external_market_id, sample_outcomes, reason, mapping_version)"
        " SELECT 'sportybet', 'user1?number=' || number,"
        """ '[{"label": "a", "odds": 2, "qualifier": null}]', 'UNKNOWN_PARAM_MARKET', 0"""
        " FROM generate_series(1, CAST(:many AS integer)) AS number",
        many=many,
    )
    kept: list[int] = []

    async def goes_on() -> None:
        (marked,) = await execute(
            mapped, "SELECT count(*) FROM unmapped_market_log WHERE status = 'MAPPED'"
        )
        kept.append(marked[0])

    async with transaction(mapped) as connection:
        changes = await read_after(connection, 0, 100)
    settled = await cover_changes(mapped, changes, goes_on)
    assert ("sportybet", "user1") in settled.covered
    assert len(kept) == 3  # what is done stays done
    assert kept == sorted(kept)
    assert kept[-1] == len(settled.covered)


async def test_claimants_of_many_ids_are_read_at_once(engine: AsyncEngine) -> None:
    new = [mapping(f"m{n}", ["a", "b"], sportybet_id=f"id{n}") for n in range(50)]
    async with transaction(engine) as connection:
        await import_mappings(connection, new, actor="ada", reason="test")
    statements: list[str] = []
    event.listen(
        engine.sync_engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2]),
    )
    async with transaction(engine) as connection:
        found = await claimants(connection, new)
    assert {one.canonical_id for one in found} == {one.canonical_id for one in new}
    assert len(statements) == 1
