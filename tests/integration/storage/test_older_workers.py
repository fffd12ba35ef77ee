"""Workers of an older release on the schema of this one, as in every rollout (docs/deploying.md).

`statements` has what releases said, each file named after the newest revision that they knew. With
MARKETMAP_RECORD_STATEMENTS=1 in its environment this module writes what the code says now.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import TextClause, TextualSelect, event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.editing.statements import FOLDER, Statement, read, recorded, replay, written
from tests.support.editing.working_day import BOOKED, BTTS, PARTITIONS, missed, move, working_day
from tests.support.markets import CATALOGUE
from worker.domain.books.lines import COLUMN_KINDS
from worker.domain.books.platforms import PLATFORMS
from worker.domain.books.registry import ID_COLUMNS
from worker.storage import (
    audit_sql,
    ledger_sql,
    mappings_sql,
    misses_sql,
    relay,
    replays_sql,
    watermarks_sql,
)
from worker.storage.engine import create_engine, transaction
from worker.storage.ledger import Ledger
from worker.storage.mappings import import_mappings
from worker.storage.migrate import known_revision, upgrade

pytestmark = pytest.mark.services

RELEASES = sorted(FOLDER.glob("*.sql"))
SAID_BY_WORKERS = (
    ledger_sql,
    watermarks_sql,
    mappings_sql,
    audit_sql,
    misses_sql,
    relay,
    replays_sql,
)
TURNS = 100
COUNTED = """
    SELECT source, external_market_id, occurrence_count, status,
        (SELECT sum(next_offset)::int FROM ingest_watermark), (SELECT count(*)::int FROM mapping_audit_log)
    FROM unmapped_market_log ORDER BY 1, 2
