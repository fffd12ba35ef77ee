"""The login of the session is kept next to every actor, whatever the actor claims."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage import audit, misses, replays
from worker.storage.engine import transaction
from worker.storage.ledger import Ledger
from worker.storage.migrate import upgrade
from worker.storage.replays import Replay
from worker.storage.watermarks import WatermarkKey

Rows = Callable[..., Awaitable[list[Any]]]

PLACE = WatermarkKey("c29tZS10b3BpYy1pZF8tMQ", "observations", 0)
ASKED = Replay("r1", "workers", [{"topic": "observations"}], {}, 0, None, "somebody else", "why")
MISS = "INSERT INTO unmapped_market_log (source, external_market_id{}) VALUES ('betpawa', '2'{})"
FORGED_STATUS = (
    "UPDATE unmapped_market_log SET status_actor = 'bob'",
    "UPDATE unmapped_market_log SET status_login = 'bob'",
)
FORGED_REPLAY = (
    "UPDATE replay_run SET actor = 'ann'",
    "UPDATE replay_run SET reason = 'other'",
    "UPDATE replay_run SET login = 'ann_login'",
    "UPDATE replay_run SET created_at = now()",
)
SIGN = "SELECT set_config('marketmap.actor', 'somebody else', true)"


@pytest.fixture
async def plain(migrated: str) -> Any:
    connection = await asyncpg.connect(migrated)
    yield connection
    await connection.close()


async def test_an_actor_that_is_claimed_does_not_hide_the_login(
    engine: AsyncEngine, plain: asyncpg.Connection
) -> None:
    async with plain.transaction():
        await plain.execute(SIGN)
        await plain.execute(
            "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping)"
            " VALUES ('a', 'A', '[1]')"
        )
        await plain.execute("UPDATE user_market_mappings SET canonical_id = 'b'")
        await plain.execute("DELETE FROM user_market_mappings")
    async with transaction(engine) as connection:
        rows = await audit.read_after(connection, 0, 9)
    assert [(row.created_by, row.login) for row in rows] == [("somebody else", "postgres")] * 4


async def test_a_role_that_is_taken_on_is_not_the_login(
    engine: AsyncEngine, plain: asyncpg.Connection
) -> None:
    async with plain.transaction():
        await plain.execute("SET LOCAL ROLE marketmap_editor")
        await plain.execute(
            "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping)"
            " VALUES ('a', 'A', '[1]')"
        )
    async with transaction(engine) as connection:
        (row,) = await audit.read_after(connection, 0, 9)
    assert row.login == "postgres"


async def test_whoever_changes_a_status_is_kept_by_login(engine: AsyncEngine, rows: Rows) -> None:
    await rows(MISS.format("", ""))
    async with transaction(engine) as connection:
        await misses.ignore(connection, [("betpawa", "2")], actor="somebody else", until_count=9)
        found = await misses.get_miss(connection, ("betpawa", "2"))
    assert (found.status_actor, found.status_login) == ("somebody else", "postgres")


async def test_a_status_cannot_be_signed_for_somebody_else(
    rows: Rows, plain: asyncpg.Connection
) -> None:
    await plain.execute(MISS.format(", status_actor, status_login", ", 'ann', 'ann_login'"))
    (row,) = await rows("SELECT status_actor, status_login FROM unmapped_market_log")
    assert (row.status_actor, row.status_login) == ("ann", "postgres")
    for change in FORGED_STATUS:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="with the status only"):
            await plain.execute(change)
    await plain.execute("UPDATE unmapped_market_log SET status = 'IGNORED', status_login = 'bob'")
    (row,) = await rows("SELECT status_login FROM unmapped_market_log")
    assert row.status_login == "postgres"


async def test_a_watermark_that_is_moved_keeps_the_login(
    engine: AsyncEngine, rows: Rows, plain: asyncpg.Connection
) -> None:
    ledger = Ledger(engine, "workers")
    await ledger.open_partitions([PLACE])
    await ledger.skip_to(PLACE, 0, 5, actor="somebody else", reason="why")
    await plain.execute(
        "INSERT INTO watermark_change (consumer_group, topic_id, topic, partition, old_offset,"
        " new_offset, actor, reason, login) VALUES ('g', 'i', 't', 0, 0, 1, 'ann', 'why', 'ann_login')"
    )
    kept = await rows("SELECT actor, login FROM watermark_change ORDER BY id")
    assert [tuple(row) for row in kept] == [("somebody else", "postgres"), ("ann", "postgres")]


async def test_a_replay_keeps_who_asked_for_it(
    engine: AsyncEngine, plain: asyncpg.Connection
) -> None:
    async with replays.start(engine, ASKED) as running:
        await running.add(published=1)
        await running.finish("DONE")
        kept = await running.read()
    assert (kept.actor, kept.login) == ("somebody else", "postgres")
    for change in FORGED_REPLAY:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="keeps who asked for it"):
            await plain.execute(change)


async def test_nobody_is_named_for_what_was_done_before_logins_were_kept(database: str) -> None:
    await upgrade(database, "0014")
    connection = await asyncpg.connect(database)
    await connection.execute(
        "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping)"
        " VALUES ('a', 'A', '[1]')"
    )
    await upgrade(database)
    await connection.execute("UPDATE user_market_mappings SET name = 'B'")
    kept = await connection.fetch("SELECT login FROM mapping_audit_log ORDER BY id")
    await connection.close()
    assert [login for (login,) in kept] == [None, "postgres"]
