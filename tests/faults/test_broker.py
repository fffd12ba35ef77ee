"""The broker dies and comes back."""

from __future__ import annotations

import asyncio
import random
import signal

import pytest

from tests.faults.conftest import Trials
from tests.faults.stage.pair import Pair
from tests.faults.stage.trial import IN_FLIGHT_RECORDS

pytestmark = [pytest.mark.services, pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]


async def test_a_broker_that_is_killed_and_comes_back_costs_nothing(
    trials: Trials, dice: random.Random, rounds: int, pair: Pair
) -> None:
    trial = await trials(dice)
    for _ in range(rounds):
        await trial.flowed()
        await asyncio.to_thread(pair.services.kafka_service.kill)
        await asyncio.to_thread(pair.services.kafka_service.start)
        await trial.flowed()
    await trial.judged("broker kill -9 and restart", injected=rounds)


async def test_a_worker_killed_while_the_broker_is_away_loses_nothing(
    trials: Trials, dice: random.Random, pair: Pair
) -> None:
    trial = await trials(dice)
    await trial.flowed()
    await asyncio.to_thread(pair.services.kafka_service.kill)
    pid = trial.crew.signal(await trial.pick(), signal.SIGKILL)
    await trial.crew.ended(pid)
    await asyncio.to_thread(pair.services.kafka_service.start)
    await trial.judged(
        "broker and a worker kill -9 together",
        injected=2,
        in_flight=IN_FLIGHT_RECORDS,
        ends=[-signal.SIGKILL, 1],
    )
