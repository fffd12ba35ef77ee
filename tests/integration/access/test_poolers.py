"""Behind a real PgBouncer: session pooling works, transaction pooling is refused with the reason."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.services.installation import PATIENCE_S, Installation
from tests.support.services.pgbouncer import pgbouncer
from tests.support.stream import expected_counts, stream
from worker.operations.doctor.database_checks import checks_of
from worker.operations.doctor.findings import Finding
from worker.operations.doctor.parts import part_of
from worker.settings.settings import Settings
from worker.storage.access.sessions import Sessions, examine_sessions, require_sessions
from worker.storage.audit_sql import CHANNEL
from worker.storage.engine import opened, transaction
from worker.storage.errors import StorageFatal, StorageUnavailable
from worker.storage.lead import leading
from worker.storage.listener import listen

pytestmark = pytest.mark.services

KEPT = Sessions(are_kept=True, hear_notifications=True)
# What operators set to make a client work that sends start-up parameters.
USUAL = "ignore_startup_parameters = extra_float_digits,jit,statement_timeout,lock_timeout"


async def doctor(url: str) -> Finding:
    """What the doctor says of the sessions."""
    settings = Settings(database_url=url, admin_timeout_s=10)
    checks = checks_of(part_of(settings, "worker"))
    (sessions,) = [check for check in checks if check.subject == "sessions"]
    (finding,) = await sessions.run(settings, 20)
    return finding


async def test_a_direct_connection_is_a_session(database: str) -> None:
    assert await examine_sessions(database) == KEPT
    assert (await doctor(database)).level == "OK"


@pytest.mark.parametrize("more", ["", USUAL])
async def test_in_session_mode_everything_holds_that_a_session_holds(
    database: str, tmp_path: Path, more: str
) -> None:
    async with pgbouncer(database, tmp_path / "bouncer", mode="session", more=more) as url:
        assert await examine_sessions(url) == KEPT
        assert (await doctor(url)).level == "OK"
        await require_sessions(url)


async def test_in_session_mode_timeouts_hold_in_every_transaction(
    database: str, tmp_path: Path
) -> None:
    async with (
        pgbouncer(database, tmp_path / "bouncer", mode="session", more=USUAL) as url,
        opened(url, statement_timeout_s=0.2, pool_size=1) as engine,
    ):
        for _ in range(2):
            with pytest.raises(Exception, match="statement timeout"):
                async with transaction(engine) as connection:
                    await connection.execute(text("SELECT pg_sleep(30)"))


async def test_in_session_mode_a_listener_hears_and_a_second_relay_does_not_lead(
    migrated: str, tmp_path: Path
) -> None:
    async with pgbouncer(migrated, tmp_path / "bouncer", mode="session") as url:
        listening, heard, stood_by = asyncio.Event(), asyncio.Event(), asyncio.Event()
        listener = asyncio.create_task(
            listen(url, on_listening=listening.set, on_version=lambda _: heard.set())
        )
        await asyncio.wait_for(listening.wait(), PATIENCE_S)
        async with opened(url) as engine, transaction(engine) as connection:
            await connection.execute(text(f"SELECT pg_notify('{CHANNEL}', '1')"))
        await asyncio.wait_for(heard.wait(), PATIENCE_S)
        listener.cancel()

        async def lead() -> None:
            async with leading(url, "t", silence_s=60, on_standby=stood_by.set):
                pytest.fail("two relays lead")

        async with leading(url, "t", silence_s=60, on_standby=lambda: None):
            second = asyncio.create_task(lead())
            await asyncio.wait_for(stood_by.wait(), PATIENCE_S)
            second.cancel()


@pytest.mark.parametrize("more", ["", USUAL])
async def test_in_transaction_mode_worker_relay_and_doctor_say_what_is_wrong(
    database: str, tmp_path: Path, more: str
) -> None:
    async with pgbouncer(database, tmp_path / "bouncer", mode="transaction", more=more) as url:
        assert not (await examine_sessions(url)).are_kept
        with pytest.raises(StorageFatal, match="pooler in transaction mode"):
            await require_sessions(url)
        with pytest.raises(StorageFatal, match="pooler in transaction mode"):
            async with leading(url, "t", silence_s=60, on_standby=lambda: None):
                pytest.fail("it leads")
        finding = await doctor(url)
        assert finding.level == "FAILURE"
        assert "pooler in transaction mode" in finding.message
        assert "pool_mode = session" in (finding.remedy or "")


async def test_a_worker_behind_a_pooler_in_transaction_mode_ends_and_says_why(
    installation: Installation, tmp_path: Path
) -> None:
    url = installation.settings.database_url
    async with pgbouncer(url, tmp_path / "bouncer", mode="transaction") as pooled:
        installation.start_worker(MARKETMAP_DATABASE_URL=pooled)
        assert await installation.ended() == 1
    (fatal,) = [line for line in installation.logs() if line["event"] == "fatal"]
    assert "pooler in transaction mode" in fatal["error"]
    assert "docs/deploying.md" in fatal["error"]


async def test_a_worker_behind_a_pooler_in_session_mode_counts(
    installation: Installation, tmp_path: Path
) -> None:
    await installation.publish(stream(30))
    url = installation.settings.database_url
    async with pgbouncer(url, tmp_path / "bouncer", mode="session", pool_size=8) as pooled:
        installation.start_worker(MARKETMAP_DATABASE_URL=pooled, MARKETMAP_RELAY_IN_WORKER="true")
        await installation.caught_up()
        assert await installation.counts() == expected_counts(30)
        assert await installation.stop_worker() == 0


async def test_a_pool_that_is_used_up_is_named(database: str, tmp_path: Path) -> None:
    async with pgbouncer(database, tmp_path / "bouncer", mode="session", pool_size=1) as url:
        with pytest.raises(StorageUnavailable, match="pool used up"):
            await examine_sessions(url, timeout_s=2)
