"""What operators do to topics and offsets."""

from __future__ import annotations

import random
import signal

import pytest

from tests.faults.conftest import Trials
from tests.faults.stage.operators import Operator
from tests.faults.stage.trial import IN_FLIGHT_RECORDS

pytestmark = [pytest.mark.services, pytest.mark.faults, pytest.mark.asyncio(loop_scope="module")]


# By default a consumer may take a minute to learn what became of a topic.
ATTENTIVE = {"MARKETMAP_METADATA_MAX_AGE_S": "2"}


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "killed in the middle"])
async def test_offsets_reset_backwards_are_published_again_and_not_counted_again(
    trials: Trials, dice: random.Random, killed: bool
) -> None:
    trial = await trials(dice)
    await trial.flowed(200)
    await trial.crew.stop()
    again = await Operator(trial).reset_back()
    replayed = sum(end - start for start, end in again.values())
    kills = 0
    trial.crew.start()
    if killed:
        trial.points.arm("publish.middle", nth=3)
        struck = await trial.struck("publish.middle")
        await trial.crew.ended(struck.pid)
        kills = 1
    row = await trial.judged(
        f"offsets reset backwards{', killed in the middle' if killed else ''}",
        injected=1 + kills,
        in_flight=replayed + kills * IN_FLIGHT_RECORDS,
        ends=[-signal.SIGKILL] * kills,
    )
    assert row.duplicates_allowed >= replayed, "not everything was published again"


async def test_offsets_reset_forward_skip_what_is_between_and_nothing_else(
    trials: Trials, dice: random.Random
) -> None:
    trial = await trials(dice)
    await trial.flowed()
    await trial.crew.stop()
    await trial.sent(300)
    await trial.publisher.pause()
    skipped = await Operator(trial).skip_forward()
    trial.skipped |= {
        number
        for number, place in trial.publisher.places.items()
        if number >= trial.publisher.since and place.offset in skipped[place.partition]
    }
    trial.publisher.resume()
    trial.crew.start()
    await trial.judged("offsets reset forward")


@pytest.mark.parametrize("running", [False, True], ids=["workers stopped", "workers running"])
async def test_a_topic_that_is_created_again_is_read_from_its_start(
    trials: Trials, dice: random.Random, running: bool
) -> None:
    trial = await trials(dice, environment=ATTENTIVE)
    await trial.flowed()
    await trial.at_rest()
    if not running:
        await trial.crew.stop()
    await Operator(trial).create_again()
    await trial.publisher.reconnect()
    trial.publisher.resume()
    if not running:
        trial.crew.start()
    await trial.judged(f"topic created again, workers {'running' if running else 'stopped'}")


async def test_partitions_that_are_added_are_read_from_their_start(
    trials: Trials, dice: random.Random
) -> None:
    trial = await trials(dice, environment=ATTENTIVE)
    await trial.flowed()
    await trial.at_rest()  # a key may move to another partition: its order is kept within one
    await Operator(trial).add_partitions()
    await trial.publisher.reconnect()
    trial.publisher.resume()
    await trial.judged("partitions added")
