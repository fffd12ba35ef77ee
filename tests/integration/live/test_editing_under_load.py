"""Four editors, three workers and a relay that keeps being killed, over a stream: told once, judged often."""

from __future__ import annotations

import asyncio
import json
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from schemas import ID_HEADER, MappingChanged, MappingState
from tests.conftest import Services
from tests.support.editing import edited_stream
from tests.support.editing.changes import first_occurrences, parsed, published, table
from tests.support.editing.editors import (
    ACTOR,
    Committed,
    Editor,
    SignedEditor,
    SqlEditor,
    create_all,
)
from tests.support.editing.following import delays_ms
from tests.support.editing.table_view import fold
from tests.support.services.installation import (
    PATIENCE_S,
    Installation,
    fill,
    installed,
    temporary_database,
    until,
)
from tests.support.services.relays import start_relay
from worker.kafka.record import RawRecord
from worker.storage.audit import AuditRow, read_after

pytestmark = pytest.mark.services

EDITORS = 4
ROUNDS = edited_stream.MARKETS // EDITORS
CHANGES_A_ROUND = 2
KILLS = 3
RECORDS_A_ROUND = 8
WORKERS = 3
# What is in use before the test gives up, no poll has found.
POLL_S = 3600


@dataclass
class Seen:
    catalogue_version: int
    audit: Sequence[AuditRow]
    table: dict[str, MappingState]
    changes: list[MappingChanged]
    outputs: list[RawRecord]
    worker_versions: list[float]
    opened: list[int]
    delays_ms: list[float]


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
    url = installation.settings.database_url
    connection = await asyncpg.connect(url)
    await create_all(connection, range(edited_stream.MARKETS))
    await connection.close()
    for _ in range(WORKERS):
        installation.start_worker(
            MARKETMAP_BATCH_MAX_RECORDS="20", MARKETMAP_INDEX_POLL_S=str(POLL_S)
        )
    ((before,),) = await installation.query("SELECT max(id) FROM mapping_audit_log")
    for number in range(WORKERS):
        await installation.logged("partition_opened", number)
    killing = Killing(installation)
    async with asyncio.TaskGroup() as group, editors(installation, url) as all_editors:
        group.create_task(killing.go_on())
        committed = await edit_and_publish(installation, all_editors, killing)
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
        [ms for n in range(WORKERS) for ms in delays_ms(installation.log_of(n), dict(committed))],
    )


@asynccontextmanager
async def editors(installation: Installation, url: str) -> AsyncIterator[list[Editor]]:
    """One editor who works as the commands do, and others with plain SQL."""
    connections = [await asyncpg.connect(url) for _ in range(EDITORS - 1)]
    by_sql = [
        SqlEditor(connection, Random(number)) for number, connection in enumerate(connections)
    ]
    try:
        yield [*by_sql, SignedEditor(installation.engine, Random(EDITORS))]
    finally:
        for connection in connections:
            await connection.close()


async def edit_and_publish(
    installation: Installation, all_editors: list[Editor], killing: Killing
) -> list[Committed]:
    committed: list[Committed] = []
    random = Random(0)
    for number in range(ROUNDS):
        await killing.at_least(number * KILLS // ROUNDS)
        shared = random.randrange(edited_stream.MARKETS)
        edits = [edit(editor, n * ROUNDS + number, shared) for n, editor in enumerate(all_editors)]
        _, changes = await asyncio.gather(
            installation.publish(edited_stream.records(number * RECORDS_A_ROUND, RECORDS_A_ROUND)),
            asyncio.gather(*edits),
        )
        committed += chain.from_iterable(changes)
    return committed


async def edit(editor: Editor, own: int, shared: int) -> list[Committed]:
    """Change the next of the markets that this editor alone goes through, and one that all change now."""
    return [await editor.change(market) for market in (own, shared)]


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


def made(seen: Seen) -> list[AuditRow]:
    return [row for row in seen.audit if row.id > seen.catalogue_version]


def test_every_change_is_audited_once(seen: Seen) -> None:
    assert len(made(seen)) == EDITORS * ROUNDS * CHANGES_A_ROUND
    assert sum(row.created_by == ACTOR for row in made(seen)) == ROUNDS * CHANGES_A_ROUND


def test_every_mapping_was_changed_and_every_kind_of_change_was_made(seen: Seen) -> None:
    assert len({row.canonical_id for row in made(seen)}) == edited_stream.MARKETS == 200
    assert {row.action for row in made(seen)} == {
        "CREATE",
        "UPDATE",
        "ACTIVATE",
        "DEACTIVATE",
        "DELETE",
    }


def test_the_audit_log_alone_gives_the_table(seen: Seen) -> None:
    newest = {row.canonical_id: row.new_value for row in seen.audit}
    states = {
        name: MappingState.model_validate_json(json.dumps(row))
        for name, row in newest.items()
        if row is not None
    }
    assert states == seen.table


def test_the_topic_has_every_change_in_order(seen: Seen) -> None:
    assert first_occurrences(seen.changes) == [
        (row.id, row.canonical_id, row.action) for row in seen.audit
    ]


def test_a_reader_of_the_topic_ends_with_the_table(seen: Seen) -> None:
    assert fold(seen.changes) == seen.table


def test_a_reader_that_knows_no_versions_ends_with_the_table_too(seen: Seen) -> None:
    """The last message of each key is what compaction keeps."""
    last = {change.canonical_id: change.new for change in seen.changes}
    assert {name: state for name, state in last.items() if state is not None} == seen.table


def test_all_workers_had_a_share_and_converged(seen: Seen) -> None:
    assert all(seen.opened)
    assert set(seen.worker_versions) == {seen.audit[-1].id}


def test_a_commit_is_soon_in_use_in_every_worker(seen: Seen) -> None:
    """A guard against falling back to polls; no measurement.

    The bounds are hundreds of times what is usual, because the machine is shared with the whole test run; the
    figures are those of ``python -m tests.bench.propagation``.
    """
    assert len(seen.delays_ms) == WORKERS * len(made(seen))
    assert statistics.median(seen.delays_ms) < 5_000
    assert max(seen.delays_ms) < 1000 * PATIENCE_S < 1000 * POLL_S


def test_no_observation_is_lost_or_invented(seen: Seen) -> None:
    numbers = {int(event["event"]["home"]) for event in resolved(seen)}
    assert numbers == set(range(ROUNDS * RECORDS_A_ROUND))


def test_nothing_is_resolved_under_another_version_than_it_names(seen: Seen) -> None:
    indexes = edited_stream.indexes_of(
        seen.audit, {event["mapping_version"] for event in resolved(seen)}
    )
    assert edited_stream.wrongly_resolved(seen.outputs, indexes) == []


def test_the_stream_was_resolved_missed_and_rejected(seen: Seen) -> None:
    for answer in ("markets", "misses", "rejected"):
        assert any(event[answer] for event in resolved(seen))


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
