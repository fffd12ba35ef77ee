"""The HTTP endpoints of a long-running process: /livez, /readyz and /metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from aiohttp import web

# Reasons why the process is not ready, none when it is; or what else an operator should know.
Sentences = Callable[[], Sequence[str]]


class Metrics(Protocol):
    def text(self) -> bytes:
        """The metrics in Prometheus's text format."""


class HealthServer:
    """Serves while it is started. ``port`` 0 takes a free one; ``address`` says which."""

    def __init__(
        self, host: str, port: int, metrics: Metrics, not_ready: Sentences, notes: Sentences = tuple
    ) -> None:
        self._host = host
        self._port = port
        self._metrics = metrics
        self._not_ready = not_ready
        self._notes = notes
        self._runner: web.AppRunner | None = None
        self.address = ""

    async def start(self) -> None:
        app = web.Application(client_max_size=1024)
        app.add_routes(
            [
                web.get("/livez", self._livez),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._show_metrics),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"http://{host}:{port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _livez(self, _: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _readyz(self, _: web.Request) -> web.Response:
        reasons = list(self._not_ready())
        answer = {"ready": not reasons, "reasons": reasons, "notes": list(self._notes())}
        return web.json_response(answer, status=503 if reasons else 200)

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})
