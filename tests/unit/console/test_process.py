"""More connections than the console takes are answered, and not served."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from worker.console.process import server_config

PATIENCE_S = 60


async def page(_: Request) -> PlainTextResponse:
    return PlainTextResponse("served")


@contextlib.asynccontextmanager
async def served(most_connections: int) -> AsyncIterator[int]:
    """The port of a server that takes this many connections."""
    server = uvicorn.Server(server_config(Starlette(routes=[Route("/", page)]), most_connections))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def ask(port: int) -> bytes:
    """The status line of an answer, on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return (await reader.readline()).split(b" ")[1]
    finally:
        writer.close()


async def answered(port: int, status: bytes) -> None:
    """Wait until it is answered so: connections are counted when the server has seen them."""
    async with asyncio.timeout(PATIENCE_S):
        while await ask(port) != status:
            pass


async def test_connections_beyond_the_limit_are_answered_503_until_others_end() -> None:
    async with served(3) as port:
        await answered(port, b"200")
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        await answered(port, b"503")
        for _, writer in idle:
            writer.close()
        await answered(port, b"200")


def test_the_console_has_a_limit() -> None:
    assert server_config(Starlette()).limit_concurrency == 1000
