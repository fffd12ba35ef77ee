"""Each role can do its work and nothing beside it."""

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import typer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from worker.domain.mapping import Mapping, OutcomeLabels
from worker.operations.installation.roles import roles
from worker.storage import audit, misses, relay, replays
from worker.storage.access.roles import ROLES, create_roles
from worker.storage.editing import editing
from worker.storage.engine import transaction
from worker.storage.errors import StorageFatal, driver_errors_translated
from worker.storage.inspection import (
    INSIGHT_NEEDS,
    WORKER_NEEDS,
    lacking_privileges,
    read_server,
)
from worker.storage.ledger import Counted, Ledger, MissRow
from worker.storage.mappings import load_index_rows
from worker.storage.migrate import downgrade, known_revision, upgrade
from worker.storage.replays import Replay
from worker.storage.routines import statements
from worker.storage.watermarks import WatermarkKey, WatermarkMove

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MAPPING = Mapping("a", "A", (OutcomeLabels("yes", "Yes"),), betpawa_id="1")
MISS = MissRow("betpawa", "2", "B", "[]", "UNKNOWN_MARKET", 0, NOON, NOON, 1, [1])

LogIn = Callable[[str], Awaitable[AsyncEngine]]
NewLogin = Callable[[str], Awaitable[str]]


async def run(engine: AsyncEngine, statement: str) -> None:
    async with transaction(engine) as connection:
        with driver_errors_translated():
            await connection.execute(text(statement))


async def test_a_worker_counts_announces_and_relays(log_in: LogIn) -> None:
    engine = await log_in("worker")
    ledger = Ledger(engine, "workers", most_new=1)
    topic_id = "c29tZS10b3BpYy1pZF8tMQ"
    await ledger.open_partitions([WatermarkKey(topic_id, "observations", 0)])
    assert await ledger.commit(
        [WatermarkMove(topic_id, "observations", 0, 0, 1)], [MISS]
    ) == Counted(1)
    await ledger.set_back(
        WatermarkKey(topic_id, "observations", 0), 1, 0, actor="worker", reason="truncated"
    )
    async with ledger.unannounced(10) as batch:
        assert len(batch) == 1
    async with transaction(engine) as connection:
        assert await load_index_rows(connection) == (0, [])
        assert await relay.read_cursor(connection, "changes") == 0
        assert await relay.move_cursor(connection, "changes", expected=0, version=3)
        settled = await misses.settle(connection, 3, [("betpawa", "2")], ())
        assert settled.covered == [("betpawa", "2")]


async def test_a_worker_lacks_nothing_of_what_an_inspection_asks_for(log_in: LogIn) -> None:
    async with transaction(await log_in("worker")) as connection:
        assert await lacking_privileges(connection) == []
        assert not (await read_server(connection)).is_superuser


async def test_what_a_reader_lacks_to_work_is_told(log_in: LogIn) -> None:
    async with transaction(await log_in("reader")) as connection:
        lacking = await lacking_privileges(connection)
    assert {"ingest_watermark UPDATE", "watermark_change_id_seq USAGE"} <= set(lacking)
    assert "ingest_watermark SELECT" not in lacking


async def test_an_inspection_asks_for_all_that_the_group_of_workers_is_given(
    administrator: AsyncEngine,
) -> None:
    given = text("""
        SELECT relname, array_agg(privilege_type ORDER BY privilege_type) AS privileges
        FROM pg_class CROSS JOIN LATERAL aclexplode(relacl)
        WHERE grantee = 'marketmap_worker'::regrole
        GROUP BY relname
    """)
    async with transaction(administrator) as connection:
        granted = {row.relname: row.privileges for row in await connection.execute(given)}
    needs = {**INSIGHT_NEEDS, **WORKER_NEEDS}
    assert granted == {name: sorted(privileges) for name, privileges in needs.items()}


