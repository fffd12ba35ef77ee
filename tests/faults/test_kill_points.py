"""kill -9 at every step. Members are static, so a worker that comes back takes its partitions up at once."""

from __future__ import annotations

import random
import signal

import pytest

from tests.faults.conftest import Trials
from tests.faults.stage.points import POINTS, RARE, Point
from tests.faults.stage.trial import Trial

pytestmark = [pytest.mark.services, pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
async def test_a_worker_killed_at_any_step_loses_nothing_and_counts_nothing_twice(
    trials: Trials, dice: random.Random, rounds: int, point: Point
) -> None:
    trial = await trials(dice, static=True)
    in_flight = 0
    for _ in range(rounds):
        await trial.flowed()
        in_flight += await killed_at(trial, point)
    await trial.judged(
        f"kill -9 {point.where}", injected=rounds, in_flight=in_flight, ends=[-signal.SIGKILL]
    )


async def killed_at(trial: Trial, point: Point) -> int:
    """Kill a worker there; how many outputs may come again."""
    trial.points.arm(point.name, nth_pass(trial, point))
    if point.name.startswith(("open.", "drain.")):
        await trial.crew.restart(await trial.pick())
    struck = await trial.struck(point.name)
    await trial.crew.ended(struck.pid)
    return struck.in_flight


def nth_pass(trial: Trial, point: Point) -> int:
    if point.name.startswith(RARE):
        return 1
    return trial.dice.randint(1, 8)
