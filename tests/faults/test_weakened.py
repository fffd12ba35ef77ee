"""The suite finds what it is for: a worker without one of its safeguards does not pass."""

from __future__ import annotations

import random
import signal

import pytest

from tests.faults.conftest import Trials
from tests.faults.stage.latest import LatestTrial
from tests.faults.stage.pair import Pair
from tests.faults.stage.points import INSIGHT_POINTS, SNAPSHOT_POINTS
from tests.faults.stage.trial import IN_FLIGHT_RECORDS
from tests.faults.stage.watched import opened
from tests.faults.stage.weakened import (
    WEAKNESS_VARIABLE,
    commit_unstored,
    count_before_publishing,
    move_watermarks_blindly,
    take_over_unread,
)
from tests.faults.test_freezes import woken_when_replaced
from tests.support.services.nursery import Nursery

pytestmark = [
    pytest.mark.services,
    pytest.mark.faults,
    pytest.mark.lengthy,
    pytest.mark.asyncio(loop_scope="module"),
]


KILLS = 3


async def test_counting_before_publishing_is_found_out(trials: Trials, dice: random.Random) -> None:
    trial = await trials(
        dice, static=True, environment={WEAKNESS_VARIABLE: count_before_publishing.__name__}
    )
    trial.rows = []  # it is no fault of the product
    await trial.flowed()
    trial.points.arm("count.committed")
    await trial.crew.ended((await trial.struck("count.committed")).pid)
    with pytest.raises(pytest.fail.Exception, match="lost: "):
        await trial.judged("kill -9 after D", in_flight=IN_FLIGHT_RECORDS, ends=[-signal.SIGKILL])


async def test_counting_without_comparing_watermarks_is_found_out(
    trials: Trials, dice: random.Random
) -> None:
    trial = await trials(dice, environment={WEAKNESS_VARIABLE: move_watermarks_blindly.__name__})
    trial.rows = []  # it is no fault of the product
    await trial.flowed()
    trial.points.arm("publish.after", 1, signal.SIGSTOP)
    struck = await trial.struck("publish.after")
    await woken_when_replaced(trial, struck.pid)
    with pytest.raises(pytest.fail.Exception, match="counts "):
        await trial.judged("SIGSTOP after P", in_flight=IN_FLIGHT_RECORDS)


async def test_taking_the_newest_odds_over_unread_is_found_out(
    trials: Trials, nursery: Nursery, dice: random.Random
) -> None:
    trial = await trials(dice, workers=2)
    trial.rows = []  # it is no fault of the product
    kept = LatestTrial(trial, nursery, {WEAKNESS_VARIABLE: take_over_unread.__name__})
    await kept.start()
    try:
        for _ in range(KILLS):
            await kept.flowed()
            written = SNAPSHOT_POINTS["latest.written"]
            await kept.crew.ended(await kept.stopped_at(written, signal.SIGKILL))
        with pytest.raises(pytest.fail.Exception, match="written behind a newer one"):
            await kept.judged("snapshot: kill -9 after writing", injected=KILLS)
    finally:
        await kept.end()


async def test_committing_observations_before_their_events_are_stored_is_found_out(
    pair: Pair,
    fault_template: str,
    nursery: Nursery,
    dice: random.Random,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("weakened")
    async with (
        opened(pair, fault_template, nursery, folder, []) as trial,
        trial.run({WEAKNESS_VARIABLE: commit_unstored.__name__}) as run,
    ):
        stored = INSIGHT_POINTS["insight.stored"]
        await run.crew.ended(await run.stopped_at(stored, signal.SIGKILL, dice))
        # Events that were lost are never judged; one of which a board was lost is another one.
        found_out = "the events are not judged|lost from watched_event"
        with pytest.raises(pytest.fail.Exception, match=found_out):
            await run.judged("insight: kill -9 while events are stored")
