"""Postgres over TLS: whom we trust, and whom it trusts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit, urlunsplit

import pytest
from sqlalchemy import text

from tests.support.certificates import Authority
from tests.support.edits import fetch
from tests.support.installation import execute, until
from worker.local.owned import owned_services
from worker.local.unprivileged import give_to_user
from worker.storage.engine import create_engine, transaction
from worker.storage.errors import StorageError, StorageFatal, StorageUnavailable
from worker.storage.listener import listen

if TYPE_CHECKING:
    from tests.conftest import Services

LISTENERS = """
SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'marketmap-listener'
"""

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "authority")


@pytest.fixture(scope="module")
def server(authority: Authority) -> Iterator[str]:
    """The URL of a server with a certificate; its user `ada` has to show one, too."""
    with owned_services(["postgres"]) as services:
        asyncio.run(_certify(services.postgres, authority, services.folder / "postgres" / "data"))
        yield services.postgres


async def _certify(url: str, authority: Authority, data: Path) -> None:
    certificate, key = authority.server()
    for name, file in {"server.crt": certificate, "server.key": key, "ca.crt": authority.ca_file}.items():
        (data / name).touch(mode=0o600)
        (data / name).write_bytes(file.read_bytes())
        give_to_user(data / name)
    access = data / "pg_hba.conf"
    access.write_text("hostssl all ada 127.0.0.1/32 cert\n" + access.read_text())
    statements = [
        "CREATE ROLE ada LOGIN",
        "ALTER SYSTEM SET ssl_ca_file = 'ca.crt'",
        "ALTER SYSTEM SET ssl = on",
        "SELECT pg_reload_conf()",
    ]
    for statement in statements:
        await execute(url, statement)

    async def speaks_tls() -> bool:
        try:
            return await uses_tls(with_tls(url, sslmode="require"))
        except StorageUnavailable:
            return False

    await until(speaks_tls)


def with_tls(url: str, netloc: str | None = None, **options: object) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode(options), netloc=netloc or parts.netloc))


def certified(authority: Authority, url: str, user: str) -> str:
    """The URL under which the user shows a certificate in place of a password."""
    certificate, key = authority.client(user)
    trusted = {"sslmode": "verify-full", "sslrootcert": authority.ca_file}
    netloc = f"ada@127.0.0.1:{urlsplit(url).port}"
    return with_tls(url, netloc, **trusted, sslcert=certificate, sslkey=key)


async def uses_tls(url: str) -> bool:
    engine = create_engine(url)
    try:
        async with transaction(engine) as connection:
            asked = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            return bool(await connection.scalar(asked))
    finally:
        await engine.dispose()


async def test_a_server_is_known_by_its_authority_and_its_name(server: str, authority: Authority) -> None:
    url = with_tls(server, sslmode="verify-full", sslrootcert=authority.ca_file)
    assert await uses_tls(url)


async def test_the_listening_connection_uses_tls_too(server: str, authority: Authority) -> None:
    url = with_tls(server, sslmode="verify-full", sslrootcert=authority.ca_file)
    listening = asyncio.Event()
    task = asyncio.create_task(listen(url, on_listening=listening.set, on_version=lambda _: None))
    await asyncio.wait_for(listening.wait(), 10)
    assert [row["ssl"] for row in await fetch(server, LISTENERS)] == [True]
    task.cancel()


async def test_a_server_of_a_foreign_authority_is_not_trusted(server: str, tmp_path: Path) -> None:
    foreign = Authority(tmp_path / "foreign")
    url = with_tls(server, sslmode="verify-full", sslrootcert=foreign.ca_file)
    with pytest.raises(StorageFatal, match="certificate verify failed"):
        await uses_tls(url)
    with pytest.raises(StorageFatal, match="certificate verify failed"):
        await listen(url, on_listening=lambda: None, on_version=lambda _: None)


async def test_a_server_under_another_name_is_not_trusted(server: str, authority: Authority) -> None:
    netloc = urlsplit(server).netloc.replace("127.0.0.1", "localhost")
    url = with_tls(server, netloc, sslmode="verify-full", sslrootcert=authority.ca_file)
    with pytest.raises(StorageFatal, match="certificate is not valid for 'localhost'"):
        await uses_tls(url)


async def test_a_certificate_stands_for_its_name(server: str, authority: Authority) -> None:
    assert await uses_tls(certified(authority, server, "ada"))


async def test_a_certificate_of_another_name_is_refused(server: str, authority: Authority) -> None:
    with pytest.raises(StorageError, match="certificate authentication failed"):
        await uses_tls(certified(authority, server, "bob"))


async def test_a_server_without_tls_is_not_spoken_to_where_tls_is_asked_for(services: Services) -> None:
    with pytest.raises(StorageUnavailable, match="rejected SSL upgrade"):
        await uses_tls(with_tls(services.postgres, sslmode="require"))