"""
RIGHT = [
    ("bet9ja", "S_NEW", 2, "NEW", 12, 6),
    ("sportybet", "29", 4, "MAPPED", 12, 6),
    ("sportybet", "800", 3, "IGNORED", 12, 6),
]


async def outcome(url: str) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(COUNTED)]
    finally:
        await connection.close()


@pytest.fixture
async def today(migrated: str) -> list[Statement]:
    engine = create_engine(migrated)
    with recorded(engine) as said:
        await working_day(engine)
    await engine.dispose()
    assert await outcome(migrated) == RIGHT
    return said


@pytest.mark.parametrize("release", RELEASES, ids=lambda file: file.stem)
async def test_what_an_older_release_says_does_on_this_schema_what_it_did(
    migrated: str, release: Path
) -> None:
    said = read(release)
    assert await replay(migrated, said) == said
    assert await outcome(migrated) == RIGHT


@pytest.mark.parametrize("release", RELEASES, ids=lambda file: file.stem)
async def test_an_older_release_goes_on_when_the_schema_is_migrated_beneath_it(
    database: str, release: Path
) -> None:
    said = read(release)
    ends = [number for number, one in enumerate(said, 1) if one.ends_transaction]
    noon = ends[len(ends) // 2]
    await upgrade(database, release.stem)
    assert await replay(database, said[:noon]) == said[:noon]
    await upgrade(database)
    assert await replay(database, said[noon:]) == said[noon:]
    assert await outcome(database) == RIGHT


def batches_of(release: Path, times: int) -> list[Statement]:
    """The first batch of a recording, of partition 0 from 0 to 4, as if it came again and again."""
    said = read(release)
    begin = next(
        number
        for number, one in enumerate(said)
        if "move (topic_id, partition, expected" in one.sql
    )
    end = next(number for number, one in enumerate(said) if number > begin and one.ends_transaction)
    moving, *counting = said[begin : end + 1]
    topics, partitions, expected, next_offsets, *group = moving.parameters
    assert (partitions, expected, next_offsets) == ([0], [0], [4])
    return [
        statement
        for turn in range(times)
        for statement in (
            moving._replace(parameters=[topics, partitions, [4 * turn], [4 * turn + 4], *group]),
            *counting,
        )
    ]


@pytest.mark.parametrize("release", RELEASES, ids=lambda file: file.stem)
async def test_an_older_and_a_newer_worker_count_the_same_markets_at_once(
    engine: AsyncEngine, migrated: str, release: Path
) -> None:
    await count_at_once(engine, migrated, release)


async def count_at_once(engine: AsyncEngine, migrated: str, release: Path) -> None:
    """A worker of the release and one of this code count the same markets; both counts are there."""
    ledger = Ledger(engine, "workers")
    await ledger.open_partitions(PARTITIONS)
    said = batches_of(release, TURNS)

    async def newer() -> None:
        for turn in range(TURNS):
            await ledger.commit([move(1, turn, turn + 1)], [missed(*BOOKED, 1), missed(*BTTS, 1)])

    await asyncio.gather(replay(migrated, said), newer())
    found = {(row[0], row[1]): (row[2], row[4]) for row in await outcome(migrated)}
    watermarks = 4 * TURNS + TURNS
    assert found == {BTTS: (2 * TURNS + TURNS, watermarks), BOOKED: (TURNS + TURNS, watermarks)}


def index_statement(release: Path) -> str:
    """What the release reads its whole mapping index with."""
    table = "LEFT JOIN user_market_mappings AS mapping ON mapping.is_active"
    return next(one.sql for one in read(release) if table in one.sql)


@pytest.mark.parametrize("release", RELEASES, ids=lambda file: file.stem)
async def test_an_older_worker_is_given_no_id_of_a_mapping_that_it_would_misread(
    engine: AsyncEngine, migrated: str, release: Path
) -> None:
    """It knows football only, no phases and no players, and four kinds of lines."""
    async with transaction(engine) as connection:
        await import_mappings(connection, CATALOGUE, actor="ada", reason="a newer catalogue")
    connection = await asyncpg.connect(migrated)
    given = {row["canonical_id"]: row for row in await connection.fetch(index_statement(release))}
    await connection.close()
    assert given.keys() == {mapping.canonical_id for mapping in CATALOGUE}
    kept_from_it = 0
    for mapping in CATALOGUE:
        row = given[mapping.canonical_id]
        ids = {platform: row[column] for platform, column in ID_COLUMNS.items()}
        if mapping.scope.is_default and mapping.participant is None:
            assert ids == {platform: mapping.id_on(platform) for platform in PLATFORMS}
        else:
            kept_from_it += 1
            assert set(ids.values()) == {None}, mapping.canonical_id
        rule = json.loads(row["line_rule"] or "{}")
        assert rule.keys() <= {"kind", "fixed", "free"}
        assert rule.get("kind", "none") in COLUMN_KINDS
    assert kept_from_it > 50
    await count_at_once(engine, migrated, release)


async def test_a_recording_says_what_was_said(
    today: list[Statement], database: str, tmp_path: Path
) -> None:
    file = FOLDER if os.environ.get("MARKETMAP_RECORD_STATEMENTS") else tmp_path
    file /= f"{known_revision()}.sql"
    file.write_text(written(today), encoding="utf-8")
    assert read(file) == today
    await upgrade(database)
    assert await replay(database, today) == today
    assert await outcome(database) == RIGHT


@pytest.mark.parametrize(
    "careless",
    [
        "ALTER TABLE ingest_watermark RENAME COLUMN next_offset TO counted",
        "ALTER TABLE unmapped_market_log ADD COLUMN given text NOT NULL",
        "ALTER TABLE unmapped_market_log ADD CONSTRAINT low CHECK (occurrence_count < 4)",
        "ALTER TABLE unmapped_market_log DROP CONSTRAINT uq_unmapped_source_market",
        "ALTER TABLE relay_cursor DROP CONSTRAINT relay_cursor_pkey",
        "ALTER TABLE user_market_mappings DISABLE TRIGGER USER",
        "DROP FUNCTION marketmap_rate_v1",
    ],
)
async def test_a_careless_migration_would_be_noticed(
    today: list[Statement], database: str, careless: str
) -> None:
    await upgrade(database)
    connection = await asyncpg.connect(database)
    await connection.execute(careless)
    await connection.close()
    try:
        same = await replay(database, today) == today and await outcome(database) == RIGHT
    except asyncpg.PostgresError:
        same = False
    assert not same


async def test_the_working_day_has_every_statement_of_a_worker(engine: AsyncEngine) -> None:
    said: set[str] = set()

    def executing(_: Any, clause: Any, *__: Any) -> None:
        said.add(_text(clause))

    event.listen(engine.sync_engine, "before_execute", executing)
    await working_day(engine)
    constants = [
        (f"{module.__name__}.{name}", value)
        for module in SAID_BY_WORKERS
        for name, value in vars(module).items()
        if isinstance(value, TextClause | TextualSelect)
    ]
    assert len(constants) > 25
    assert [name for name, value in constants if _text(value) not in said] == []


def _text(clause: Any) -> str:
    return str(getattr(getattr(clause, "element", clause), "text", ""))
