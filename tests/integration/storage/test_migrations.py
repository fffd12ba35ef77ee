"""Migrations on a real server: they build what the metadata says, and each one can be taken back."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from worker.storage.engine import create_engine
from worker.storage.errors import StorageRefused
from worker.storage.migrate import (
    Migrated,
    UnknownRevisionError,
    current,
    downgrade,
    known_revision,
    upgrade,
    upgrade_sql,
)
from worker.storage.routines import script_folder
from worker.storage.tables import metadata

HEAD = known_revision()
REVISIONS = [
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
    "0014",
    "0015",
    "0016",
    "0017",
    "0018",
    "0019",
    "0020",
    "0021",
    "0030",
    "0031",
    "0032",
    "0033",
    "0034",
    "0035",
    "0036",
    "0037",
    "0039",
    "0040",
    "0041",
    "0042",
    "0043",
]

CATALOG = {
    "columns": """
        SELECT relname, row_number() OVER (PARTITION BY relname ORDER BY attnum), attname,
            format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid), attidentity,
            attgenerated, attcollation::regcollation::text
        FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
            AND attnum > 0 AND NOT attisdropped
    """,
    "constraints": """
        SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    """,
    "indexes": """
        SELECT indrelid::regclass::text, pg_get_indexdef(indexrelid), indisunique, indisprimary
        FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
        WHERE relnamespace = 'public'::regnamespace
    """,
    "sequences": """
        SELECT seqrelid::regclass::text, format_type(seqtypid, NULL), seqstart, seqincrement, seqmax, seqcycle
        FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
        WHERE relnamespace = 'public'::regnamespace
    """,
    "triggers": """
        SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled
        FROM pg_trigger WHERE NOT tgisinternal
    """,
    "functions": """
        SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    """,
}

Catalog = dict[str, list[tuple[object, ...]]]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def read_catalog(url: str) -> Catalog:
    async with connected(url) as connection:
        found = {name: await connection.fetch(query) for name, query in CATALOG.items()}
    return {
        name: sorted(
            (tuple(row) for row in rows if not str(row[0]).startswith("alembic_version")), key=str
        )
        for name, rows in found.items()
    }


@pytest.fixture
async def other_database(database: str) -> AsyncIterator[str]:
    """A second empty database beside the first one."""
    name = urlsplit(database).path[1:] + "_other"
    async with connected(database) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
        yield urlunsplit(urlsplit(database)._replace(path=f"/{name}"))
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def built(other_database: str) -> str:
    """A database built from the metadata, without migrations."""
    engine = create_engine(other_database)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
    return other_database


async def test_migrations_and_metadata_build_the_same_database(migrated: str, built: str) -> None:
    assert await read_catalog(migrated) == await read_catalog(built)


ALTERATIONS = [
    "ALTER TABLE user_market_mappings ALTER priority DROP DEFAULT",
    "ALTER TABLE user_market_mappings ALTER created_by TYPE varchar(99)",
    "ALTER TABLE mapping_audit_log ALTER reason SET NOT NULL",
    "ALTER TABLE mapping_audit_log RENAME CONSTRAINT mapping_audit_log_pkey TO other",
    "ALTER TABLE unmapped_market_log DROP CONSTRAINT ck_unmapped_market_log_seen",
    """DROP INDEX idx_audit_log_created;
    CREATE INDEX idx_audit_log_created ON mapping_audit_log (created_at)""",
    """DROP INDEX idx_unmapped_unannounced;
    CREATE INDEX idx_unmapped_unannounced ON unmapped_market_log (id)""",
    "CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 42'",
    """CREATE TRIGGER quiet BEFORE UPDATE ON ingest_watermark FOR EACH ROW
    EXECUTE FUNCTION suppress_redundant_updates_trigger()""",
]


async def test_the_comparison_through_the_catalog_sees_every_alteration(built: str) -> None:
    before = await read_catalog(built)
    async with connected(built) as connection:
        for alteration in ALTERATIONS:
            await connection.execute(alteration)
            after = await read_catalog(built)
            assert after != before, alteration
            before = after


async def test_alembic_would_generate_no_further_migration(migrated: str) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(
            compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        )

    engine = create_engine(migrated)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_up_down_and_up_again(database: str) -> None:
    empty = await read_catalog(database)
    assert await upgrade(database) == Migrated(None, HEAD)
    full = await read_catalog(database)
    assert await downgrade(database, "base") == Migrated(HEAD, None)
    assert await read_catalog(database) == empty
    await upgrade(database)
    assert await read_catalog(database) == full


async def test_each_step_can_be_taken_back(database: str) -> None:
    for revision in REVISIONS:
        before = await read_catalog(database)
        await upgrade(database, revision)
        after = await read_catalog(database)
        await downgrade(database, "-1")
        assert await read_catalog(database) == before, revision
        await upgrade(database, revision)
        assert await read_catalog(database) == after, revision
    assert await current(database) == HEAD


# What statements written against a revision rely on: the columns, and that no other one must be given.
RELIED_ON = """
    SELECT table_name::text, column_name::text, data_type::text, coalesce(character_maximum_length, 0)
    FROM information_schema.columns WHERE table_schema = 'public'
