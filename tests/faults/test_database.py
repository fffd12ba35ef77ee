"""What Postgres can do to a worker. None of it ends a worker, and none of it repeats an output."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from tests.faults.conftest import Trials
from tests.faults.stage.pair import Pair
from tests.faults.stage.trial import Trial
from tests.support.services.installation import execute

pytestmark = [pytest.mark.services, pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]

DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
LOCK_A_MARKET = "SELECT id FROM unmapped_market_log WHERE external_market_id = '900001' FOR UPDATE"
LOCK_WATERMARKS = "SELECT partition FROM ingest_watermark ORDER BY partition DESC FOR UPDATE"
TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'marketmap%'
"""
# Fails every n-th transaction that moves a watermark, by a sequence: it goes on although all else is undone.
NOW_AND_THEN = """
CREATE SEQUENCE fault_pass;
CREATE FUNCTION fault_now_and_then() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('fault_pass') % TG_ARGV[1]::int = 0 THEN
        RAISE EXCEPTION 'injected' USING ERRCODE = TG_ARGV[0];
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER fault_now_and_then AFTER UPDATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION fault_now_and_then('{sqlstate}', '{every}')
"""
NO_MORE = (
    "DROP TRIGGER fault_now_and_then ON {table}; "
    "DROP FUNCTION fault_now_and_then; DROP SEQUENCE fault_pass"
)


async def test_a_postgres_that_is_killed_and_comes_back_costs_nothing(
    trials: Trials, dice: random.Random, rounds: int, pair: Pair
) -> None:
    trial = await trials(dice)
    for _ in range(rounds):
        await trial.flowed(dice.randint(1, 100))
        await asyncio.to_thread(pair.services.postgres_service.kill)
        await trial.said("counting_waits")
        await asyncio.to_thread(pair.services.postgres_service.start)
        await trial.flowed()
    await trial.judged("Postgres kill -9 and restart, fsync on", injected=rounds)


async def test_backends_that_are_terminated_cost_nothing(
    trials: Trials, dice: random.Random, rounds: int
) -> None:
    trial = await trials(dice)
    terminations = 0
    for _ in range(5 * rounds):
        await trial.flowed(dice.randint(1, 60))
        terminations += await terminate_workers(trial)
    assert terminations > 0
    await trial.judged("backends terminated", injected=terminations)


@pytest.mark.parametrize("table", ["ingest_watermark", "unmapped_market_log"])
@pytest.mark.parametrize(
    ("sqlstate", "what"),
    [("40001", "serialization failures"), ("53100", "disk full, as the server says it")],
    ids=["40001", "53100"],
)
async def test_transactions_that_fail_now_and_then_are_counted_once(
    trials: Trials, dice: random.Random, sqlstate: str, what: str, table: str
) -> None:
    trial = await trials(dice)
    every = dice.randint(2, 4)
    await execute(trial.database, NOW_AND_THEN.format(table=table, sqlstate=sqlstate, every=every))
    await trial.flowed(200)
    passes = (await trial.query("SELECT last_value FROM fault_pass"))[0][0]
    await execute(trial.database, NO_MORE.format(table=table))
    await trial.judged(f"{what}, at {table}", injected=passes // every)


async def test_deadlocks_with_a_client_that_locks_in_another_order_are_counted_once(
    trials: Trials, dice: random.Random, rounds: int
) -> None:
    trial = await trials(dice)
    before = await deadlocks(trial)
    wanted = before + 2 * rounds
    async with another_client(trial) as client:
        await lock_backwards_until(trial, client, wanted)
    await trial.judged("deadlocks", injected=await deadlocks(trial) - before)


async def test_a_read_only_database_is_waited_for(
    trials: Trials, dice: random.Random, rounds: int
) -> None:
    trial = await trials(dice)
    name = trial.database.rpartition("/")[2]
    for _ in range(rounds):
        await trial.flowed()
        await execute(trial.server, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await terminate_workers(trial)
        await trial.said("counting_waits", sqlstate="25006")
        await execute(trial.server, f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await terminate_workers(trial)
        await trial.flowed()
    await trial.judged("database read-only", injected=rounds)


async def test_locks_held_longer_than_the_timeout_are_waited_for(
    trials: Trials, dice: random.Random
) -> None:
    trial = await trials(dice)
    await trial.flowed()
    async with another_client(trial) as client, client.transaction():
        await client.execute("LOCK TABLE unmapped_market_log IN EXCLUSIVE MODE")
        await trial.said("counting_waits", sqlstate="55P03")
    await trial.judged("table locked past lock_timeout")


@asynccontextmanager
async def another_client(trial: Trial) -> AsyncIterator[Any]:
    client = await asyncpg.connect(trial.database, server_settings={"application_name": "another"})
    try:
        yield client
    finally:
        await client.close()


async def terminate_workers(trial: Trial) -> int:
    """End every connection of the workers; how many there were."""
    async with another_client(trial) as client:
        return int(await client.fetchval(TERMINATE))


async def deadlocks(trial: Trial) -> int:
    async with another_client(trial) as client:
        return int(await client.fetchval(DEADLOCKS))


async def lock_backwards_until(trial: Trial, client: Any, wanted: int) -> None:
    """Lock a market and then a watermark, which is the other way round than workers do."""
    async with asyncio.timeout(60):
        while await deadlocks(trial) < wanted:
            try:
                async with client.transaction():
                    await client.execute(
                        "SET LOCAL deadlock_timeout = '5s'"
                    )  # the worker is to notice first
                    await client.execute(LOCK_A_MARKET)
                    await client.execute(LOCK_WATERMARKS)
            except asyncpg.DeadlockDetectedError:
                continue
