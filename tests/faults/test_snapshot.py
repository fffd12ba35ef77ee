"""kill -9 of a snapshot process at every step, and what else can stop one: the newest odds stay the newest.

A key never holds an older observation behind a newer one, not even for a moment; nothing is written twice.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.conftest import Trials
from tests.faults.stage.latest import LatestTrial
from tests.faults.stage.pair import Pair
from tests.faults.stage.points import SNAPSHOT_POINTS, Point
from tests.faults.stage.trial import IN_FLIGHT_RECORDS
from tests.support.services.nursery import Nursery

pytestmark = [pytest.mark.services, pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]

WORKERS = 2
INSIDE = SNAPSHOT_POINTS["latest.sent"]


class LatestTrials:
    """Hands out the snapshot processes of the trial that is open."""

    def __init__(self, trials: Trials, nursery: Nursery) -> None:
        self._trials = trials
        self._nursery = nursery
        self._open: LatestTrial | None = None

    async def __call__(self, dice: random.Random) -> LatestTrial:
        trial = await self._trials(dice, workers=WORKERS)
        if self._open is None or self._open.trial is not trial:
            await self.end()
            self._open = LatestTrial(trial, self._nursery)
            await self._open.start()
        return self._open

    async def end(self) -> None:
        if self._open is not None:
            await self._open.end()
            self._open = None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def latest(trials: Trials, nursery: Nursery) -> AsyncIterator[LatestTrials]:
    opened = LatestTrials(trials, nursery)
    yield opened
    await opened.end()


@pytest.mark.parametrize("point", SNAPSHOT_POINTS.values(), ids=SNAPSHOT_POINTS)
async def test_a_snapshot_process_killed_at_any_step_leaves_the_newest_odds(
    latest: LatestTrials, dice: random.Random, rounds: int, point: Point
) -> None:
    kept = await latest(dice)
    for _ in range(rounds):
        await kept.flowed()
        await kept.crew.ended(await kept.stopped_at(point, signal.SIGKILL))
    await kept.judged(f"snapshot: kill -9 {point.where}", injected=rounds)


async def test_one_that_was_frozen_inside_a_transaction_writes_nothing_once_another_has_taken_over(
    latest: LatestTrials, dice: random.Random, rounds: int
) -> None:
    kept = await latest(dice)
    for _ in range(rounds):
        await kept.flowed()
        before = kept.openings()
        pid = await kept.stopped_at(INSIDE, signal.SIGSTOP)
        await kept.taken_over(before)
        await kept.flowed()
        os.kill(pid, signal.SIGCONT)
    await kept.judged("snapshot: SIGSTOP in a transaction, SIGCONT later", injected=rounds)


async def test_all_snapshot_processes_and_a_worker_killed_at_once_lose_nothing(
    latest: LatestTrials, dice: random.Random, rounds: int
) -> None:
    kept = await latest(dice)
    for _ in range(rounds):
        await kept.flowed()
        await kept.crew.all_run()
        pids = [kept.crew.signal(slot, signal.SIGKILL) for slot in kept.crew.slots]
        worker = kept.trial.crew.signal(await kept.trial.pick(), signal.SIGKILL)
        await kept.trial.crew.ended(worker)
        for pid in pids:
            await kept.crew.ended(pid)
    name = "snapshot: kill -9 of all, and of a worker"
    await kept.trial.judged(
        name, injected=rounds, in_flight=rounds * IN_FLIGHT_RECORDS, ends=[-signal.SIGKILL]
    )
    await kept.judged(name, injected=rounds)


async def test_a_broker_that_is_killed_and_restarted_loses_none_of_the_newest_odds(
    latest: LatestTrials, dice: random.Random, rounds: int, pair: Pair
) -> None:
    kept = await latest(dice)
    for _ in range(rounds):
        await kept.flowed()
        await asyncio.to_thread(pair.services.kafka_service.restart)
    await kept.judged("snapshot: broker kill -9, restart", injected=rounds)