"""
MUST_BE_GIVEN = """
    SELECT table_name::text, column_name::text FROM information_schema.columns
    WHERE table_schema = 'public' AND is_nullable = 'NO' AND column_default IS NULL
        AND is_identity = 'NO' AND is_generated = 'NEVER'
"""


async def test_each_step_leaves_in_place_what_workers_of_the_step_before_rely_on(
    database: str,
) -> None:
    columns: set[tuple[object, ...]] = set()
    to_be_given: set[tuple[object, ...]] = set()
    for revision in REVISIONS:
        await upgrade(database, revision)
        async with connected(database) as connection:
            now = {tuple(row) for row in await connection.fetch(RELIED_ON)}
            must_now = {tuple(row) for row in await connection.fetch(MUST_BE_GIVEN)}
        assert columns <= now, revision
        known = {column[0] for column in columns}
        assert {given for given in must_now - to_be_given if given[0] in known} == set(), revision
        columns, to_be_given = now, must_now


async def test_the_revisions_are_the_ones_tested_here() -> None:
    assert REVISIONS[-1] == HEAD
    assert len(list((script_folder() / "versions").glob("*.py"))) == len(REVISIONS)


async def test_a_second_run_changes_nothing(migrated: str) -> None:
    assert await upgrade(migrated) == Migrated(HEAD, HEAD)


async def test_runs_at_the_same_time_wait_for_each_other(database: str) -> None:
    runs = await asyncio.gather(*(upgrade(database) for _ in range(4)))
    assert sorted(run.before or "" for run in runs) == ["", *[HEAD] * 3]


async def test_a_migration_that_fails_leaves_nothing_behind(database: str) -> None:
    await upgrade(database, "0001")
    async with connected(database) as connection:
        await connection.execute(
            "INSERT INTO unmapped_market_log (source, external_market_id, occurrence_count)"
            " VALUES ('x', 'y', 0)"
        )
    before = await read_catalog(database)
    with pytest.raises(StorageRefused, match="ck_unmapped_market_log_occurrence_count"):
        await upgrade(database)
    assert await current(database) == "0001"
    assert await read_catalog(database) == before


async def test_markets_missed_before_announcements_existed_are_not_announced(database: str) -> None:
    await upgrade(database, "0002")
    async with connected(database) as connection:
        await connection.execute(
            "INSERT INTO unmapped_market_log (source, external_market_id) VALUES ('x', 'y')"
        )
        await upgrade(database)
        assert await connection.fetchval("SELECT announced_at IS NOT NULL FROM unmapped_market_log")


async def test_an_upgrade_never_goes_back(migrated: str) -> None:
    with pytest.raises(
        UnknownRevisionError, match=f"0002 does not lie in that direction from {HEAD}"
    ):
        await upgrade(migrated, "0002")
    assert await current(migrated) == HEAD


async def test_an_unknown_revision_is_named(database: str) -> None:
    with pytest.raises(UnknownRevisionError, match="'9999'"):
        await upgrade(database, "9999")
    assert await current(database) is None


async def test_the_printed_sql_builds_the_same_database(database: str, built: str) -> None:
    async with connected(database) as connection:
        await connection.execute(upgrade_sql())
    assert await current(database) == HEAD
    assert await read_catalog(database) == await read_catalog(built)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The package as a wheel lays it out: the migrations inside, no checkout around it."""
    root = Path(__file__).parents[3]
    shutil.copytree(
        root / "worker", tmp_path / "worker", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(root / "alembic", tmp_path / "worker" / "storage" / "_alembic")
    return tmp_path


MIGRATE = """
import asyncio, sys
from worker.storage import migrate, routines
print(routines.script_folder(), asyncio.run(migrate.upgrade(sys.argv[1])).after)
"""


def test_an_installed_package_brings_its_migrations(installed: Path, database: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE, database],
        cwd=installed,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == [str(installed / "worker/storage/_alembic"), HEAD]


def test_the_wheel_puts_the_migrations_where_the_package_looks_for_them() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert included["alembic"] == "worker/storage/_alembic"


def test_the_migrations_folder_does_not_hide_the_library() -> None:
    assert not (Path(__file__).parents[3] / "alembic" / "__init__.py").exists()
