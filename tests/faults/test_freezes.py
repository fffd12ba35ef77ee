"""A worker that stands still past its session, and goes on as if nothing had been: a zombie."""

from __future__ import annotations

import os
import random
import signal

import pytest

from tests.faults.conftest import Trials
from tests.faults.stage.points import POINTS, RARE
from tests.faults.stage.trial import BATCH_RECORDS, IN_FLIGHT_RECORDS, Trial

pytestmark = [pytest.mark.services, pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]

STEPS = ["publish.middle", "count.sent", "count.moved", "count.committing", "commit.before"]


async def woken_when_replaced(trial: Trial, pid: int) -> None:
    """Let a frozen worker go on when others have taken over, and wait until it has found its place again."""
    await trial.caught_up_with(await trial.log_ends())
    frozen = {slot: at for slot, at in trial.openings().items() if at[0] == pid}
    os.kill(pid, signal.SIGCONT)
    await trial.rejoined(frozen)


@pytest.mark.parametrize("point", STEPS)
async def test_a_worker_frozen_in_a_batch_past_its_session_changes_nothing_when_it_wakes(
    trials: Trials, dice: random.Random, rounds: int, point: str
) -> None:
    trial = await trials(dice)
    in_flight = 0
    for _ in range(rounds):
        await trial.flowed()
        trial.points.arm(point, 1 if point.startswith(RARE) else dice.randint(1, 8), signal.SIGSTOP)
        struck = await trial.struck(point)
        await woken_when_replaced(trial, struck.pid)
        # While one poll is sent, the next one is taken in; a frozen worker sends it as well when it wakes up.
        in_flight += struck.in_flight + BATCH_RECORDS
    await trial.judged(
        f"SIGSTOP past the session, {POINTS[point].where}", injected=rounds, in_flight=in_flight
    )


async def test_all_workers_frozen_at_once_go_on_where_they_were(
    trials: Trials, dice: random.Random
) -> None:
    trial = await trials(dice)
    await trial.flowed()
    pids = [trial.crew.signal(slot, signal.SIGSTOP) for slot in trial.crew.slots]
    await trial.group_is_empty()
    before = trial.openings()
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    await trial.rejoined(before)
    await trial.judged(
        "SIGSTOP of all workers past the session",
        injected=len(pids),
        in_flight=IN_FLIGHT_RECORDS * len(pids),
    )
