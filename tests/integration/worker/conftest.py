"""A whole installation on real services. What a worker process did is told once, and judged by many tests."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.support.guarded_kafka import GuardedKafka, guarded_kafka
from tests.support.installation import Installation, execute, fill, installed, temporary_database

if TYPE_CHECKING:
    from tests.conftest import Services

T = TypeVar("T")
InInstallation = Callable[..., Any]


@pytest.fixture(scope="session")
def template(services: "Services") -> Iterator[str]:
    """A migrated database with the catalogue: copying it is quicker than making one."""

    name = f"template_{uuid.uuid4().hex[:12]}"

    async def make() -> None:
        await execute(services.postgres, f"CREATE DATABASE {name}")
        await fill(urlunsplit(urlsplit(services.postgres)._replace(path=f"/{name}")))

    with ThreadPoolExecutor(1) as thread:  # the tests' event loops stay untouched
        thread.submit(asyncio.run, make()).result()
        yield name
        thread.submit(asyncio.run, execute(services.postgres, f"DROP DATABASE {name}")).result()


@pytest.fixture
async def installation(services: "Services", template: str, tmp_path: Path) -> AsyncIterator[Installation]:
    async with (
        temporary_database(services.postgres, template) as url,
        installed(services.kafka, url, tmp_path) as installation,
    ):
        yield installation


@pytest.fixture(scope="module")
def in_installation(
    services: "Services", template: str, tmp_path_factory: pytest.TempPathFactory
) -> InInstallation:
    """Runs a scenario in an installation of its own, in an event loop of its own, and gives its outcome."""

    async def run(scenario: Callable[[Installation], Awaitable[T]], **settings: Any) -> T:
        folder = tmp_path_factory.mktemp("scenario")
        async with (
            temporary_database(services.postgres, template) as url,
            installed(services.kafka, url, folder, **settings) as installation,
        ):
            return await scenario(installation)

    def run_in_thread(scenario: Callable[[Installation], Awaitable[T]], **settings: Any) -> T:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, run(scenario, **settings)).result()

    return run_in_thread


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    with guarded_kafka(tmp_path_factory.mktemp("guarded")) as kafka:
        yield kafka


@pytest.fixture
async def guarded_installation(
    guarded: GuardedKafka, services: "Services", template: str, tmp_path: Path
) -> AsyncIterator[Installation]:
    """As whoever may do everything on the guarded broker sees it."""
    async with (
        temporary_database(services.postgres, template) as url,
        installed(guarded.plaintext, url, tmp_path) as installation,
    ):
        yield installation
