"""Workers that come and go, in good order and not."""

from __future__ import annotations

import random
import signal

import pytest

from tests.faults.conftest import Trials
from tests.faults.stage.trial import IN_FLIGHT_RECORDS

pytestmark = [pytest.mark.services, pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("static", [True, False], ids=["static members", "dynamic members"])
async def test_a_rolling_restart_under_load_repeats_nothing(
    trials: Trials, dice: random.Random, rounds: int, static: bool
) -> None:
    trial = await trials(dice, static=static)
    restarted = 0
    for _ in range(rounds):
        for slot in trial.crew.slots:
            await trial.flowed()
            assert (await trial.crew.restart(slot)).code == 0
            await trial.flowed()
            restarted += 1
    await trial.judged(
        f"rolling restart, {'static' if static else 'dynamic'} members", injected=restarted
    )


async def test_a_member_that_joins_and_leaves_all_the_time_repeats_nothing(
    trials: Trials, dice: random.Random, rounds: int
) -> None:
    trial = await trials(dice)
    storms = 4 * rounds
    for _ in range(storms):
        guest = trial.crew.add()
        await trial.joined(guest)
        assert (await trial.crew.retire(guest)).code == 0
    await trial.judged("a member joins and leaves at once, again and again", injected=storms)


async def test_a_bare_consumer_joining_and_leaving_every_second_repeats_nothing(
    trials: Trials, dice: random.Random, rounds: int
) -> None:
    trial = await trials(dice)
    storms = 6 * rounds
    for _ in range(storms):
        await trial.rebalanced_by_a_guest()
    await trial.judged("rebalance storm", injected=storms)


async def test_workers_killed_at_random_lose_nothing(
    trials: Trials, dice: random.Random, rounds: int
) -> None:
    trial = await trials(dice)
    kills = 2 * rounds
    for _ in range(kills):
        await trial.flowed(dice.randint(1, 100))
        pid = trial.crew.signal(await trial.pick(), signal.SIGKILL)
        await trial.crew.ended(pid)
    await trial.judged(
        "kill -9 at random",
        injected=kills,
        in_flight=IN_FLIGHT_RECORDS * kills,
        ends=[-signal.SIGKILL],
    )
    await trial.flowed()
    pids = [trial.crew.signal(slot, signal.SIGKILL) for slot in trial.crew.slots]
    await trial.judged(
        "kill -9 of all workers at once",
        injected=len(pids),
        in_flight=IN_FLIGHT_RECORDS * len(pids),
        ends=[-signal.SIGKILL],
    )
