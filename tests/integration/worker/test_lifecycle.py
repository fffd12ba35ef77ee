"""Starting, stopping, and starting again after what can happen in between."""

from __future__ import annotations

import re
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from tests.support.services.installation import (
    Installation,
    fill,
    installed,
    temporary_database,
    until,
)
from tests.support.stream import expected_counts, ids, numbers, resolved, stream
from worker.ingest.partitions.marks import mark
from worker.kafka.record import RawRecord

if TYPE_CHECKING:
    from tests.conftest import Services
    from worker.local.services import LocalServices

pytestmark = pytest.mark.services

# The deadman's words: the process was ended from outside, since its own shutdown did not come to its end.
DEADMAN = "Timeout ("
SHORT = {"MARKETMAP_DRAIN_TIMEOUT_S": "2", "MARKETMAP_SHUTDOWN_TIMEOUT_S": "8"}
IMPATIENT = SHORT | {
    "MARKETMAP_STALL_TIMEOUT_S": "20",
    "MARKETMAP_REBALANCE_TIMEOUT_S": "10",
    "MARKETMAP_WATCHDOG_INTERVAL_S": "0.5",
    "MARKETMAP_ADMIN_TIMEOUT_S": "3",
}
NOBODY = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"


async def test_a_worker_that_is_told_to_stop_while_busy_loses_nothing_and_repeats_nothing(
    installation: Installation,
) -> None:
    total = 2000
    await installation.publish(stream(total))
    installation.start_worker(MARKETMAP_BATCH_MAX_RECORDS="5", MARKETMAP_COUNT_INTERVAL_S="0")
    await installation.progressed(50)
    assert await installation.stop_worker() == 0
    done = (await installation.backlog()).done
    assert done < total, "the worker was done before it could be stopped"
    assert len(await resolved(installation)) == done, (
        "something was published that was not committed"
    )

    installation.start_worker()
    await installation.caught_up()
    assert await installation.stop_worker(1) == 0
    assert sorted(numbers(await resolved(installation))) == list(range(total))
    assert await installation.counts() == expected_counts(total)


async def test_a_worker_without_a_database_is_not_ready_and_stops_when_it_is_told_to(
    installation: Installation,
) -> None:
    installation.start_worker(MARKETMAP_DATABASE_URL=NOBODY)
    await installation.logged("index_not_loaded")
    assert "the mapping index is not loaded" in await installation.reasons()
    assert await installation.stop_worker() == 0


async def test_a_worker_on_a_database_without_tables_ends_with_an_error(
    services: Services, database: str, tmp_path: Path
) -> None:
    async with installed(services.kafka, database, tmp_path, topics=False) as installation:
        process = installation.start_worker()

        async def has_ended() -> bool:
            return process.poll() is not None

        await until(has_ended)
        (fatal,) = [line for line in installation.log_of(0) if line["event"] == "fatal"]
        assert (process.returncode, fatal["kind"]) == (1, "StorageFatal")


@dataclass
class Rewound:
    """Outputs and counts after the first run, after a rewind with our mark, and after an operator's reset."""

    outputs: tuple[list[RawRecord], list[RawRecord], list[RawRecord]]
    counts: tuple[Any, Any, Any]
    cases: tuple[set[str], set[str], set[str]]
    committed: set[str]
    mark: str


TOTAL = 40


async def rewind(installation: Installation, metadata: str) -> None:
    """Commit offset 0 of every partition that has records, as a member of the group that nobody is in."""
    settings = installation.settings
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.group_id,
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        topic = settings.topics.observations["sportybet"]
        places = [TopicPartition(topic, number) for number in range(settings.partitions)]
        consumer.assign(places)
        await consumer.commit({place: OffsetAndMetadata(0, metadata) for place in places})
    finally:
        await consumer.stop()


async def our_mark(installation: Installation) -> str:
    topic = installation.settings.topics.observations["sportybet"]
    return mark((await installation.admin.topics.ids([topic]))[topic], 0)


async def run_until(
    installation: Installation, outputs: int
) -> tuple[list[RawRecord], Any, set[str]]:
    number = len(installation.workers)
    installation.start_worker()
    await installation.resolved_from(outputs)
    await installation.caught_up()
    assert await installation.stop_worker(number) == 0
    opened = [line for line in installation.log_of(number) if line["event"] == "partition_opened"]
    cases = {line["case"] for line in opened if line["topic"].endswith("sportybet")}
    return await resolved(installation), await installation.counts(), cases


