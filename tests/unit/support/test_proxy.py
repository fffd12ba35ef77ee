"""What the faults of the network are made with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.support.services.proxy import Proxy

Connect = Callable[[], Awaitable["Client"]]

PATIENCE_S = 60


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(1000):
        writer.write(chunk)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    proxy = Proxy(server.sockets[0].getsockname()[:2])
    await proxy.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield proxy
    finally:
        await proxy.stop()
        server.close()
        await server.wait_closed()


@pytest.fixture
async def connect(proxy: Proxy) -> AsyncIterator[Connect]:
    clients: list[Client] = []

    async def connect() -> Client:
        clients.append(Client(*await asyncio.open_connection("127.0.0.1", proxy.port)))
        return clients[-1]

    yield connect
    for client in clients:
        client.writer.transport.abort()
    await asyncio.gather(
        *(client.writer.wait_closed() for client in clients), return_exceptions=True
    )


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, content: bytes) -> None:
        self.writer.write(content)

    async def answered(self, content: bytes) -> bool:
        self.send(content)
        return await self.reader.readexactly(len(content)) == content


async def test_what_goes_in_comes_out(proxy: Proxy, connect: Connect) -> None:
    assert await (await connect()).answered(b"hello")


async def test_a_cut_resets_connections_and_refuses_new_ones_until_it_is_mended(
    proxy: Proxy, connect: Connect
) -> None:
    client = await connect()
    assert await client.answered(b"hello")
    await proxy.cut()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await client.answered(b"hello")
    with pytest.raises(ConnectionError):
        await connect()
    await proxy.start()
    assert await (await connect()).answered(b"hello")


async def test_a_reset_spares_new_connections(proxy: Proxy, connect: Connect) -> None:
    client = await connect()
    assert await client.answered(b"hello")
    proxy.reset()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await client.answered(b"hello")
    assert await (await connect()).answered(b"hello")


async def test_what_a_frozen_proxy_holds_comes_out_when_it_thaws(
    proxy: Proxy, connect: Connect
) -> None:
    client = await connect()
    assert await client.answered(b"hello")
    proxy.freeze()
    client.send(b"later")
    await proxy.held(1)
    proxy.thaw()
    assert await client.reader.readexactly(5) == b"later"


async def test_a_forgotten_connection_is_silent_and_open_and_new_ones_are_served(
    proxy: Proxy, connect: Connect
) -> None:
    client = await connect()
    assert await client.answered(b"hello")
    proxy.forget()
    client.send(b"nobody")
    assert await (await connect()).answered(b"hello")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.reader.read(1), 0.2)
