"""The HTTP endpoints of a long-running process: /startupz, /livez, /readyz, /metrics, a worker's /status."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, Protocol

from aiohttp import web

from worker.domain.errors import FatalError
from worker.runtime.telemetry.bounded_http import CONNECTION_S, Connections

# Reasons why the process is not ready, alive or started; none if it is. Or what else to know about it.
Sentences = Callable[[], Sequence[str]]


# Nothing but the page itself: no script, no picture, no form, no frame around it, no copy of it.
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class MetricsText(Protocol):
    def text(self) -> bytes:
        """The metrics in Prometheus's text format."""


class HealthServer:
    """Serves while it is started. ``port`` 0 takes a free one; ``address`` says which."""

    def __init__(
        self,
        host: str,
        port: int,
        metrics: MetricsText,
        *,
        not_ready: Sentences,
        notes: Sentences = tuple,
        stalled: Sentences = tuple,
        not_started: Sentences = tuple,
        status: Callable[[], Awaitable[str]] | None = None,
        connection_s: float = CONNECTION_S,
    ) -> None:
        self._host = host
        self._port = port
        self._metrics = metrics
        self._not_ready = not_ready
        self._notes = notes
        self._stalled = stalled
        self._not_started = not_started
        self._status = status
        self._connection_s = connection_s
        self._runner: web.AppRunner | None = None
        self._listener: asyncio.Server | None = None
        self.address = ""

    async def start(self) -> None:
        connections = Connections(self._connection_s)
        app = web.Application(client_max_size=1024, middlewares=[connections.mark_busy])
        app.on_response_prepare.extend([_without_software, _last_of_its_connection])
        app.add_routes(
            [
                web.get("/startupz", self._startupz),
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._show_metrics),
            ]
        )
        if self._status is not None:
            app.router.add_get("/status", partial(_page, self._status))
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        try:
            self._listener = await connections.listen(self._runner, self._host, self._port)
        except OSError as error:
            raise FatalError(
                f"cannot listen on {self._host}:{self._port} ({error.strerror or error}): "
                "MARKETMAP_HTTP_HOST and MARKETMAP_HTTP_PORT choose another address"
            ) from error
        host, port = self._listener.sockets[0].getsockname()[:2]
        self.address = f"http://{host}:{port}"

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _startupz(self, _: web.Request) -> web.Response:
        return _answer("started", self._not_started())

    async def _livez(self, _: web.Request) -> web.Response:
        return _answer("alive", self._stalled())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _answer("ready", [*self._not_ready(), *self._stalled()], notes=list(self._notes()))

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"}
        )


async def _without_software(_: web.Request, response: web.StreamResponse) -> None:
    """Remove the server's name and version: they help those who look for a known weakness."""
    response.headers.pop("Server", None)


async def _last_of_its_connection(_: web.Request, response: web.StreamResponse) -> None:
    """Close after each response: the time limit of a reused connection would some day cut a request off."""
    response.headers["Connection"] = "close"
    response.force_close()


def _answer(state: str, against: Sequence[str], **more: Sequence[str]) -> web.Response:
    """Return 200 if there is no reason against the state, else 503 with the reasons."""
    answer = {state: not against, "reasons": list(against), **more}
    return web.json_response(answer, status=503 if against else 200)


async def _page(html: Callable[[], Awaitable[str]], _: web.Request) -> web.Response:
    return web.Response(text=await html(), content_type="text/html", headers=_PAGE_HEADERS)
