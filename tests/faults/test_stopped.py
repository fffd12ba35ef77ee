"""kill -9 while partitions are stopped: one by the brake, one by a batch that cannot be read.

Whoever takes over stops at the same places, and what is good elsewhere goes on. Once the operator has raised
the brake and skipped the batch, nothing is lost and nothing is counted twice.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from tests.faults.stage.pair import Pair
from tests.support.hostile.bombs import MIB, bomb, send_batch
from tests.support.services.installation import (
    Installation,
    Published,
    installed,
    temporary_database,
    until,
)
from tests.support.services.operator import Operator
from tests.support.stream import expected_counts, numbers, resolved, stream

pytestmark = [pytest.mark.services, pytest.mark.faults]

BOUND, UNREADABLE = 20, 90
GOOD, OTHERS = 30, 14
KILLS = 2
BOMB = 2 * 128 * MIB
# A static member, so that the next worker need not wait for the session of the one that was killed.
ENVIRONMENT = {
    "MARKETMAP_BRAKE_CONSECUTIVE": str(BOUND),
    "MARKETMAP_BATCH_MAX_RECORDS": "7",
    "MARKETMAP_MEMBER_NAME": "the one",
}


def others(first: int) -> list[Published]:
    """Good records on the topic whose partition is never stopped."""
    return [
        ("observations.betpawa", key, value, headers)
        for _, key, value, headers in stream(OTHERS, first)
    ]


def after_the_stop() -> Counter[tuple[str, str]]:
    """What the records behind the batch that cannot be read miss."""
    return expected_counts(2 * GOOD) - expected_counts(GOOD)


async def letters(installation: Installation) -> set[bytes | None]:
    """The bytes of every dead letter; they differ from record to record."""
    return {letter.value for letter in await installation.consume("observations.dead")}


async def both_are_stopped(installation: Installation, number: int, numbered: range) -> None:
    """Wait until a worker says of two partitions that they are stopped, and has resolved the others."""

    async def are_stopped() -> bool:
        installation.check_alive()
        stops = [one for one in await installation.reasons(number) if "is stopped" in one]
        done = set(numbers(await resolved(installation)))
        return len(stops) == 2 and set(numbered) <= done  # one of each cause

    await until(are_stopped)


async def killed_while_stopped(installation: Installation) -> int:
    """Kill each worker once its partitions are stopped; return the offset that cannot be read."""
    topic = installation.settings.topics.observations["sportybet"]
    await installation.publish(stream(GOOD))
    producer = AIOKafkaProducer(bootstrap_servers=installation.settings.kafka_bootstrap_servers)
    async with producer:
        offset = await send_batch(producer, topic, await asyncio.to_thread(bomb, BOMB))
    await installation.publish(stream(GOOD, GOOD))
    await installation.publish(
        [("observations.bet9ja", b"one key", b"no json %d" % n, []) for n in range(UNREADABLE)]
    )
    for number in range(KILLS + 1):
        first = 2 * GOOD + number * OTHERS
        await installation.publish(others(first))
        worker = installation.start_worker(**ENVIRONMENT)
        await both_are_stopped(installation, number, range(first, first + OTHERS))
        assert len(await letters(installation)) < BOUND, "a restart went beyond the bound"
        if number < KILLS:
            worker.kill()
            assert await installation.ended(number) == -signal.SIGKILL
    return offset


async def test_a_worker_killed_while_partitions_are_stopped_loses_nothing_and_counts_nothing_twice(
    pair: Pair, fault_template: str, tmp_path: Path
) -> None:
    total = 2 * GOOD + (KILLS + 1) * OTHERS
    async with (
        temporary_database(pair.postgres, fault_template) as url,
        installed(pair.kafka, url, tmp_path, partitions=1) as installation,
    ):
        offset = await killed_while_stopped(installation)
        before = set(numbers(await resolved(installation)))
        assert before.isdisjoint(range(GOOD, 2 * GOOD)), "the partition was read beyond its stop"
        assert await installation.counts() == expected_counts(total) - after_the_stop()
        assert await installation.stop_worker(KILLS) == 0

        await Operator(installation).reset_offset(offset + 1)
        installation.start_worker(**ENVIRONMENT | {"MARKETMAP_BRAKE_CONSECUTIVE": "0"})
        await installation.caught_up()
        assert await installation.stop_worker(KILLS + 1) == 0
        assert await letters(installation) == {b"no json %d" % n for n in range(UNREADABLE)}
        assert set(numbers(await resolved(installation))) == set(range(total))
        assert await installation.counts() == expected_counts(total)
