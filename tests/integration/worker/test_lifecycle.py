"""Starting, stopping, and starting again after what can happen in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from tests.support.installation import Installation, fill, installed, temporary_database, until
from tests.support.stream import expected_counts, ids, numbers, resolved, stream
from worker.app.topic_reader import AnyRecord

if TYPE_CHECKING:
    from tests.conftest import Services
    from worker.local.services import LocalServices

pytestmark = pytest.mark.services

NOBODY = "postgresql://nobody:nothing@127.0.0.1:1/nowhere"


async def test_a_worker_that_is_told_to_stop_while_busy_loses_nothing_and_repeats_nothing(
    installation: Installation,
) -> None:
    total = 600
    await installation.publish(stream(total))
    installation.start_worker(MARKETMAP_BATCH_MAX_RECORDS="5")
    await installation.progressed(50)
    assert await installation.stop_worker() == 0
    done = (await installation.backlog()).done
    assert done < total, "the worker was done before it could be stopped"
    assert len(await resolved(installation)) == done, "something was published that was not committed"

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

    outputs: tuple[list[AnyRecord], list[AnyRecord], list[AnyRecord]]
    counts: tuple[Any, Any, Any]
    cases: tuple[set[str], set[str], set[str]]
    committed: set[str]


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
        topic = settings.observation_topics["sportybet"]
        places = [TopicPartition(topic, number) for number in range(settings.partitions)]
        consumer.assign(places)
        await consumer.commit({place: OffsetAndMetadata(0, metadata) for place in places})
    finally:
        await consumer.stop()


async def run_until(installation: Installation, outputs: int) -> tuple[list[AnyRecord], Any, set[str]]:
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
    await rewind(installation, "mmw1")
    # One more in each partition: without it nothing would be read and nothing committed.
    await installation.publish(stream(12, TOTAL))
    second = await run_until(installation, TOTAL + 12)
    await rewind(installation, "")
    third = await run_until(installation, 2 * (TOTAL + 12))
    places = [
        TopicPartition(installation.settings.observation_topics["sportybet"], number) for number in range(3)
    ]
    committed = await installation.admin.committed(installation.settings.group_id, places)
    outputs, counts, cases = zip(first, second, third, strict=True)
    return Rewound(outputs, counts, cases, {commit.metadata for commit in committed.values()})


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
    assert rewound.committed == {"mmw1"}


@pytest.fixture
async def breakable(breakable_services: LocalServices, tmp_path: Path) -> AsyncIterator[Installation]:
    async with temporary_database(breakable_services.postgres) as url:
        await fill(url)
        async with installed(breakable_services.kafka, url, tmp_path) as installation:
            yield installation


async def test_a_batch_is_held_while_postgres_is_away_and_counted_once_when_it_is_back(
    breakable: Installation, breakable_services: LocalServices
) -> None:
    total = 300
    worker = breakable.start_worker(MARKETMAP_BATCH_MAX_RECORDS="5")
    await breakable.ready()
    await breakable.publish(stream(total // 2))
    await breakable.progressed(20)
    breakable_services.postgres_service.kill()
    await breakable.publish(stream(total - total // 2, total // 2))
    await breakable.logged("counting_waits")
    (reason,) = await breakable.reasons()
    assert "the database does not answer" in reason
    assert (await breakable.backlog()).done < total
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
    assert "shutdown_timed_out" not in events
    assert exit_code == 0
    assert (await breakable.backlog()).done == 0, "a batch was committed that was never counted"
