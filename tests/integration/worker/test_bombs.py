"""A packed batch that passes the broker's limit and unpacks to a gigabyte, between good records."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from tests.support.hostile.bombs import MIB, bomb, send_batch
from tests.support.services.installation import Installation
from tests.support.services.operator import Operator
from tests.support.stream import expected_counts, numbers, resolved, stream
from worker.domain.errors import FatalError
from worker.kafka.bounded_reader import topic_reader

pytestmark = pytest.mark.services

GOOD = 30
MANY = 12
# What Python, the libraries and the index take.
IDLE = 150 * MIB
MODULE = "tests.support.services.measured_worker"


@dataclass
class Endings:
    """Of each worker: its exit code, what was fatal, and the most memory it held."""

    codes: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    def add(self, installation: Installation, number: int, code: int) -> None:
        lines = installation.log_of(number)
        self.codes.append(code)
        self.errors += [line["error"] for line in lines if line["event"] == "fatal"]
        self.memory += [line["bytes"] for line in lines if line["event"] == "most_memory"]


@dataclass
class Seen:
    """What came of a bomb at ``offset``; ``committed`` and ``resolved_before`` it was skipped."""

    offset: int
    endings: Endings
    told_by_a_command: str
    committed: int
    resolved_before: list[int]
    resolved: list[int]
    counts: Counter[tuple[str, str]]


async def send_bomb(installation: Installation, size: int) -> int:
    topic = installation.settings.topics.observations["sportybet"]
    producer = AIOKafkaProducer(bootstrap_servers=installation.settings.kafka_bootstrap_servers)
    async with producer:
        return await send_batch(producer, topic, await asyncio.to_thread(bomb, size))


async def read_by_a_command(installation: Installation) -> None:
    topic = installation.settings.topics.observations["sportybet"]
    async with topic_reader(installation.settings, topic) as reading:
        async for _ in reading.batches():
            pass


async def told_by_a_command(installation: Installation) -> str:
    """What reads topics for the commands."""
    with pytest.raises(FatalError) as raised:
        await read_by_a_command(installation)
    return str(raised.value)


async def scenario(installation: Installation) -> Seen:
    endings = Endings()
    await installation.publish(stream(GOOD))
    offset = await send_bomb(installation, 1024 * MIB)
    await installation.publish(stream(GOOD, GOOD))
    told = await told_by_a_command(installation)
    for number in range(2):
        installation.start_worker(MODULE)
        endings.add(installation, number, await installation.ended(number))
    committed = (await installation.backlog()).done
    resolved_before = numbers(await resolved(installation))
    await Operator(installation).reset_offset(offset + 1)
    installation.workers.clear()  # these were to end
    installation.start_worker(MODULE)
    await installation.caught_up()
    endings.add(installation, 0, await installation.stop_worker())
    resolved_after = numbers(await resolved(installation))
    counts = await installation.counts()
    return Seen(offset, endings, told, committed, resolved_before, resolved_after, counts)


@pytest.fixture(scope="module")
def seen(in_installation: Any) -> Seen:
    outcome: Seen = in_installation(scenario, partitions=1)
    return outcome


def test_the_worker_ends_and_names_topic_partition_and_offset_each_time(seen: Seen) -> None:
    assert seen.endings.codes[:2] == [1, 1]
    assert len(seen.endings.errors) == 2
    for error in seen.endings.errors:
        assert f".observations.sportybet/0 from offset {seen.offset} on" in error
        assert (
            f"offsets {seen.offset} to {seen.offset} unpacks to more than {128 * MIB} bytes"
            in error
        )


def test_memory_stays_within_what_the_setting_allows(seen: Seen) -> None:
    # What was unpacked, and the window of zstd, which is as large at most.
    assert max(seen.endings.memory) < IDLE + 2 * 128 * MIB


def test_all_records_before_it_are_published_and_committed_first(seen: Seen) -> None:
    assert seen.committed == seen.offset == GOOD
    assert sorted(seen.resolved_before) == [*range(GOOD)]


def test_when_its_offset_is_skipped_nothing_else_is_lost_or_counted_twice(seen: Seen) -> None:
    assert seen.endings.codes[2:] == [0]
    assert sorted(seen.resolved) == [*range(2 * GOOD)]
    assert seen.counts == expected_counts(2 * GOOD)


def test_what_reads_for_the_commands_names_it_as_well(seen: Seen) -> None:
    assert f"offsets {seen.offset} to {seen.offset} unpacks to more than" in seen.told_by_a_command


async def many_within(installation: Installation) -> Endings:
    """Batches of one record that unpack to just what they may."""
    batch = await asyncio.to_thread(bomb, installation.settings.max_unpacked_bytes - 1024)
    endings = Endings()
    async with AIOKafkaProducer(
        bootstrap_servers=installation.settings.kafka_bootstrap_servers
    ) as producer:
        for topic in installation.settings.topics.observations.values():
            for _ in range(MANY):
                await send_batch(producer, topic, batch)
    installation.start_worker(MODULE)
    await installation.caught_up()
    endings.add(installation, 0, await installation.stop_worker())
    return endings


def test_of_many_that_are_just_within_the_setting_only_a_few_are_held_at_once(
    in_installation: Any,
) -> None:
    bound = 48 * MIB
    endings = in_installation(
        many_within, max_unpacked_bytes=bound, partitions=1, brake_consecutive=0, brake_ratio=0
    )
    assert endings.codes == [0]
    topics = 3
    assert max(endings.memory) < IDLE + 5 * bound < topics * MANY * bound
