"""Four editors, three workers and a relay that keeps being killed, over a stream: told once, judged often."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas import ID_HEADER, MappingChanged, MappingState
from tests.conftest import Services
from tests.support import edited_stream
from tests.support.changes import first_occurrences, parsed, published, table
from tests.support.installation import Installation, fill, installed, temporary_database, until
from tests.support.relays import start_relay
from worker.app.topic_reader import AnyRecord
from worker.publishing.table_view import fold
from worker.storage.audit import AuditRow, read_after

pytestmark = pytest.mark.services

EDITORS = 4
ROUNDS = 50
KILLS = 3
RECORDS_A_ROUND = 12
WORKERS = 3


@dataclass
class Seen:
    catalogue_version: int
    audit: Sequence[AuditRow]
    table: dict[str, MappingState]
    changes: list[MappingChanged]
    outputs: list[AnyRecord]
    worker_versions: list[float]
    opened: list[int]


class Killing:
    """Relays one after the other, each killed at another moment; the last one stays."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._killed = asyncio.Condition()
        self.kills = 0

    async def go_on(self) -> None:
        for number in range(KILLS):
            relay = start_relay(self._installation, number)
            # In turn with the first batch in flight, and between two batches.
            await relay.logged(("relay_leads", "changes_published")[number % 2])
            relay.kill()
            async with self._killed:
                self.kills += 1
                self._killed.notify_all()

    async def at_least(self, kills: int) -> None:
        async with self._killed:
            await self._killed.wait_for(lambda: self.kills >= kills)


async def scenario(installation: Installation) -> Seen:
    url = installation.settings.database_url or ""
    for _ in range(WORKERS):
        installation.start_worker(MARKETMAP_BATCH_MAX_RECORDS="20")
    ((before,),) = await installation.query("SELECT max(id) FROM mapping_audit_log")
    for number in range(WORKERS):
        await installation.logged("partition_opened", number)
    killing = Killing(installation)
    async with asyncio.TaskGroup() as group:
        group.create_task(killing.go_on())
        group.create_task(edit_and_publish(installation, url, killing))
    last_relay = start_relay(installation, KILLS)
    await installation.caught_up()
    await published(installation)
    await last_relay.logged("relay_leads")
    assert await last_relay.stop() == 0
    async with installation.engine.connect() as connection:
        audit = await read_after(connection, 0, 10_000)
    await until(lambda: converged(installation, audit[-1].id))
    return Seen(
        before,
        audit,
        await table(url),
        parsed(await installation.consume("mappings.changes")),
        await installation.consume("odds.resolved"),
        [await version_of(installation, number) for number in range(WORKERS)],
        [
            sum(line["event"] == "partition_opened" for line in installation.log_of(number))
            for number in range(WORKERS)
        ],
    )


async def edit_and_publish(installation: Installation, url: str, killing: Killing) -> None:
    editors = [(await asyncpg.connect(url), Random(number)) for number in range(EDITORS)]
    try:
        for number in range(ROUNDS):
            await killing.at_least(number * KILLS // ROUNDS)
            await asyncio.gather(
                installation.publish(edited_stream.records(number * RECORDS_A_ROUND, RECORDS_A_ROUND)),
                *[edited_stream.edit(connection, random) for connection, random in editors],
            )
    finally:
        for connection, _ in editors:
            await connection.close()


async def version_of(installation: Installation, number: int) -> float:
    _, text = await installation.ask("/metrics", number)
    samples = {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    return samples["marketmap_index_version"]


async def converged(installation: Installation, version: int) -> bool:
    installation.check_alive()
    return {await version_of(installation, number) for number in range(WORKERS)} == {version}


@pytest.fixture(scope="module")
def seen(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    async def run(folder: Path) -> Seen:
        async with temporary_database(services.postgres) as url:
            await fill(url)
            async with installed(
                services.kafka, url, folder, partitions=6, session_timeout_s=30
            ) as installation:
                return await scenario(installation)

    with ThreadPoolExecutor(1) as thread:  # the tests' event loops stay untouched
        return thread.submit(asyncio.run, run(tmp_path_factory.mktemp("editing"))).result()


def resolved(seen: Seen) -> list[dict[str, Any]]:
    return [orjson.loads(record.value or b"") for record in seen.outputs]


def test_every_change_is_audited_once(seen: Seen) -> None:
    made = [row for row in seen.audit if row.id > seen.catalogue_version]
    assert len(made) == EDITORS * ROUNDS


def test_the_audit_log_alone_gives_the_table(seen: Seen) -> None:
    newest = {row.canonical_id: row.new_value for row in seen.audit}
    assert {name for name, row in newest.items() if row is not None} == seen.table.keys()


def test_the_topic_has_every_change_in_order(seen: Seen) -> None:
    assert first_occurrences(seen.changes) == [(row.id, row.canonical_id, row.action) for row in seen.audit]


def test_a_reader_of_the_topic_ends_with_the_table(seen: Seen) -> None:
    assert fold(seen.changes) == seen.table


def test_a_reader_that_knows_no_versions_ends_with_the_table_too(seen: Seen) -> None:
    """The last message of each key is what compaction keeps."""
    last = {change.canonical_id: change.new for change in seen.changes}
    assert {name: state for name, state in last.items() if state is not None} == seen.table


def test_all_workers_had_a_share_and_converged(seen: Seen) -> None:
    assert all(seen.opened)
    assert set(seen.worker_versions) == {seen.audit[-1].id}


def test_no_observation_is_lost_or_invented(seen: Seen) -> None:
    numbers = {int(event["event"]["home"]) for event in resolved(seen)}
    assert numbers == set(range(ROUNDS * RECORDS_A_ROUND))


def test_nothing_is_resolved_under_another_version_than_it_names(seen: Seen) -> None:
    indexes = edited_stream.indexes_of(seen.audit, {event["mapping_version"] for event in resolved(seen)})
    assert edited_stream.wrongly_resolved(seen.outputs, indexes) == []


def test_the_stream_was_resolved_under_many_versions(seen: Seen) -> None:
    assert len({event["mapping_version"] for event in resolved(seen)}) > ROUNDS // 4


def test_along_a_partition_versions_only_grow(seen: Seen) -> None:
    """As they do where each batch takes one version, and each part of the stream stays with one worker."""
    by_partition: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for record, event in zip(seen.outputs, resolved(seen), strict=True):
        partition, _, offset = (dict(record.headers)[ID_HEADER] or b"").decode().rpartition("/")
        by_partition[partition].append((int(offset), event["mapping_version"]))
    for places in by_partition.values():
        versions = [version for _, version in sorted(places)]
        assert versions == sorted(versions)
