"""Who holds an old snapshot is named, by doctor and in a metric, also to a login that may not see it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from tests.support.services.holding_postgres import holding_postgres
from tests.support.services.installation import execute
from worker.operations.doctor.database_checks import checks_of
from worker.operations.doctor.findings import Finding
from worker.operations.doctor.parts import part_of
from worker.runtime.liveness.snapshots import HeldSnapshots, SnapshotAge, SnapshotWatch
from worker.settings.settings import Settings
from worker.storage.access.roles import create_roles
from worker.storage.access.snapshots import HolderKind
from worker.storage.engine import create_engine, opened, transaction
from worker.storage.migrate import upgrade

# Each block with an exception is a transaction of its own within, with its own id.
TEN_THOUSAND = """
CREATE TEMPORARY TABLE used (n integer);
DO $$
BEGIN
    FOR n IN 1..10001 LOOP
        BEGIN
            INSERT INTO used VALUES (n);
        EXCEPTION WHEN division_by_zero THEN
            NULL;
        END;
    END LOOP;
END
$$
"""
APPLICATION = {"application_name": "analysis"}


async def prepare(url: str) -> None:
    await upgrade(url)
    async with opened(url) as engine, transaction(engine) as connection:
        await create_roles(connection)
    for login, group in (("works", "worker"), ("reads", "reader")):
        await execute(url, f"CREATE ROLE {login} LOGIN PASSWORD 'x' IN ROLE marketmap_{group}")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of its administrator."""
    with (
        holding_postgres(tmp_path_factory.mktemp("holding")) as url,
        ThreadPoolExecutor(1) as thread,
    ):
        thread.submit(asyncio.run, prepare(url)).result()
        yield url


def as_login(url: str, login: str) -> str:
    return f"postgresql://{login}:x@{url.partition('@')[2]}"


@pytest.fixture
async def other(server: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of a reader."""
    connection = await asyncpg.connect(as_login(server, "reads"), server_settings=APPLICATION)
    yield connection
    await connection.close()


async def found(url: str) -> Finding:
    (check,) = [
        check for check in checks_of(part_of(Settings(), "worker")) if check.subject == "snapshots"
    ]
    settings = Settings(database_url=url, kafka_bootstrap_servers="127.0.0.1:1", admin_timeout_s=1)
    (finding,) = await check.run(settings, 10)
    return finding


async def ages(url: str, *, looks: int = 1) -> dict[HolderKind, SnapshotAge]:
    reported: list[HeldSnapshots] = []
    engine = create_engine(url)
    watch = SnapshotWatch(engine, report=reported.append)
    for _ in range(looks):
        await watch.look()
    await engine.dispose()
    held = reported[-1].ages
    assert held is not None
    return dict(held)


async def test_without_a_holder_all_is_well(server: str) -> None:
    finding = await found(server)
    assert finding.level == "OK"
    assert finding.message == "none is held for long: the oldest is 0 transactions old"
    assert {age.transactions for age in (await ages(server)).values()} == {0}


async def test_a_session_that_holds_one_is_named_with_what_ends_it(
    server: str, other: asyncpg.Connection
) -> None:
    await other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    pid = await other.fetchval("SELECT pg_backend_pid()")
    assert (await found(server)).level == "OK", "it has only begun"
    await execute(server, TEN_THOUSAND)
    finding = await found(server)
    assert finding.level == "WARNING"
    assert finding.message.startswith(f"pid {pid}, login reads, application analysis, since 20")
    assert "holds a snapshot, 10,0" in finding.message
    assert finding.remedy is not None
    assert finding.remedy.endswith(f"SELECT pg_terminate_backend({pid})")
    age = (await ages(server))["session"]
    assert age.transactions > 10_000
    assert age.seconds > 0
    await other.execute("COMMIT")
    assert (await found(server)).level == "OK"


async def test_a_login_that_may_not_see_it_says_so_and_measures_what_it_can(
    server: str, other: asyncpg.Connection
) -> None:
    worker = as_login(server, "works")
    idle = await found(worker)
    assert idle.level == "OK"
    assert idle.message.endswith("1 session of other logins is hidden, and has no transaction open")

    await other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM ingest_watermark")
    finding = await found(worker)
    assert finding.level == "WARNING"
    assert "login reads, application analysis: a transaction is open for more than 0.5 s" in (
        finding.message
    )
    assert "works may not see since when" in finding.message
    assert finding.remedy == (
        "as an administrator: GRANT pg_read_all_stats TO works; run this again"
    )
    first, second = await ages(worker), await ages(worker, looks=2)
    assert first["session"].seconds == 0
    assert second["session"].seconds > 0

    await execute(server, "GRANT pg_read_all_stats TO works")
    assert (await found(worker)).message.startswith("none is held for long")
    await execute(server, TEN_THOUSAND)
    assert "login reads" in (await found(worker)).message
    await execute(server, "REVOKE pg_read_all_stats FROM works")


async def test_short_transactions_of_others_are_no_reason_to_warn(
    server: str, other: asyncpg.Connection
) -> None:
    async def work() -> None:
        while True:
            await other.execute("BEGIN; SELECT count(*) FROM ingest_watermark; COMMIT")

    working = asyncio.create_task(work())
    finding = await found(as_login(server, "works"))
    working.cancel()
    assert finding.level == "OK"


async def test_a_prepared_transaction_is_named_with_what_ends_it(server: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute(
        "BEGIN; CREATE TABLE prepared (n integer); PREPARE TRANSACTION 'it''s'"
    )
    await execute(server, TEN_THOUSAND)
    for url in (server, as_login(server, "works")):
        finding = await found(url)
        assert finding.level == "WARNING"
        assert finding.message.startswith("the prepared transaction it's of postgres, since 20")
        assert finding.remedy is not None
        assert finding.remedy.endswith("or ROLLBACK PREPARED 'it''s'")
        assert (await ages(url))["prepared"].transactions > 10_000
    await connection.execute("ROLLBACK PREPARED 'it''s'")
    await connection.close()
    assert (await found(server)).level == "OK"


async def test_a_replication_slot_is_named_with_what_ends_it(server: str) -> None:
    await execute(server, "SELECT pg_create_logical_replication_slot('gone', 'pgoutput')")
    await execute(server, TEN_THOUSAND)
    for url in (server, as_login(server, "works")):
        finding = await found(url)
        assert finding.level == "WARNING"
        assert finding.message.startswith("the replication slot gone")
        assert finding.remedy is not None
        assert finding.remedy.endswith("SELECT pg_drop_replication_slot('gone')")
        assert (await ages(url))["slot"].transactions > 10_000
    await execute(server, "SELECT pg_drop_replication_slot('gone')")
    assert (await found(server)).level == "OK"
