"""Where a worker takes partitions up after what operators, retention and accidents do to logs and offsets."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from tests.support.services.installation import (
    PATIENCE_S,
    Installation,
    installed,
    temporary_database,
    until,
)
from tests.support.services.operator import Operator
from tests.support.services.stranger import read_as_another
from tests.support.stream import expected_counts, ids, numbers, resolved, stream
from worker.ingest.partitions.marks import read_mark

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services

SLOWLY = {"MARKETMAP_BATCH_MAX_RECORDS": "5", "MARKETMAP_COUNT_INTERVAL_S": "0"}
SOON = {"MARKETMAP_WATCHDOG_INTERVAL_S": "0.2"}


@pytest.fixture
async def single(services: Services, template: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation whose topics have one partition, so that a record's number is its offset."""
    async with (
        temporary_database(services.postgres, template) as url,
        installed(services.kafka, url, tmp_path, partitions=1) as installation,
    ):
        yield installation


async def counted(installation: Installation, records: int) -> None:
    """Start a worker on so many new records, and stop it when it is through."""
    await installation.publish(stream(records))
    installation.start_worker()
    await installation.caught_up()
    assert await installation.stop_worker() == 0


async def opened(installation: Installation, case: str, number: int) -> dict[str, Any]:
    """Wait until a worker has taken the partition up as ``case``; what it logged of that."""
    found: list[dict[str, Any]] = []

    async def is_opened() -> bool:
        assert installation.workers[number].poll() is None, "the worker has ended"
        found[:] = [line for line in installation.log_of(number) if line.get("case") == case]
        return bool(found)

    await until(is_opened)
    return found[0]


