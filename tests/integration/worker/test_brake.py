"""The brake on a real worker: one partition full of what nobody can read, and others that go on."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.support.people.commands import command_in_process
from tests.support.services.installation import Installation, Published, until
from tests.support.stream import expected_counts, numbers, resolved, stream

pytestmark = pytest.mark.services

BOUND, UNREADABLE, GOOD = 20, 90, 60


OTHER_TOPIC = "observations.betpawa"


def elsewhere(records: int) -> list[Published]:
    """The stream, on the topic of another bookmaker."""
    return [(OTHER_TOPIC, key, value, headers) for _, key, value, headers in stream(records)]


async def letters(installation: Installation) -> int:
    return len(await installation.consume("observations.dead"))


async def stopped(installation: Installation, number: int) -> str:
    """Wait until a worker has stopped a partition and committed all of the other topic; what it says."""
    place_of = installation.settings.topics.observations
    found: list[str] = []

    async def is_stopped() -> bool:
        installation.check_alive()
        found[:] = [
            reason for reason in await installation.reasons(number) if "is stopped" in reason
        ]
        others = await installation.admin.backlog(
            installation.settings.group_id, [place_of["betpawa"]]
        )
        return bool(found) and others.done == others.total

    await until(is_stopped)
    return found[0]


async def test_it_stops_the_partition_alone_and_raised_by_the_operator_lets_it_go_on(
    installation: Installation,
) -> None:
    topic = "observations.sportybet"
    await installation.publish(
        [(topic, b"one key", b"no json %d" % n, []) for n in range(UNREADABLE)]
    )
    await installation.publish(elsewhere(GOOD))
    bound = {
        "MARKETMAP_BRAKE_CONSECUTIVE": str(BOUND),
        "MARKETMAP_BATCH_MAX_RECORDS": "7",
        "MARKETMAP_COUNT_INTERVAL_S": "0",
    }

    installation.start_worker(**bound)
    sentence = await stopped(installation, 0)
    made = await letters(installation)
    assert made < BOUND
    (tripped,) = [line for line in installation.log_of(0) if line["event"] == "brake_tripped"]
    assert (tripped["limit"], list(tripped["reasons"])) == ("consecutive", ["INVALID_JSON"])
    for part in (
        f"{installation.settings.topic_prefix}{topic}/",
        "INVALID_JSON",
        "BRAKE_CONSECUTIVE",
    ):
        assert part in sentence
    assert sorted(numbers(await resolved(installation))) == list(range(GOOD))
    assert await installation.counts() == expected_counts(GOOD)
    assert await installation.stop_worker(0) == 0
    assert await signs(installation) == {"BRAKE"}

    # Another process, and then one that takes over while the first one runs.
    for number in (1, 2):
        installation.start_worker(**bound)
        await stopped_anywhere(installation, number)
    for number in (1, 2):
        assert await installation.stop_worker(number) == 0
    assert await letters(installation) < BOUND, "a restart went beyond the bound"
    assert await installation.counts() == expected_counts(GOOD)

    installation.start_worker(**(bound | {"MARKETMAP_BRAKE_CONSECUTIVE": "0"}))
    await installation.caught_up()
    assert await installation.stop_worker(3) == 0
    values = Counter(letter.value for letter in await installation.consume("observations.dead"))
    assert values == Counter(b"no json %d" % n for n in range(UNREADABLE))
    assert sorted(numbers(await resolved(installation))) == list(range(GOOD))
    assert await installation.counts() == expected_counts(GOOD)


async def signs(installation: Installation) -> set[str]:
    """The signs of `marketmap lag`, of all partitions."""
    report = (await command_in_process(installation, "lag", "--json")).json
    return {sign["code"] for each in report["partitions"] for sign in each["signs"]}


async def stopped_anywhere(installation: Installation, newest: int) -> None:
    """Wait until one of the workers that run says that the partition is stopped, and all are settled."""

    async def is_stopped() -> bool:
        installation.check_alive()
        reasons = [await installation.reasons(number) for number in range(1, newest + 1)]
        says = [reason for each in reasons for reason in each]
        return len(says) == 1 and "is stopped by the brake" in says[0]

    await until(is_stopped)


async def test_a_share_of_dead_letters_stops_it_too(in_installation: Any) -> None:
    async def half_bad(installation: Installation) -> tuple[str, int]:
        topic = "observations.sportybet"
        mixed = [
            (topic, b"one key", value, headers)
            for _, _, good, headers in stream(40)
            for value in (good, b"no json")
        ]
        await installation.publish([*mixed, *elsewhere(1)])
        installation.start_worker(MARKETMAP_BRAKE_WINDOW="20", MARKETMAP_BATCH_MAX_RECORDS="4")
        sentence = await stopped(installation, 0)
        return sentence, await letters(installation)

    sentence, made = await asyncio.to_thread(in_installation, half_bad)
    assert "BRAKE_RATIO" in sentence
    assert made < 10
