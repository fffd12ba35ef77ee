"""Postgres over TLS: whom we trust, and what we show. A front speaks it: the embedded server cannot."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

from tests.support.services.certificates import Authority
from tests.support.services.installation import PATIENCE_S
from tests.support.services.tls_front import tls_front
from worker.storage.engine import create_engine, transaction
from worker.storage.errors import StorageError, StorageFatal, StorageUnavailable
from worker.storage.listener import listen

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "authority")


@pytest.fixture
def context(authority: Authority) -> ssl.SSLContext:
    """A server with the certificate of 127.0.0.1."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.ca_file)
    context.load_cert_chain(*authority.server())
    return context


@pytest.fixture
async def server(services: Services, context: ssl.SSLContext) -> AsyncIterator[str]:
    async with tls_front(services.postgres, context) as url:
        yield url


def asked(url: str, ca_file: Path, **more: Path) -> str:
    return f"{url}?{urlencode({'sslmode': 'verify-full', 'sslrootcert': ca_file} | more)}"


async def connects(url: str) -> bool:
    engine = create_engine(url)
    try:
        async with transaction(engine) as connection:
            return bool(await connection.scalar(text("SELECT true")))
    finally:
        await engine.dispose()


async def test_a_server_is_known_by_its_authority_and_its_name(
    server: str, authority: Authority
) -> None:
    assert await connects(asked(server, authority.ca_file))


async def test_the_listening_connection_asks_for_the_same(
    server: str, authority: Authority
) -> None:
    listening = asyncio.Event()
    url = asked(server, authority.ca_file)
    task = asyncio.create_task(listen(url, on_listening=listening.set, on_version=lambda _: None))
    await asyncio.wait_for(listening.wait(), PATIENCE_S)
    task.cancel()
    await asyncio.wait({task})


async def test_a_server_of_a_foreign_authority_is_not_trusted(server: str, tmp_path: Path) -> None:
    url = asked(server, Authority(tmp_path / "foreign").ca_file)
    with pytest.raises(StorageFatal, match="certificate verify failed"):
        await connects(url)
    with pytest.raises(StorageFatal, match="certificate verify failed"):
        await listen(url, on_listening=lambda: None, on_version=lambda _: None)


async def test_a_server_under_another_name_is_not_trusted(
    server: str, authority: Authority
) -> None:
    url = asked(server.replace("127.0.0.1", "localhost"), authority.ca_file)
    with pytest.raises(StorageFatal, match="certificate is not valid for 'localhost'"):
        await connects(url)


async def test_a_server_that_asks_for_a_certificate_gets_ours(
    services: Services, context: ssl.SSLContext, authority: Authority
) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    certificate, key = authority.client("ada")
    async with tls_front(services.postgres, context) as url:
        assert await connects(asked(url, authority.ca_file, sslcert=certificate, sslkey=key))
        with pytest.raises(StorageError):
            await connects(asked(url, authority.ca_file))


async def test_a_server_without_tls_is_not_spoken_to_where_tls_is_asked_for(
    services: Services,
) -> None:
    with pytest.raises(StorageUnavailable, match="rejected SSL upgrade"):
        await connects(f"{services.postgres}?sslmode=require")
