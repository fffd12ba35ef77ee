"""All kinds of faults one after the other, by the dice, faster than the crew recovers."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from tests.faults.conftest import Trials
from tests.faults.stage.pair import Pair
from tests.faults.stage.points import POINTS
from tests.faults.stage.trial import BATCH_RECORDS, IN_FLIGHT_RECORDS, Trial
from tests.faults.test_database import terminate_workers

pytestmark = [
    pytest.mark.services,
    pytest.mark.faults,
    pytest.mark.lengthy,
    pytest.mark.asyncio(loop_scope="module"),
]

FAULTS = 15


async def kill(trial: Trial, _: Pair) -> None:
    trial.crew.signal(await trial.pick(), signal.SIGKILL)


async def kill_at_a_step(trial: Trial, _: Pair) -> None:
    trial.points.arm(trial.dice.choice(list(POINTS)), trial.dice.randint(1, 5))


async def freeze(trial: Trial, _: Pair) -> None:
    """Until the others have gone on without it, if they do."""
    pid = trial.crew.signal(await trial.pick(), signal.SIGSTOP)
    await trial.flowed(BATCH_RECORDS)
    os.kill(pid, signal.SIGCONT)


async def restart(trial: Trial, _: Pair) -> None:
    trial.crew.signal(await trial.pick(), signal.SIGTERM)


async def crash_broker(_: Trial, pair: Pair) -> None:
    await asyncio.to_thread(pair.services.kafka_service.restart)


async def crash_postgres(_: Trial, pair: Pair) -> None:
    await asyncio.to_thread(pair.services.postgres_service.restart)


async def terminate(trial: Trial, _: Pair) -> None:
    await terminate_workers(trial)


async def rebalance(trial: Trial, _: Pair) -> None:
    await trial.rebalanced_by_a_guest()


KINDS: list[Callable[[Trial, Pair], Awaitable[None]]] = [
    kill,
    kill_at_a_step,
    freeze,
    restart,
    crash_broker,
    crash_postgres,
    terminate,
    rebalance,
]


async def test_any_mixture_of_faults_loses_nothing_and_counts_nothing_twice(
    trials: Trials, dice: random.Random, rounds: int, pair: Pair
) -> None:
    trial = await trials(dice, workers=4)
    chosen = dice.choices(KINDS, k=FAULTS * rounds)
    for fault in chosen:
        await fault(trial, pair)
        await trial.sent(dice.randint(1, 100))
    for point in POINTS:
        trial.points.disarm(point)
    kinds = Counter(fault.__name__ for fault in chosen)
    # A batch may come again each time its worker dies or stands still, and when drains cannot finish.
    await trial.judged(
        "a mixture of all",
        injected=len(chosen),
        in_flight=len(chosen) * IN_FLIGHT_RECORDS,
        ends=[-signal.SIGKILL, -signal.SIGTERM, 1],
        note=", ".join(f"{name} {times}" for name, times in sorted(kinds.items())),
    )