async def rewinding(installation: Installation) -> Rewound:
    await installation.publish(stream(TOTAL))
    first = await run_until(installation, TOTAL)
    await rewind(installation, await our_mark(installation))
    # One more in each partition: without it nothing would be read and nothing committed.
    await installation.publish(stream(12, TOTAL))
    second = await run_until(installation, TOTAL + 12)
    await rewind(installation, "")
    third = await run_until(installation, 2 * (TOTAL + 12))
    places = [
        TopicPartition(installation.settings.topics.observations["sportybet"], number)
        for number in range(3)
    ]
    committed = await installation.admin.groups.committed(installation.settings.group_id, places)
    outputs, counts, cases = zip(first, second, third, strict=True)
    marks = {commit.metadata for commit in committed.values()}
    return Rewound(outputs, counts, cases, marks, await our_mark(installation))


@pytest.fixture(scope="module")
def rewound(in_installation: Any) -> Rewound:
    outcome: Rewound = in_installation(rewinding)
    return outcome


def test_a_commit_that_a_crash_kept_back_repeats_nothing(rewound: Rewound) -> None:
    assert rewound.cases[1] == {"AFTER_CRASH"}
    assert sorted(numbers(rewound.outputs[1])) == list(range(TOTAL + 12))


def test_a_commit_that_a_crash_kept_back_counts_nothing_again(rewound: Rewound) -> None:
    assert rewound.counts[1] == expected_counts(TOTAL + 12)


def test_an_operators_reset_publishes_again_under_the_same_ids(rewound: Rewound) -> None:
    assert rewound.cases[2] == {"RESET_BACK"}
    published = ids(rewound.outputs[2])
    assert len(published) == 2 * (TOTAL + 12)
    assert set(published) == set(ids(rewound.outputs[1]))


def test_an_operators_reset_counts_nothing_again(rewound: Rewound) -> None:
    assert rewound.counts[2] == expected_counts(TOTAL + 12)


def test_after_a_replay_the_commits_carry_the_ordinary_mark(rewound: Rewound) -> None:
    assert rewound.committed == {rewound.mark}


@pytest.fixture
async def breakable(
    breakable_services: LocalServices, tmp_path: Path
) -> AsyncIterator[Installation]:
    async with temporary_database(breakable_services.postgres) as url:
        await fill(url)
        async with installed(breakable_services.kafka, url, tmp_path) as installation:
            yield installation


