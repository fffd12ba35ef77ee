"""The logins of docker-compose.yml can do their work and nothing beside it, right after the migration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import yaml
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.markets import CATALOGUE
from worker.storage.engine import create_engine, transaction
from worker.storage.errors import StorageFatal
from worker.storage.inspection import lacking_privileges, read_server
from worker.storage.mappings import import_mappings
from worker.storage.migrate import upgrade

pytestmark = pytest.mark.services

ROOT = Path(__file__).parents[3]
SCRIPT = "deploy/compose/logins.sql"
SERVICES: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def login_of(service: str) -> tuple[str | None, str | None]:
    address = urlsplit(SERVICES[service]["environment"]["MARKETMAP_DATABASE_URL"])
    return address.username, address.password


@pytest.fixture
async def as_service(database: str) -> AsyncIterator[Any]:
    """`as_service("worker")`: an engine with the login that the service has, on a migrated database."""
    administrator, engines = await asyncpg.connect(database), []
    await administrator.execute((ROOT / SCRIPT).read_text(encoding="utf-8"))
    await upgrade(database)

    def log_in(service: str) -> AsyncEngine:
        user, password = login_of(service)
        address = urlsplit(database)
        place = f"{user}:{password}@{address.netloc.rpartition('@')[2]}"
        engines.append(create_engine(urlunsplit(address._replace(netloc=place))))
        return engines[-1]

    yield log_in
    for engine in engines:
        await engine.dispose()
    logins = "worker, reader, editor, approver"
    await administrator.execute(f"DROP OWNED BY {logins}; DROP ROLE {logins}")
    await administrator.close()


def test_postgres_runs_the_script_and_only_what_migrates_is_an_administrator() -> None:
    postgres = SERVICES["postgres"]
    assert f"./{SCRIPT}:/docker-entrypoint-initdb.d/logins.sql:ro" in postgres["volumes"]
    administrator = (
        postgres["environment"]["POSTGRES_USER"],
        postgres["environment"]["POSTGRES_PASSWORD"],
    )
    urls = {
        name
        for name, one in SERVICES.items()
        if "MARKETMAP_DATABASE_URL" in one.get("environment", {})
    }
    assert {name for name in urls if login_of(name) == administrator} == {"migrate"}


@pytest.mark.parametrize("service", ["worker", "relay"])
async def test_what_runs_has_all_it_needs_and_is_no_administrator(
    as_service: Any, service: str
) -> None:
    async with transaction(as_service(service)) as connection:
        assert await lacking_privileges(connection) == []
        assert not (await read_server(connection)).is_superuser


async def test_an_editor_imports_a_catalogue_and_a_worker_may_not(as_service: Any) -> None:
    async with transaction(as_service("editor")) as connection:
        await import_mappings(connection, CATALOGUE[:2], actor="you", reason="first import")
    with pytest.raises(StorageFatal, match="permission denied"):
        async with transaction(as_service("worker")) as connection:
            await import_mappings(connection, CATALOGUE[:2], actor="you", reason="first import")
