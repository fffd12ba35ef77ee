"""A packed batch that passes the broker's limit and unpacks to a gigabyte, between good records.

It stops its partition alone: records of another topic, sent after it, are read by the same worker.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from tests.support.hostile.bombs import MIB, bomb, send_batch, send_bomb
from tests.support.services.installation import Installation, Published, until
from tests.support.services.operator import Operator
from tests.support.stream import expected_counts, numbers, resolved, stream
from worker.domain.errors import FatalError
from worker.kafka.bounded_reader import topic_reader
from worker.settings.settings import Settings

pytestmark = pytest.mark.services

GOOD = 30
OTHERS = 14
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
    reasons: list[list[str]]
    stops: list[tuple[str, float]]
    committed: int
    resolved_before: list[int]
    resolved: list[int]
    counts: Counter[tuple[str, str]]


def elsewhere(records: int, first: int) -> list[Published]:
    """Records of the stream, on the topic of another bookmaker."""
    return [
        ("observations.betpawa", key, value, headers)
        for _, key, value, headers in stream(records, first)
    ]


async def stopped_and_going_on(
    installation: Installation, number: int, others: range
) -> tuple[list[str], tuple[str, float]]:
    """Why a worker is not ready, and its metric, once the records of the other topic are resolved."""

    async def is_so() -> bool:
        installation.check_alive()
        done = numbers(await resolved(installation))
        return set(others) <= set(done) and bool(await installation.reasons(number))

    await until(is_so)
    _, text = await installation.ask("/metrics", number)
    (line,) = re.findall(r"^marketmap_stopped_partition_info\{(.*)\} (.*)$", text, re.MULTILINE)
    return await installation.reasons(number), (line[0], float(line[1]))


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
    endings, reasons, stops = Endings(), [], []
    await installation.publish(stream(GOOD))
    offset = await send_bomb(installation, "observations.sportybet", 1024 * MIB)
    await installation.publish(stream(GOOD, GOOD))
    told = await told_by_a_command(installation)
    for number in range(2):
        first = 2 * GOOD + number * OTHERS
        await installation.publish(elsewhere(OTHERS, first))
        installation.start_worker(MODULE)
        reason, stop = await stopped_and_going_on(
            installation, number, range(first, first + OTHERS)
        )
        reasons.append(reason)
        stops.append(stop)
        endings.add(installation, number, await installation.stop_worker(number))
    topic = TopicPartition(installation.settings.topics.observations["sportybet"], 0)
    commits = await installation.admin.groups.committed(installation.settings.group_id, [topic])
    resolved_before = numbers(await resolved(installation))
    await Operator(installation).reset_offset(offset + 1)
    installation.start_worker(MODULE)
    await installation.caught_up()
    endings.add(installation, 2, await installation.stop_worker(2))
    resolved_after = numbers(await resolved(installation))
    counts = await installation.counts()
    return Seen(
        offset,
        endings,
        told,
        reasons,
        stops,
        commits[topic].offset,
        resolved_before,
        resolved_after,
        counts,
    )


@pytest.fixture(scope="module")
def seen(in_installation: Any) -> Seen:
    outcome: Seen = in_installation(scenario, partitions=1)
    return outcome


def test_only_its_partition_is_stopped_and_the_worker_says_which_and_why_after_each_start(
    seen: Seen,
) -> None:
    assert seen.endings.codes[:2] == [0, 0]
    assert seen.endings.errors == []
    for (reason,) in seen.reasons:
        assert f".observations.sportybet/0 from offset {seen.offset} on" in reason
        assert (
            f"offsets {seen.offset} to {seen.offset} unpacks to more than {128 * MIB} bytes"
            in reason
        )
    for labels, value in seen.stops:
        assert 'cause="UNREADABLE"' in labels
        assert 'observations.sportybet"' in labels
        assert value == 1


def test_memory_stays_within_what_the_setting_allows(seen: Seen) -> None:
    # What was unpacked, and the window of zstd, which is as large at most.
    assert max(seen.endings.memory) < IDLE + 2 * 128 * MIB


def test_all_records_before_it_are_published_and_committed_once(seen: Seen) -> None:
    assert seen.committed == seen.offset == GOOD
    others = range(2 * GOOD, 2 * GOOD + 2 * OTHERS)
    assert sorted(seen.resolved_before) == [*range(GOOD), *others]


def test_when_its_offset_is_skipped_nothing_else_is_lost_or_counted_twice(seen: Seen) -> None:
    assert seen.endings.codes[2:] == [0]
    assert sorted(seen.resolved) == [*range(2 * GOOD + 2 * OTHERS)]
    assert seen.counts == expected_counts(2 * GOOD + 2 * OTHERS)


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
    most = IDLE + 5 * bound + Settings().count_max_bytes  # what is published waits to be counted
    assert max(endings.memory) < most < topics * MANY * bound