async def test_a_batch_is_held_while_postgres_is_away_and_counted_once_when_it_is_back(
    breakable: Installation, breakable_services: LocalServices
) -> None:
    total = 300
    worker = breakable.start_worker(
        MARKETMAP_BATCH_MAX_RECORDS="5", MARKETMAP_COUNT_INTERVAL_S="0", **IMPATIENT
    )
    await breakable.ready()
    await breakable.publish(stream(total // 2))
    await breakable.progressed(20)
    breakable_services.postgres_service.kill()
    await breakable.publish(stream(total - total // 2, total // 2))
    await breakable.logged("counting_waits")
    (reason,) = await breakable.reasons()
    assert "the database does not answer" in reason
    assert (await breakable.backlog()).done < total

    async def was_away_for_longer_than_a_stall_may_last() -> bool:
        breakable.check_alive()
        _, text = await breakable.ask("/metrics")
        blocked = re.search(
            r'^marketmap_blocked_seconds_total{cause="database"} (.*)$', text, re.MULTILINE
        )
        return blocked is not None and float(blocked[1]) > float(
            IMPATIENT["MARKETMAP_STALL_TIMEOUT_S"]
        )

    await until(was_away_for_longer_than_a_stall_may_last)
    assert (await breakable.ask("/livez"))[0] == 200, "it waits, and is not stuck"
    assert (await breakable.ask("/startupz"))[0] == 200
    breakable_services.postgres_service.start()
    await breakable.ready()
    await breakable.caught_up()
    assert await breakable.stop_worker() == 0
    assert len(breakable.workers) == 1, "the worker was to hold out, not to start again"
    assert worker.returncode == 0
    await breakable.engine.dispose()  # its connections went with the server
    assert await breakable.counts() == expected_counts(total)
    assert sorted(numbers(await resolved(breakable))) == list(range(total))


async def test_a_worker_stops_within_its_bound_though_it_holds_a_batch(
    breakable: Installation, breakable_services: LocalServices
) -> None:
    breakable.start_worker(MARKETMAP_DRAIN_TIMEOUT_S="1", MARKETMAP_SHUTDOWN_TIMEOUT_S="10")
    await breakable.ready()
    breakable_services.postgres_service.kill()
    await breakable.publish(stream(10))
    await breakable.logged("counting_waits")
    exit_code = await breakable.stop_worker()
    breakable_services.postgres_service.start()
    events = [line["event"] for line in breakable.log_of(0)]
    assert "drain_timed_out" in events
    assert events[-1] == "worker_stopped"
    assert exit_code == 1, "the batch was given up unfinished"
    assert (await breakable.backlog()).done == 0, "a batch was committed that was never counted"


def text_of(installation: Installation, number: int) -> str:
    return (installation.folder / f"worker-{number}.log").read_text()


async def test_without_kafka_workers_stop_when_they_are_told_to_and_end_with_an_error_when_they_are_not(
    breakable: Installation, breakable_services: LocalServices
) -> None:
    breakable.start_worker(**SHORT)
    breakable.start_worker(**IMPATIENT)
    await breakable.ready(0)
    await breakable.ready(1)
    breakable.check_alive = lambda: None  # type: ignore[method-assign]  # ending is what they are to do
    breakable_services.kafka_service.kill()
    breakable.start_worker(**IMPATIENT)
    exit_code = await breakable.stop_worker(0)
    ends = [await breakable.ended(number) for number in (1, 2)]
    breakable_services.kafka_service.start()
    assert exit_code == 0, "nothing was in hand"
    assert DEADMAN not in text_of(breakable, 0)
    assert breakable.log_of(0)[-1]["event"] == "worker_stopped"
    assert ends == [1, 1]
    for number in (1, 2):
        (fatal,) = [line["error"] for line in breakable.log_of(number) if line["event"] == "fatal"]
        assert fatal.startswith("nothing moves: ")
        assert "Kafka does not answer" in fatal


async def test_without_kafka_and_postgres_a_worker_with_a_batch_in_progress_stops_within_its_bound(
    breakable: Installation, breakable_services: LocalServices
) -> None:
    breakable.start_worker(**SHORT)
    await breakable.ready()
    breakable_services.postgres_service.kill()
    await breakable.publish(stream(10))
    await breakable.logged("counting_waits")
    breakable_services.kafka_service.kill()
    exit_code = await breakable.stop_worker()
    breakable_services.kafka_service.start()
    breakable_services.postgres_service.start()
    assert exit_code == 1, "the batch was given up unfinished"
    assert DEADMAN not in text_of(breakable, 0)
    last = breakable.log_of(0)[-1]
    assert (last["event"], last["batch_abandoned"]) == ("worker_stopped", True)

    breakable.start_worker()
    breakable.check_alive = lambda: None  # type: ignore[method-assign]  # the first has ended with an error
    await breakable.caught_up()
    assert await breakable.stop_worker(1) == 0
    await breakable.engine.dispose()  # its connections went with the server
    assert await breakable.counts() == expected_counts(10)
    assert set(numbers(await resolved(breakable))) == set(range(10))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_second_signal_ends_a_worker_at_once(
    breakable: Installation, breakable_services: LocalServices, number: signal.Signals
) -> None:
    worker = breakable.start_worker(
        MARKETMAP_DRAIN_TIMEOUT_S="50", MARKETMAP_SHUTDOWN_TIMEOUT_S="3000"
    )
    await breakable.ready()
    breakable_services.postgres_service.kill()
    await breakable.publish(stream(10))
    await breakable.logged("counting_waits")
    worker.send_signal(number)
    await breakable.logged("stopping")
    worker.send_signal(number)
    exit_code = await breakable.ended()
    breakable_services.postgres_service.start()
    assert exit_code == 128 + number
    assert breakable.log_of(0)[-1]["event"] == "ended_at_once"
