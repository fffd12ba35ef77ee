"""A change that was made by plain SQL ends the misses that it covers, like one of the commands."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.markets import mapping
from worker.operations.unmapped import triage
from worker.runtime.index.covering import cover_changes
from worker.storage.audit import read_after
from worker.storage.editing import editing
from worker.storage.engine import transaction
from worker.storage.mappings import import_mappings

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


async def cover(engine: AsyncEngine, after: int = 0) -> list[tuple[str, str]]:
    async with transaction(engine) as connection:
        changes = await read_after(connection, after, 100)
    return list(await cover_changes(engine, changes))


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
    assert sum("SET status = 'MAPPED'" in statement for statement in statements) == 1
    assert (await statuses(engine))["user1"] == "MAPPED"
