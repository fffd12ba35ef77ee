"""Listening for HTTP so that no client can hold more than its part of the process.

The server behind bounds the size of a request, but not for how long one may take.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

CONNECTION_S: Final = 30.0
MOST_CONNECTIONS: Final = 100


async def listen(
    runner: web.AppRunner, host: str, port: int, *, connection_s: float = CONNECTION_S
) -> asyncio.Server:
    """Serve until the server is closed.

    A connection is cut off after ``connection_s``, whatever it is at: each is to serve one request. While
    there are MOST_CONNECTIONS, further ones are refused.
    """
    loop, server = asyncio.get_running_loop(), runner.server
    if server is None:
        raise RuntimeError("the runner is not set up")

    def accept() -> asyncio.Protocol:
        if len(server.connections) >= MOST_CONNECTIONS:
            return _Refusal()
        handler = server()
        loop.call_later(connection_s, handler.force_close)
        return handler

    return await loop.create_server(accept, host, port)


class _Refusal(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
