"""TLS in front of a Postgres that was built without it, as a pooler or a load balancer adds it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Final
from urllib.parse import SplitResult, urlsplit

SSL_REQUEST: Final = (8).to_bytes(4) + (80877103).to_bytes(4)


@asynccontextmanager
async def tls_front(url: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    """The URL of the database on a port of its own, where only TLS is spoken."""
    front = _Front(urlsplit(url), context)
    server = await asyncio.start_server(front.accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield url.replace(f":{urlsplit(url).port}/", f":{port}/")
    finally:
        server.close()
        await front.ended()


class _Front:
    def __init__(self, target: SplitResult, context: ssl.SSLContext) -> None:
        self._target = target
        self._context = context
        self._connections: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def ended(self) -> None:
        """End every connection."""
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):  # either side may go, or not trust the other
            async with closing(writer):
                assert await reader.readexactly(len(SSL_REQUEST)) == SSL_REQUEST
                writer.write(b"S")
                await writer.start_tls(self._context)
                there, back = await asyncio.open_connection(
                    self._target.hostname, self._target.port
                )
                async with closing(back):
                    await _until_one_ends(_pipe(reader, back), _pipe(there, writer))


@asynccontextmanager
async def closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        await writer.wait_closed()


async def _pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(65536):
        sink.write(chunk)
        await sink.drain()


async def _until_one_ends(*pipes: Coroutine[None, None, None]) -> None:
    tasks = [asyncio.ensure_future(pipe) for pipe in pipes]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
