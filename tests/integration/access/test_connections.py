"""What a connection of the program brings to the server."""

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import text

from worker.storage.engine import create_engine, transaction
from worker.storage.errors import StorageFatal, StorageUnavailable
from worker.storage.ledger import Ledger

WHICH = "SELECT to_regclass('kept')::text, to_regclass('dropped')::text"
SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY (:names)"


async def test_name_and_timeouts_reach_the_server(database: str) -> None:
    engine = create_engine(
        database,
        application_name="marketmap-worker-1",
        statement_timeout_s=1.5,
        lock_timeout_s=0.25,
        idle_in_transaction_timeout_s=0,
    )
    expected = {
        "application_name": "marketmap-worker-1",
        "statement_timeout": "1500",
        "lock_timeout": "250",
        "idle_in_transaction_session_timeout": "0",
    }
    async with transaction(engine) as connection:
        rows = await connection.execute(text(SETTINGS), {"names": list(expected)})
        assert {row.name: row.setting for row in rows} == expected
    await engine.dispose()


async def test_the_address_may_hold_what_libpq_knows(database: str) -> None:
    engine = create_engine(f"{database}?sslmode=prefer&target_session_attrs=any")
    async with transaction(engine) as connection:
        assert await connection.scalar(text("SELECT 1")) == 1
    await engine.dispose()


async def test_a_transaction_is_committed_on_a_clean_exit_only(database: str) -> None:
    engine = create_engine(database)
    async with transaction(engine) as connection:
        await connection.execute(text("CREATE TABLE kept (id int)"))
    with suppress(KeyError):
        async with transaction(engine) as connection:
            await connection.execute(text("CREATE TABLE dropped (id int)"))
            raise KeyError
    async with transaction(engine) as connection:
        kept, dropped = (await connection.execute(text(WHICH))).one()
    assert (kept, dropped) == ("kept", None)
    await engine.dispose()


async def test_what_the_block_raises_is_not_taken_for_the_databases_error(database: str) -> None:
    engine = create_engine(database)
    with pytest.raises(ConnectionError, match="broker"):
        async with transaction(engine):
            raise ConnectionError("broker")
    await engine.dispose()


async def test_a_server_that_does_not_answer_is_worth_another_try() -> None:
    await assert_raises(StorageUnavailable, "postgresql://127.0.0.1:1/none")


async def test_a_database_that_does_not_exist_is_not(database: str) -> None:
    await assert_raises(StorageFatal, urlunsplit(urlsplit(database)._replace(path="/none")))


async def assert_raises(kind: type[Exception], url: str) -> None:
    engine = create_engine(url)
    with pytest.raises(kind):
        async with transaction(engine):
            pass
    with pytest.raises(kind):
        await Ledger(engine, "workers").open_partitions([])
    await engine.dispose()


async def test_a_pool_that_is_used_up_says_try_again(database: str) -> None:
    engine = create_engine(database, pool_size=1, pool_timeout_s=0.05)
    async with transaction(engine):
        with pytest.raises(StorageUnavailable):
            async with transaction(engine):
                pass
    await engine.dispose()


async def test_a_lost_connection_hides_nothing_and_leaves_its_place_in_the_pool(
    database: str,
) -> None:
    engine = create_engine(database, pool_size=1, pool_timeout_s=0.05)

    async def fail_without_connection() -> None:
        async with transaction(engine) as connection:
            await connection.execute(text("SELECT 1"))
            driver: Any = (await connection.get_raw_connection()).driver_connection
            driver.terminate()
            raise KeyError("of the block")

    for _ in range(2):
        with pytest.raises(KeyError, match="of the block"):
            await fail_without_connection()
    await engine.dispose()


async def test_a_pool_heals_after_the_server_dropped_its_connections(migrated: str) -> None:
    engine, other = create_engine(migrated, pool_size=1), create_engine(migrated)
    ledger = Ledger(engine, "workers")
    async with transaction(engine) as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    async with transaction(other) as connection:
        assert await connection.scalar(
            text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid}
        )
    with suppress(StorageUnavailable):  # the first use finds out, or the driver knew already
        await ledger.open_partitions([])
    assert await ledger.open_partitions([]) == {}
    for each in (engine, other):
        await each.dispose()
