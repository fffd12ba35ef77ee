"""What large messages cost: memory that does not grow with their number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import psutil
import pytest

from tests.support.services.installation import Installation, Published
from worker.kafka.topic_specs import largest_output
from worker.lab.synthetic.scrape import generate_scrape

pytestmark = pytest.mark.services

MIB = 1024 * 1024
LARGE = 1_400_000
MESSAGES = 15
ROUNDS = 8
# What Python, the libraries and the index take before the first message.
IDLE_MIB = 150
# A parsed document takes about this many times the bytes it was parsed from.
PARSED = 8


@dataclass
class Seen:
    """Memory of the worker in bytes: idle, and its peak after each round of messages."""

    idle: int
    peaks: list[int]
    bound: int


def large_message() -> bytes:
    """A real one as large as they come: the largest of a scrape, its markets repeated up to the size."""
    scrape = generate_scrape(seed=3, events=3, started_at=datetime(2026, 11, 22, 12, tzinfo=UTC))
    largest = max((seen.observation for seen in scrape), key=lambda seen: len(orjson.dumps(seen)))
    markets, size = list(largest["markets"]), len(orjson.dumps(largest))
    average = size / len(markets)
    while size < LARGE:
        number = len(markets)
        markets.append({**markets[number % 100], "id": f"9{number}"})
        size += int(average)
    return orjson.dumps({**largest, "markets": markets})


def peak_memory(pid: int) -> int:
    """The most physical memory that a process has held so far, in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as status:  # noqa: PTH123  # a file of the kernel
        (line,) = [line for line in status if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


async def scenario(installation: Installation) -> Seen:
    settings = installation.settings
    value = large_message()
    messages: list[Published] = [
        ("observations.sportybet", b"%d" % number, value, []) for number in range(MESSAGES)
    ]
    worker = installation.start_worker()
    await installation.ready()
    idle = psutil.Process(worker.pid).memory_info().rss
    peaks = []
    for _ in range(ROUNDS):
        await installation.publish(messages)
        await installation.caught_up()
        peaks.append(peak_memory(worker.pid))
    assert await installation.stop_worker() == 0
    # Fetched and not yet taken, planned, one of them parsed, published and not yet counted, and what is being
    # published.
    fetched = 2 * settings.batch_max_bytes
    planned = settings.batch_max_bytes + PARSED * settings.max_message_bytes
    bound = IDLE_MIB * MIB + fetched + planned + settings.count_max_bytes
    return Seen(idle, peaks, bound + largest_output(settings))


@pytest.fixture(scope="module")
def seen(in_installation: Any) -> Seen:
    outcome: Seen = in_installation(scenario)
    return outcome


def test_memory_stays_under_a_bound_that_follows_from_the_settings(seen: Seen) -> None:
    assert seen.bound < 400 * MIB
    assert seen.idle < IDLE_MIB * MIB
    assert max(seen.peaks) < seen.bound


def test_memory_does_not_grow_with_the_number_of_messages(seen: Seen) -> None:
    # The first rounds fill pools; what grows with the messages would show as all of what they weigh.
    settled = ROUNDS // 2
    weight = (ROUNDS - settled) * MESSAGES * LARGE
    assert seen.peaks[-1] - seen.peaks[settled - 1] < weight / 2
