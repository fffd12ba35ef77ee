"""kill -9 of an insight process at every step, and what else can stop one: its tables are as without it.

All that it writes follows from the newest observations of the watched events and from the mappings. So a run
in which processes died comes to exactly the tables of a run in which none did, on the same topics.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.conftest import SEED
from tests.faults.stage.pair import Pair
from tests.faults.stage.points import INSIGHT_POINTS, Point
from tests.faults.stage.report import Row
from tests.faults.stage.watched import WatchedTrial, opened
from tests.support.services.nursery import Nursery

pytestmark = [pytest.mark.services, pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(
    pair: Pair,
    fault_template: str,
    nursery: Nursery,
    rows: list[Row],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[WatchedTrial]:
    folder = tmp_path_factory.mktemp("watched")
    async with opened(pair, fault_template, nursery, folder, rows, seed=SEED) as trial:
        yield trial


@pytest.mark.parametrize("point", INSIGHT_POINTS.values(), ids=INSIGHT_POINTS)
async def test_an_insight_process_killed_at_any_step_comes_to_the_same_tables(
    watched: WatchedTrial, dice: random.Random, rounds: int, point: Point
) -> None:
    async with watched.run() as run:
        for _ in range(rounds):
            await run.crew.ended(await run.stopped_at(point, signal.SIGKILL, dice))
        await run.judged(f"insight: kill -9 {point.where}", injected=rounds)


async def test_of_processes_that_die_one_after_another_the_last_one_comes_to_the_same_tables(
    watched: WatchedTrial, dice: random.Random, rounds: int
) -> None:
    chosen = dice.sample(list(INSIGHT_POINTS.values()), 3 * rounds)
    async with watched.run() as run:
        await run.killed_at_each(chosen)
        await run.judged("insight: kill -9 at several steps", injected=len(chosen))


async def test_a_broker_and_a_database_that_are_killed_and_restarted_change_nothing(
    watched: WatchedTrial, dice: random.Random, pair: Pair
) -> None:
    services = pair.services
    async with watched.run() as run:
        await run.leads(0)
        for service in dice.sample([services.kafka_service, services.postgres_service], 2):
            await asyncio.to_thread(service.restart)
        await run.judged("insight: kill -9 of broker and Postgres, restart", injected=2)


@pytest.mark.lengthy  # the server ends a silent session after a minute
async def test_a_leader_that_was_frozen_until_another_leads_writes_nothing_when_it_wakes_up(
    watched: WatchedTrial, dice: random.Random
) -> None:
    async with watched.run() as run:
        pid = await run.stopped_at(INSIGHT_POINTS["insight.stored"], signal.SIGSTOP, dice)
        before = run.led()
        await run.leads(before)
        os.kill(pid, signal.SIGCONT)
        await run.judged("insight: SIGSTOP while it stores, SIGCONT later")
