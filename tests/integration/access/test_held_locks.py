"""A login that may only read can take every advisory lock: nobody waits for ever, and it is named."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.domain.mapping import Mapping, OutcomeLabels
from worker.storage import replays
from worker.storage.access import locks
from worker.storage.access.locks import Lock
from worker.storage.editing import editing
from worker.storage.engine import create_engine, transaction
from worker.storage.errors import StorageUnavailable
from worker.storage.lead import leading
from worker.storage.ledger import Ledger
from worker.storage.migrate import downgrade, upgrade
from worker.storage.replays import Replay, ReplayNotResumable

NewLogin = Callable[[str], Awaitable[str]]
Hold = Callable[[Lock], Awaitable[None]]

MAPPING = Mapping("a", "A", (OutcomeLabels("yes", "Yes"),), betpawa_id="1")
NAMED = r"pid \d+, login test_\w+_reader, application held-by-a-reader"
INSERT = """
INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES ('a', 'A', '[1]')
"""


@pytest.fixture
async def reader(new_login: NewLogin) -> AsyncIterator[asyncpg.Connection]:
    settings = {"application_name": "held-by-a-reader"}
    connection = await asyncpg.connect(await new_login("reader"), server_settings=settings)
    yield connection
    await connection.close()


@pytest.fixture
def hold(reader: asyncpg.Connection) -> Hold:
    async def take(lock: Lock) -> None:
        await reader.execute(
            "SELECT pg_advisory_lock(coalesce($1, hashtextextended($2, 0)))", lock.key, lock.name
        )

    return take


@pytest.fixture
async def hurried(database: str, administrator: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """An engine that waits a moment for a lock."""
    engine = create_engine(database, lock_timeout_s=0.1)
    yield engine
    await engine.dispose()


async def test_an_edit_names_the_session_that_is_in_its_way(
    hold: Hold, hurried: AsyncEngine
) -> None:
    await hold(locks.MAPPINGS)
    with pytest.raises(StorageUnavailable, match=f"changing mappings waits for {NAMED}"):
        async with editing(hurried, actor="ann", reason="why") as edit:
            await edit.create(MAPPING)


async def test_a_change_by_plain_sql_ends_and_names_the_session(
    hold: Hold, database: str, administrator: AsyncEngine
) -> None:
    await hold(locks.MAPPINGS)
    connection = await asyncpg.connect(database)
    await connection.execute("SET lock_timeout = '100ms'")
    with pytest.raises(asyncpg.LockNotAvailableError, match=f"lock timeout: .* for {NAMED}"):
        await connection.execute(INSERT)
    await connection.close()


async def test_a_change_by_plain_sql_waits_half_a_minute_where_no_timeout_is_set(
    hold: Hold, database: str, reader: asyncpg.Connection, administrator: AsyncEngine
) -> None:
    await hold(locks.MAPPINGS)
    connection = await asyncpg.connect(database)
    source = await connection.fetchval(
        "SELECT prosrc FROM pg_proc WHERE oid = CAST('marketmap_lock_mappings_v2' AS regproc)"
    )
    assert "IF bound = '0' THEN" in source
    # The same text with a shorter bound, so that nobody waits half a minute.
    await connection.execute(
        "CREATE OR REPLACE FUNCTION marketmap_lock_mappings_v2() RETURNS trigger LANGUAGE plpgsql"
        f" SET search_path = pg_catalog, pg_temp AS $${source.replace('30s', '100ms')}$$"
    )
    assert await connection.fetchval("SHOW lock_timeout") == "0"
    with pytest.raises(asyncpg.LockNotAvailableError, match=NAMED):
        await connection.execute(INSERT)
    assert await connection.fetchval("SHOW lock_timeout") == "0"
    await reader.execute("SELECT pg_advisory_unlock_all()")
    async with connection.transaction():
        await connection.execute(INSERT)
        assert await connection.fetchval("SHOW lock_timeout") == "0"
    await connection.close()


async def test_a_migration_says_at_once_for_whom_it_waits_and_gives_up(
    hold: Hold, database: str, administrator: AsyncEngine
) -> None:
    await hold(locks.MIGRATIONS)
    said: list[str] = []
    with pytest.raises(StorageUnavailable, match=f"migrating waits for {NAMED}.*: given up after"):
        await upgrade(database, wait_s=0.6, on_wait=said.append)
    assert len(said) == 1
    assert said[0].startswith("migrating waits for pid ")


async def test_a_migration_that_waits_for_a_table_names_who_reads_it(
    database: str, reader: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.storage.migrate.TABLE_LOCK_TIMEOUT_S", 0.1)
    async with reader.transaction():
        await reader.execute("SELECT FROM mapping_audit_log")
        with pytest.raises(StorageUnavailable, match=f"migrating waits for tables: {NAMED}"):
            await downgrade(database, "0014")


async def test_announcing_does_not_wait_in_silence(
    hold: Hold, hurried: AsyncEngine, database: str
) -> None:
    await hold(locks.ANNOUNCEMENTS)
    with pytest.raises(StorageUnavailable, match=f"announcing first sightings waits for {NAMED}"):
        async with Ledger(hurried, "workers").unannounced(10):
            pass


async def test_a_worker_that_announces_is_not_in_the_way_of_another(
    new_login: NewLogin, hurried: AsyncEngine
) -> None:
    other = await asyncpg.connect(await new_login("worker"))
    await other.execute("SELECT pg_advisory_lock($1)", locks.ANNOUNCE_KEY)
    async with Ledger(hurried, "workers").unannounced(10) as batch:
        assert batch == []
    await other.close()


async def test_a_relay_does_not_stand_by_for_a_login_that_may_not_publish(
    hold: Hold, database: str, administrator: AsyncEngine
) -> None:
    await hold(locks.relay_lock("changes"))
    with pytest.raises(StorageUnavailable, match=f"publishing changes waits for {NAMED}"):
        async with leading(database, "changes", silence_s=30, on_standby=lambda: None):
            pass


async def test_a_replay_names_the_session_that_runs_it(hold: Hold, hurried: AsyncEngine) -> None:
    asked = Replay("r1", "workers", [{"topic": "observations"}], {}, 0, None, "ann", "why")
    async with replays.start(hurried, asked) as running:
        await running.finish("ABANDONED")
    await hold(locks.replay_lock("r1"))
    with pytest.raises(ReplayNotResumable, match=f"another process: {NAMED}"):
        async with replays.resume(hurried, "r1"):
            pass


async def test_who_may_do_the_work_is_told_apart(
    hold: Hold, new_login: NewLogin, administrator: AsyncEngine
) -> None:
    for lock in (locks.MAPPINGS, locks.ANNOUNCEMENTS, locks.MIGRATIONS):
        await hold(lock)
        async with transaction(administrator) as connection:
            (holder,) = await locks.holders(connection, lock)
        assert (holder.is_entitled, holder.application) == (False, "held-by-a-reader")
        assert holder.since is not None
