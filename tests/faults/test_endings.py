"""SIGTERM when nothing answers: every worker ends within its deadline, and the next one does what it left."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Sequence

import pytest

from tests.faults.conftest import Trials
from tests.faults.stage.pair import Pair
from tests.faults.stage.trial import IN_FLIGHT_RECORDS, Trial

pytestmark = [pytest.mark.services, pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]

SHORT = {"MARKETMAP_DRAIN_TIMEOUT_S": "3", "MARKETMAP_SHUTDOWN_TIMEOUT_S": "6"}
# What a busy machine may add; a shutdown without a deadline would take for ever.
SLACK_S = 15.0
LONG = {
    "MARKETMAP_DRAIN_TIMEOUT_S": "58",
    "MARKETMAP_SHUTDOWN_TIMEOUT_S": "120",
    "MARKETMAP_REBALANCE_TIMEOUT_S": "60",
}
WORKERS = 2


async def in_thread(*calls: Callable[[], object]) -> None:
    for call in calls:
        await asyncio.to_thread(call)


def broker_down(pair: Pair) -> Awaitable[None]:
    return in_thread(pair.services.kafka_service.kill)


def database_down(pair: Pair) -> Awaitable[None]:
    return in_thread(pair.services.postgres_service.kill)


def both_down(pair: Pair) -> Awaitable[None]:
    return in_thread(pair.services.kafka_service.kill, pair.services.postgres_service.kill)


def all_up(pair: Pair) -> Awaitable[None]:
    return in_thread(pair.services.kafka_service.start, pair.services.postgres_service.start)


@pytest.mark.parametrize(
    "fault", [broker_down, database_down, both_down], ids=["broker", "database", "both"]
)
async def test_a_worker_told_to_stop_while_a_server_is_down_ends_within_its_deadline(
    trials: Trials, dice: random.Random, pair: Pair, fault: Callable[[Pair], Awaitable[None]]
) -> None:
    trial = await trials(dice, workers=WORKERS, environment=SHORT)
    await trial.flowed()
    await fault(pair)
    if fault is database_down:
        await trial.said("counting_waits")
    pids = [trial.crew.signal(slot, signal.SIGTERM) for slot in trial.crew.slots]
    codes = {
        (await trial.crew.ended(pid, float(SHORT["MARKETMAP_SHUTDOWN_TIMEOUT_S"]) + SLACK_S)).code
        for pid in pids
    }
    await all_up(pair)
    assert codes <= {0, 1}
    what = fault.__name__.replace("_", " ")
    await judged(trial, f"SIGTERM, {what}", f"exit codes {sorted(codes)}")


async def test_a_second_sigterm_ends_a_worker_at_once(
    trials: Trials, dice: random.Random, pair: Pair
) -> None:
    trial = await trials(dice, workers=WORKERS, environment=LONG)
    await trial.flowed()
    await database_down(pair)
    slot = await trial.pick()
    await trial.said("counting_waits", slot)  # a batch is in progress, which would take its time
    stopping = trial.said("stopping", slot)
    pid = trial.crew.signal(slot, signal.SIGTERM)
    await stopping
    trial.crew.signal(slot, signal.SIGTERM)
    end = await trial.crew.ended(pid, SLACK_S)  # the drain alone would take longer
    await all_up(pair)
    assert end.code != 0
    await judged(trial, "SIGTERM twice, database down", f"exit code {end.code}", [end.code])


async def judged(trial: Trial, fault: str, note: str, allowed: Sequence[int] = ()) -> None:
    """Workers that were started while a server was down may have ended with 1."""
    in_flight = WORKERS * IN_FLIGHT_RECORDS
    await trial.judged(fault, injected=WORKERS, in_flight=in_flight, ends=[*allowed, 1], note=note)
