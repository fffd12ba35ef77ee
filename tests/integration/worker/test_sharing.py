"""Several workers on one group, one of them joining late and one dying in the middle of the stream."""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.services.installation import Installation
from tests.support.stream import (
    KEYS,
    expected_counts,
    first_occurrences_by_key,
    ids,
    numbers,
    resolved,
    stream,
)
from worker.kafka.record import RawRecord

pytestmark = pytest.mark.services

EARLY = 500
TOTAL = 2000
SLOWLY = {"MARKETMAP_BATCH_MAX_RECORDS": "4", "MARKETMAP_COUNT_INTERVAL_S": "0"}


@dataclass
class Seen:
    outputs: list[RawRecord]
    counts: Counter[tuple[str, str]]
    left_when_joined: int
    left_when_killed: int
    opened: dict[int, int]


async def scenario(installation: Installation) -> Seen:
    await installation.publish(stream(EARLY))
    for _ in range(2):
        installation.start_worker(**SLOWLY)
    await installation.progressed(50)
    installation.start_worker(**SLOWLY)
    left_when_joined = EARLY - (await installation.backlog()).done
    await installation.logged("partition_opened", 2)
    await installation.publish(stream(TOTAL - EARLY, EARLY))
    await installation.progressed(EARLY + 50)
    installation.workers[0].send_signal(signal.SIGKILL)
    installation.workers[0].wait()
    left_when_killed = TOTAL - (await installation.backlog()).done
    await installation.caught_up()
    opened = {
        number: [line["event"] for line in installation.log_of(number)].count("partition_opened")
        for number in range(3)
    }
    assert [await installation.stop_worker(number) for number in (1, 2)] == [0, 0]
    return Seen(
        await resolved(installation),
        await installation.counts(),
        left_when_joined,
        left_when_killed,
        opened,
    )


@pytest.fixture(scope="module")
def seen(in_installation: Any) -> Seen:
    outcome: Seen = in_installation(scenario, partitions=6)
    return outcome


def test_the_stream_was_still_running_when_one_joined_and_one_died(seen: Seen) -> None:
    assert min(seen.left_when_joined, seen.left_when_killed) > 0


def test_every_worker_had_a_share(seen: Seen) -> None:
    assert all(seen.opened.values())


def test_counts_are_exact(seen: Seen) -> None:
    assert seen.counts == expected_counts(TOTAL)


def test_nothing_is_lost(seen: Seen) -> None:
    assert set(numbers(seen.outputs)) == set(range(TOTAL))


def test_what_is_repeated_has_the_id_it_had_at_first(seen: Seen) -> None:
    assert len(set(zip(ids(seen.outputs), numbers(seen.outputs), strict=True))) == TOTAL
    assert len(set(ids(seen.outputs))) == TOTAL


def test_the_order_under_each_key_is_the_order_of_sending(seen: Seen) -> None:
    by_key = first_occurrences_by_key(seen.outputs)
    assert len(by_key) == KEYS
    for key, order in by_key.items():
        assert order == sorted(order), key
