"""Listening for HTTP so that no client can hold more than its part of the process.

The server behind bounds the size of a request, but not how long one may take, nor how many connections there
are. Whoever opens connections and sends nothing must not keep out a probe: the newest connection is always
served, and the oldest one that waits for its client makes room for it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

CONNECTION_S: Final = 30.0
MOST_CONNECTIONS: Final = 100

_SWEEP_S: Final = 1.0


class Connections:
    """The connections of one server. `mark_busy` belongs to the middlewares of its application."""

    def __init__(self, connection_s: float) -> None:
        self._connection_s = connection_s
        self._server: web.Server | None = None
        self._listener: asyncio.Server | None = None
        self._since: dict[web.RequestHandler, float] = {}
        self._dropped: set[web.RequestHandler] = set()
        self._busy: set[web.RequestHandler] = set()

    @web.middleware
    async def mark_busy(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Know which connections wait for us, and not for their client."""
        self._busy.add(request.protocol)
        try:
            return await handler(request)
        finally:
            self._busy.discard(request.protocol)

    async def listen(self, runner: web.AppRunner, host: str, port: int) -> asyncio.Server:
        """Serve until the server is closed.

        A connection is cut off after ``connection_s``, whatever it is at: each is to serve one request. Of
        more than MOST_CONNECTIONS the oldest that wait for their client are cut off; if all of them are
        being answered, the new one is refused.
        """
        if runner.server is None:
            raise RuntimeError("the runner is not set up")
        self._server = runner.server
        self._listener = await asyncio.get_running_loop().create_server(self._accept, host, port)
        self._sweep()
        return self._listener

    def _accept(self) -> asyncio.Protocol:
        if self._server is None or not self._make_room():
            return _Refusal()
        return self._server()

    def _make_room(self) -> bool:
        open_ = self._open()
        excess = len(open_) + 1 - MOST_CONNECTIONS
        idle = [connection for connection in open_ if connection not in self._busy]
        for connection in idle[: max(excess, 0)]:
            self._drop(connection)
        return excess <= len(idle)

    def _sweep(self) -> None:
        """Cut off what has lasted too long. One timer for all: a closed connection leaves nothing behind."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        open_ = self._open()
        self._since = {connection: self._since.get(connection, now) for connection in open_}
        for connection, since in self._since.items():
            if now - since >= self._connection_s:
                self._drop(connection)
        if open_ or (self._listener is not None and self._listener.is_serving()):
            loop.call_later(min(_SWEEP_S, self._connection_s / 4), self._sweep)

    def _open(self) -> list[web.RequestHandler]:
        """Those that are not cut off, the oldest first. The server forgets one when its task has ended."""
        known = self._server.connections if self._server else []
        self._dropped.intersection_update(known)
        return [connection for connection in known if connection not in self._dropped]

    def _drop(self, connection: web.RequestHandler) -> None:
        self._dropped.add(connection)
        # Closing would wait for a client that reads nothing.
        if connection.transport is not None:
            connection.transport.abort()
        connection.force_close()


class _Refusal(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