async def metric(installation: Installation, name: str, number: int, **labels: str) -> float | None:
    _, body = await installation.ask("/metrics", number)
    samples = [
        sample for family in text_string_to_metric_families(body) for sample in family.samples
    ]
    values = [
        sample.value
        for sample in samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return sum(values) if values else None


async def changes(installation: Installation) -> list[tuple[int, int, str]]:
    rows = await installation.query(
        "SELECT old_offset, new_offset, reason FROM watermark_change ORDER BY id"
    )
    return [tuple(row) for row in rows]


async def mark_of(installation: Installation) -> str:
    place = TopicPartition(installation.settings.topics.observations["sportybet"], 0)
    committed = await installation.admin.groups.committed(installation.settings.group_id, [place])
    return committed[place].metadata


def between(first: int, end: int) -> Counter[tuple[str, str]]:
    return expected_counts(end) - expected_counts(first)


async def test_an_operators_reset_survives_a_kill_in_the_middle_and_counts_nothing_again(
    single: Installation,
) -> None:
    total = 1500
    await counted(single, total)
    await Operator(single).reset_offset(0)
    replaying = single.start_worker(**SLOWLY)
    await opened(single, "RESET_BACK", 1)
    await single.progressed(50)
    replaying.send_signal(signal.SIGKILL)
    replaying.wait()
    killed_at = (await single.backlog()).done
    assert killed_at < total, "the replay was over before it could be killed"

    single.start_worker()
    line = await opened(single, "REPLAY_GOES_ON", 2)
    assert line["replay_to"] == total
    # A commit that was on its way when the worker was killed may have come since.
    assert killed_at <= line["position"] < total
    await single.publish(stream(10, total))
    await single.caught_up()
    copies = Counter(ids(await resolved(single)))
    assert len(copies) == total + 10
    assert sorted(copies.values())[:11] == [1] * 10 + [2]
    # One batch may have been published whose offsets were being committed, and the next one after it.
    again = sum(copies.values()) - (2 * total + 10)
    assert again <= 2 * int(SLOWLY["MARKETMAP_BATCH_MAX_RECORDS"])
    assert await single.counts() == expected_counts(total + 10)
    assert read_mark(await mark_of(single)) is not None
    assert "replay" not in await mark_of(single)


async def test_an_operators_skip_is_taken_at_its_word_and_recorded(single: Installation) -> None:
    await counted(single, 40)
    await single.publish(stream(60, 40))
    await Operator(single).reset_offset(70)
    single.start_worker()
    assert (await opened(single, "SKIP_FORWARD", 1))["lost"] == 30
    await single.caught_up()
    assert await single.counts() == between(0, 40) + between(70, 100)
    assert await changes(single) == [(40, 70, "SKIP_FORWARD: 30 offsets (operator)")]
    assert await metric(single, "marketmap_offset_gap_records_total", 1, cause="operator") == 30

    assert await single.stop_worker(1) == 0
    single.start_worker()
    await opened(single, "RESUME", 2)
    assert sorted(numbers(await resolved(single))) == [*range(40), *range(70, 100)]


async def test_another_consumer_that_commits_in_the_group_while_no_worker_runs_skips_nothing(
    single: Installation,
) -> None:
    await counted(single, 40)
    await single.publish(stream(50, 40))
    place = TopicPartition(single.settings.topics.observations["sportybet"], 0)
    servers, group = single.settings.kafka_bootstrap_servers, single.settings.group_id
    await read_as_another(servers, group, place.topic, 50)
    assert (await single.admin.groups.committed(group, [place]))[place].offset == 90

    single.start_worker()
    line = await opened(single, "FOREIGN_COMMIT", 1)
    assert (line["level"], line["position"], line["committed"]) == ("warning", 40, 90)

    async def is_counted() -> bool:
        return await single.counts() == expected_counts(90)

    await until(is_counted)
    await single.caught_up()
    assert sorted(numbers(await resolved(single))) == list(range(90))
    assert await changes(single) == []
    assert await metric(single, "marketmap_partitions_opened_total", 1, case="FOREIGN_COMMIT") == 1
    assert read_mark(await mark_of(single)) is not None


async def test_records_deleted_while_no_worker_ran_are_an_alarm_and_a_number(
    single: Installation,
) -> None:
    await counted(single, 40)
    await single.publish(stream(60, 40))
    await Operator(single).delete_records(70)
    single.start_worker()
    line = await opened(single, "RETENTION_GAP", 1)
    assert (line["level"], line["position"], line["lost"]) == ("warning", 70, 30)
    await single.caught_up()
    assert await single.counts() == between(0, 40) + between(70, 100)
    assert await changes(single) == [(40, 70, "RETENTION_GAP: 30 offsets (retention)")]
    assert await metric(single, "marketmap_offset_gap_records_total", 1, cause="retention") == 30


async def test_records_deleted_under_a_worker_that_is_behind_are_an_alarm_and_a_number(
    single: Installation,
) -> None:
    worker = single.start_worker()
    await single.publish(stream(40))
    await single.caught_up()
    worker.send_signal(signal.SIGSTOP)
    try:
        await single.publish(stream(1, 40))  # alone: a fetch that is under way may bring it
        await single.publish(stream(59, 41))
        await Operator(single).delete_records(70)
    finally:
        worker.send_signal(signal.SIGCONT)
    line = await opened(single, "RETENTION_GAP", 0)
    await single.caught_up()
    assert line["lost"] in {29, 30}
    assert len(await resolved(single)) == 100 - line["lost"]
    assert await single.counts() == between(0, 70 - line["lost"]) + between(70, 100)
    assert (
        await metric(single, "marketmap_offset_gap_records_total", 0, cause="retention")
        == line["lost"]
    )


async def test_records_deleted_with_none_behind_them_are_found_while_nothing_comes(
    single: Installation,
) -> None:
    worker = single.start_worker(**SOON)
    await single.publish(stream(40))
    await single.caught_up()
    worker.send_signal(signal.SIGSTOP)
    try:
        await single.publish(stream(1, 40))
        await single.publish(stream(59, 41))
        await Operator(single).delete_records(100)
    finally:
        worker.send_signal(signal.SIGCONT)
    line = await opened(single, "RETENTION_GAP", 0)
    await single.caught_up()
    assert line["position"] == 100
    assert await single.counts() == between(0, 100 - line["lost"])


async def test_a_log_that_ends_below_what_is_counted_stops_its_partition_until_it_is_told_to_go_on(
    single: Installation,
) -> None:
    await counted(single, 40)
    await single.query(
        "UPDATE ingest_watermark SET next_offset = 60 WHERE next_offset = 40 RETURNING 1"
    )
    single.start_worker(**SOON)
    line = await opened(single, "TRUNCATED", 1)
    assert (line["event"], line["level"], line["lost"]) == ("partition_stopped", "error", 20)

    async def is_said() -> bool:
        return any(
            "is stopped: its log ended at 40" in reason for reason in await single.reasons(1)
        )

    await until(is_said)
    assert await metric(single, "marketmap_partitions_stopped", 1) == 1
    await single.publish(
        stream(50, 40)
    )  # beyond the watermark: what lies at 40 to 60 is new all the same
    assert await single.stop_worker(1) == 0

    single.start_worker(**SOON)
    assert (await opened(single, "TRUNCATED", 2))["truncated_at"] == 40
    assert await single.counts() == expected_counts(40)
    assert await single.stop_worker(2) == 0

    single.start_worker(MARKETMAP_ON_TRUNCATION="continue")
    await single.ready(3)
    await single.caught_up()
    assert await changes(single) == [(60, 40, "TRUNCATED: 20 offsets (truncation)")]
    assert await single.counts() == expected_counts(90)
    assert sorted(numbers(await resolved(single))) == list(range(90))


async def test_a_topic_created_again_under_a_running_worker_is_read_from_its_start(
    single: Installation,
) -> None:
    single.start_worker(**SOON, MARKETMAP_METADATA_MAX_AGE_S="1")
    await single.publish(stream(40))
    await single.caught_up()
    topic_id = await Operator(single).recreate_topic()
    await single.publish(stream(60, 40))
    line = await opened(single, "RECREATED", 0)
    assert (line["topic_id"], line["position"], line["level"]) == (topic_id, 0, "warning")
    await single.caught_up()
    assert await single.counts() == expected_counts(100)
    assert sorted(numbers(await resolved(single))) == list(range(100))


async def test_a_topic_created_again_while_no_worker_ran_is_read_from_its_start(
    single: Installation,
) -> None:
    await counted(single, 40)
    await Operator(single).recreate_topic()
    await single.publish(stream(60, 40))
    single.start_worker()
    assert (await opened(single, "RECREATED", 1))["position"] == 0
    await single.caught_up()
    assert await single.counts() == expected_counts(100)


async def test_partitions_that_are_added_are_found_and_read_from_their_start(
    single: Installation,
) -> None:
    single.start_worker(MARKETMAP_METADATA_MAX_AGE_S="1")
    await single.publish(stream(40))
    await single.caught_up()
    await Operator(single).add_partitions(3)
    await single.publish(stream(60, 40))
    assert (await opened(single, "NEW_PARTITION", 0))["position"] == 0
    await single.caught_up()
    assert await single.counts() == expected_counts(100)
    assert sorted(numbers(await resolved(single))) == list(range(100))


async def test_a_database_restored_from_a_backup_is_counted_up_again(single: Installation) -> None:
    await single.publish(stream(40))
    worker = single.start_worker()
    await single.caught_up()
    backup = await single.counts()
    await single.publish(stream(30, 40))
    await single.caught_up()
    await restore(single, backup, 40)
    await single.publish(stream(1, 70))
    assert await asyncio.to_thread(worker.wait, PATIENCE_S) == 1
    (fatal,) = [line for line in single.log_of(0) if line["event"] == "fatal"]
    assert "watermarks went back in the table" in fatal["error"]

    single.start_worker()
    assert (await opened(single, "COUNTS_WENT_BACK", 1))["position"] == 40

    async def is_counted() -> bool:
        return await single.counts() == expected_counts(71)

    await until(is_counted)
    assert set(numbers(await resolved(single))) == set(range(71))
    assert len(set(ids(await resolved(single)))) == 71


async def restore(
    installation: Installation, counts: Counter[tuple[str, str]], watermark: int
) -> None:
    """Put back what the tables held when ``watermark`` was reached; every market was known by then."""
    for (source, market), occurrences in counts.items():
        await installation.query(
            "UPDATE unmapped_market_log SET occurrence_count = :occurrences"
            " WHERE source = :source AND external_market_id = :market RETURNING id",
            source=source,
            market=market,
            occurrences=occurrences,
        )
    await installation.query(
        "UPDATE ingest_watermark SET next_offset = :watermark WHERE next_offset > 0 RETURNING 1",
        watermark=watermark,
    )


# Of two members, with three topics of four partitions.
SHARE = 6


async def test_a_rolling_restart_of_static_members_moves_no_partition(
    services: Services, template: str, tmp_path: Path
) -> None:
    total = 600
    async with (
        temporary_database(services.postgres, template) as url,
        installed(
            services.kafka, url, tmp_path, partitions=4, session_timeout_s=45
        ) as installation,
    ):
        for name in ("one", "two"):
            installation.start_worker(MARKETMAP_MEMBER_NAME=name, **SLOWLY)
        for number in (0, 1):
            await installation.ready(number)
        await installation.publish(stream(total))
        await settled(installation)
        stays = openings(installation, 1)
        share = set(openings(installation, 0)[-SHARE:])
        assert await installation.stop_worker(0) == 0
        installation.start_worker(MARKETMAP_MEMBER_NAME="one", **SLOWLY)
        await installation.ready(2)
        await installation.caught_up()
        assert openings(installation, 1) == stays
        assert set(openings(installation, 2)) == share
        assert await installation.counts() == expected_counts(total)
        assert sorted(numbers(await resolved(installation))) == list(range(total))


async def test_of_two_processes_with_one_member_name_the_older_ends_and_says_why(
    single: Installation,
) -> None:
    first = single.start_worker(MARKETMAP_MEMBER_NAME="mapper-0")
    await single.publish(stream(40))
    await single.caught_up()
    second = single.start_worker(MARKETMAP_MEMBER_NAME="mapper-0")
    assert await asyncio.to_thread(first.wait, PATIENCE_S) == 1
    (fatal,) = [line for line in single.log_of(0) if line["event"] == "fatal"]
    assert "as mapper-0," in fatal["error"]
    assert "FENCED_INSTANCE_ID" in fatal["error"]
    assert "MARKETMAP_MEMBER_NAME" in fatal["error"]

    await single.publish(stream(60, 40))

    async def is_counted() -> bool:
        return await single.counts() == expected_counts(100)

    await until(is_counted)
    assert second.poll() is None
    assert sorted(numbers(await resolved(single))) == list(range(100))
    assert await single.stop_worker(1) == 0


def openings(installation: Installation, number: int) -> list[tuple[str, int]]:
    """The partitions that a worker has opened, in order: whoever joins first has all of them at first."""
    lines = [line for line in installation.log_of(number) if line["event"] == "partition_opened"]
    return [(line["topic"], line["partition"]) for line in lines]


async def settled(installation: Installation) -> None:
    """Wait until both members have a share: the second one to join takes half of the first one's."""

    async def is_shared() -> bool:
        installation.check_alive()
        return all(openings(installation, number) for number in (0, 1))

    await until(is_shared)
    await installation.ready(0)
    await installation.ready(1)
