"""Fixtures for tests on real services.

Addresses in the environment win; without them, one Kafka and one Postgres are started for the session, in a
temporary folder, and end with it even when it is killed.
"""

import asyncio
import os
import signal
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from tests.support.payloads import MISSING, PAYLOADS

if TYPE_CHECKING:
    from worker.local.services import LocalServices

# Our consoles keep the size that stands here when they are made, and no test could choose another. The
# processes of xdist inherit one from readline. Not in pytest_configure: other conftests are imported before.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)


def pytest_configure() -> None:
    """Let SIGTERM end the session as Ctrl-C does, so that fixtures stop what they started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@dataclass(frozen=True)
class Services:
    """`local` is None when either address came from the environment."""

    kafka: str
    postgres: str
    local: "LocalServices | None" = None


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    kafka = os.environ.get("MARKETMAP_KAFKA_BOOTSTRAP_SERVERS")
    postgres = os.environ.get("MARKETMAP_DATABASE_URL")
    if kafka and postgres:
        yield Services(kafka, postgres)
        return
    from worker.local.owned import owned_services

    with owned_services() as local:
        _sync_nothing(local.postgres)
        yield Services(
            kafka or local.kafka, postgres or local.postgres, None if kafka or postgres else local
        )


@pytest.fixture(scope="module")
def breakable_services() -> Iterator["LocalServices"]:
    """A pair for the tests of one module to kill, stop and restart. A test leaves both running."""
    from worker.local.owned import owned_services

    with owned_services() as local:
        yield local


@pytest.fixture
def database(services: Services) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _execute(services.postgres, f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(services.postgres)._replace(path=f"/{name}"))
    _execute(services.postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def payloads() -> Path:
    """The folder with one real event as each bookmaker's API returned it; without it the test is skipped."""
    if not PAYLOADS.is_dir():
        pytest.skip(MISSING)
    return PAYLOADS


@pytest.fixture
def topic_prefix() -> str:
    """A prefix no other test uses, so that tests share a broker."""
    return f"t{uuid.uuid4().hex[:10]}."


def _sync_nothing(url: str) -> None:
    """No test cuts the power of this server; making and dropping databases would wait for the disk."""
    _execute(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")


def _execute(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    # In a thread of its own: the test's event loop stays untouched.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()