async def test_an_editor_changes_mappings_and_works_through_misses(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    await run(
        administrator,
        "INSERT INTO unmapped_market_log (source, external_market_id) VALUES ('betpawa', '2')",
    )
    engine = await log_in("editor")
    async with editing(engine, actor="ann", reason="new") as edit:
        row = await edit.create(MAPPING)
        row = await edit.set_active("a", row.version, is_active=False)
        await edit.delete("a", row.version)
        await misses.settle(edit.connection, row.version, [("betpawa", "2")], ())
    async with transaction(engine) as connection:
        assert [change.action for change in await audit.read_after(connection, 0, 9)] == [
            "CREATE",
            "DEACTIVATE",
            "DELETE",
        ]
        await misses.reopen(connection, [("betpawa", "2")], actor="ann")
        await misses.ignore(connection, [("betpawa", "2")], actor="ann", until_count=9)


@pytest.mark.parametrize("group", ["worker", "editor"])
async def test_a_worker_and_an_editor_run_replays(log_in: LogIn, group: str) -> None:
    asked = Replay("r1", "workers", [{"topic": "observations"}], {}, 0, None, "ann", "backfill")
    async with replays.start(await log_in(group), asked) as running:
        await running.add(published=1)
        await running.finish("DONE")


async def test_plain_sql_is_audited_with_the_login_not_with_the_triggers_owner(
    log_in: LogIn,
) -> None:
    engine = await log_in("editor")
    await run(
        engine,
        "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES ('a', 'A', '[1]')",
    )
    async with transaction(engine) as connection:
        (change,) = await audit.read_after(connection, 0, 9)
    assert (change.created_by or "").endswith("_editor")


WRITES = {
    "user_market_mappings": [
        "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES ('a', 'A', '[1]')",
        "UPDATE user_market_mappings SET priority = 1",
        "DELETE FROM user_market_mappings",
        "TRUNCATE user_market_mappings CASCADE",
    ],
    "mapping_audit_log": [
        "INSERT INTO mapping_audit_log (canonical_id, action) VALUES ('a', 'DELETE')",
        "UPDATE mapping_audit_log SET mapping_id = NULL",
        "DELETE FROM mapping_audit_log",
        "TRUNCATE mapping_audit_log",
        "SELECT nextval('mapping_audit_log_id_seq')",
    ],
    "ingest_watermark": [
        "UPDATE ingest_watermark SET next_offset = 0",
        "DELETE FROM ingest_watermark",
    ],
    "watermark_change": [
        "UPDATE watermark_change SET reason = 'x'",
        "DELETE FROM watermark_change",
        "TRUNCATE watermark_change",
    ],
    "relay_cursor": ["UPDATE relay_cursor SET last_audit_id = 0", "DELETE FROM relay_cursor"],
    "replay_run": ["DELETE FROM replay_run", "TRUNCATE replay_run"],
    "unmapped_overflow": ["DELETE FROM unmapped_overflow", "TRUNCATE unmapped_overflow"],
    "quotas": ["UPDATE unmapped_overflow SET new_markets = 0"],
    "counts": [
        "UPDATE unmapped_market_log SET occurrence_count = 1",
        "UPDATE unmapped_market_log SET event_hashes = '{}'",
        "INSERT INTO unmapped_market_log (source, external_market_id) VALUES ('a', 'b')",
    ],
    "misses": ["DELETE FROM unmapped_market_log", "TRUNCATE unmapped_market_log"],
    "status": ["UPDATE unmapped_market_log SET status = 'IGNORED'"],
    "schema": [
        "CREATE TABLE mine (id integer)",
        "ALTER TABLE mapping_audit_log DISABLE TRIGGER ALL",
        "DROP TABLE relay_cursor",
        "SET session_replication_role = replica",
    ],
}
FORBIDDEN = {
    "worker": [
        "user_market_mappings",
        "mapping_audit_log",
        "watermark_change",
        "replay_run",
        "unmapped_overflow",
        "misses",
        "schema",
    ],
    "editor": [
        "mapping_audit_log",
        "ingest_watermark",
        "watermark_change",
        "relay_cursor",
        "replay_run",
        "unmapped_overflow",
        "quotas",
        "counts",
        "misses",
        "schema",
    ],
    "reader": list(WRITES),
}


@pytest.mark.parametrize("group", FORBIDDEN)
async def test_what_is_not_its_work_is_refused(log_in: LogIn, group: str) -> None:
    engine = await log_in(group)
    for statement in [each for what in FORBIDDEN[group] for each in WRITES[what]]:
        with pytest.raises(StorageFatal, match=r"permission denied|must be owner"):
            await run(engine, statement)


async def test_an_owner_migrates_without_being_an_administrator(
    log_in: LogIn, database: str, administrator: AsyncEngine
) -> None:
    engine = await log_in("owner")
    await run(engine, "ALTER TABLE mapping_audit_log ADD COLUMN more integer")
    await run(engine, "CREATE TABLE mine (id integer)")
    with pytest.raises(StorageFatal, match="append-only"):
        await run(engine, "DELETE FROM mapping_audit_log")


def run_roles(url: str, *arguments: str) -> str:
    app = typer.Typer()
    app.command()(roles)
    done = CliRunner().invoke(app, ["--database-url", url, *arguments])
    assert done.exit_code == 0, done.output
    return done.stdout


async def test_the_command_gives_everything_to_the_owner_and_can_run_again(database: str) -> None:
    await upgrade(database)
    with ThreadPoolExecutor(1) as thread:  # the command brings its own event loop
        dry = thread.submit(run_roles, database, "--dry-run").result()
        assert await owners(database) != ["marketmap_owner"]
        done = [thread.submit(run_roles, database).result() for _ in range(2)]
    assert dry.startswith("would create: ")
    assert done[1] == "created: none, all are there\n"
    assert await owners(database) == ["marketmap_owner"]


async def owners(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    found = await connection.fetch(
        "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    )
    await connection.close()
    return [row[0] for row in found]


async def test_going_back_takes_the_rights_back(database: str, log_in: LogIn) -> None:
    engine = await log_in("reader")
    await run(engine, "SELECT id FROM user_market_mappings")
    await downgrade(database, "0007")
    with pytest.raises(StorageFatal, match="permission denied"):
        await run(engine, "SELECT id FROM user_market_mappings")


async def test_who_may_not_create_roles_is_warned_and_not_stopped(database: str) -> None:
    """With names that no server has: the real ones may be there from other databases."""
    name = urlsplit(database).path[1:]
    administrator = await asyncpg.connect(database)
    await administrator.execute(
        f"CREATE ROLE {name} LOGIN PASSWORD 'x'; ALTER DATABASE {name} OWNER TO {name}"
    )
    address = urlsplit(database)
    url = urlunsplit(address._replace(netloc=f"{name}:x@{address.netloc.rpartition('@')[2]}"))
    assert (await upgrade(url)).after == known_revision()
    connection = await asyncpg.connect(url)
    warnings: list[str] = []
    connection.add_log_listener(lambda _connection, message: warnings.append(message.message))
    for statement in statements("roles_v1"):
        await connection.execute(statement.replace("marketmap_", f"{name}_"))
    await connection.close()
    await administrator.execute(
        f"ALTER DATABASE {name} OWNER TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}"
    )
    await administrator.close()
    assert [warning.split()[1] for warning in warnings] == [
        role.replace("marketmap", name)
        for role in ROLES
        if role not in {"marketmap_approver", "marketmap_operator"}  # of administrators alone
    ]


SHOW = (
    "SELECT current_setting('statement_timeout'),"
    " current_setting('idle_in_transaction_session_timeout')"
)


async def timeouts(url: str) -> tuple[str, ...]:
    connection = await asyncpg.connect(url)
    found = tuple(await connection.fetchrow(SHOW))
    await connection.close()
    return found


async def test_people_get_timeouts_and_programs_none(
    new_login: NewLogin, administrator: AsyncEngine
) -> None:
    urls = {group: await new_login(group) for group in ("reader", "editor", "worker", "owner")}
    async with transaction(administrator) as connection:
        await create_roles(connection)
    found = {group: await timeouts(url) for group, url in urls.items()}
    assert found["reader"] == found["editor"] == ("5min", "1min")
    assert found["worker"] == found["owner"] == ("0", "0")


async def test_a_timeout_that_a_login_has_of_its_own_is_kept(
    new_login: NewLogin, administrator: AsyncEngine
) -> None:
    url = await new_login("reader")
    login = urlsplit(url).username
    await run(administrator, f"ALTER ROLE {login} SET statement_timeout = '2h'")
    async with transaction(administrator) as connection:
        await create_roles(connection)
    assert await timeouts(url) == ("2h", "0")
