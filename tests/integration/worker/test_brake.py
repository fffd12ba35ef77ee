"""The brake on a real worker: one partition full of what nobody can read."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.support.services.installation import PATIENCE_S, Installation
from tests.support.stream import expected_counts, numbers, resolved, stream

pytestmark = pytest.mark.services

BOUND, UNREADABLE, GOOD = 20, 90, 60


async def ended(installation: Installation, number: int) -> int:
    return await asyncio.to_thread(installation.workers[number].wait, PATIENCE_S)


async def letters(installation: Installation) -> int:
    return len(await installation.consume("observations.dead"))


async def test_it_stops_the_worker_and_raised_by_the_operator_lets_it_go_on(
    installation: Installation,
) -> None:
    topic = "observations.sportybet"
    await installation.publish(
        [(topic, b"one key", b"no json %d" % n, []) for n in range(UNREADABLE)]
    )
    await installation.publish(stream(GOOD))
    bound = {"MARKETMAP_BRAKE_CONSECUTIVE": str(BOUND), "MARKETMAP_BATCH_MAX_RECORDS": "7"}

    installation.start_worker(**bound)
    assert await ended(installation, 0) == 1
    assert await letters(installation) < BOUND
    (fatal,) = [line for line in installation.log_of(0) if line["event"] == "fatal"]
    assert fatal["kind"] == "BrakeError"
    (tripped,) = [line for line in installation.log_of(0) if line["event"] == "brake_tripped"]
    assert (tripped["limit"], list(tripped["reasons"])) == ("consecutive", ["INVALID_JSON"])
    for told in (
        f"{installation.settings.topic_prefix}{topic}/",
        "INVALID_JSON",
        "BRAKE_CONSECUTIVE",
    ):
        assert told in fatal["error"]

    installation.start_worker(**bound)
    assert await ended(installation, 1) == 1
    assert await letters(installation) <= 2 * (BOUND - 1), "more than the bound leaked in a restart"

    installation.workers.clear()  # these two were to end
    installation.start_worker(**(bound | {"MARKETMAP_BRAKE_CONSECUTIVE": "0"}))
    await installation.caught_up()
    assert await installation.stop_worker() == 0
    values = Counter(letter.value for letter in await installation.consume("observations.dead"))
    assert values == Counter(b"no json %d" % n for n in range(UNREADABLE))
    assert sorted(set(numbers(await resolved(installation)))) == list(range(GOOD))
    assert await installation.counts() == expected_counts(GOOD)


async def test_a_share_of_dead_letters_stops_it_too(in_installation: Any) -> None:
    async def half_bad(installation: Installation) -> tuple[int, str, int]:
        topic = "observations.sportybet"
        mixed = [
            (topic, b"one key", value, headers)
            for _, _, good, headers in stream(40)
            for value in (good, b"no json")
        ]
        await installation.publish(mixed)
        installation.start_worker(MARKETMAP_BRAKE_WINDOW="20", MARKETMAP_BATCH_MAX_RECORDS="4")
        code = await ended(installation, 0)
        fatal = next(line for line in installation.log_of(0) if line["event"] == "fatal")
        return code, fatal["error"], await letters(installation)

    code, error, made = await asyncio.to_thread(in_installation, half_bad)
    assert code == 1
    assert "BRAKE_RATIO" in error
    assert made < 10
