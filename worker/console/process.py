"""The console as a process: its pages on one port; health and metrics on another, as for every process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import time
from collections.abc import Callable, Iterator
from typing import Final

import structlog
import uvicorn
from starlette.types import ASGIApp

from worker.console.app import make_app
from worker.console.bounded_protocol import BoundedProtocol
from worker.console.context import Console
from worker.console.databases import Databases
from worker.console.live import LiveChanges
from worker.console.metrics import ConsoleMetrics
from worker.console.sign_in.door import Door, require_safe_settings
from worker.domain.errors import FatalError
from worker.runtime.liveness.watchdog import Awaited, Progress, Watchdog
from worker.runtime.process import Stop, end_in_order
from worker.runtime.serving import serve
from worker.runtime.telemetry.health import HealthServer
from worker.settings.connected import DatabaseSettings
from worker.settings.console_users import UsersFileError

log = structlog.get_logger()

_BACKLOG: Final = 512
_GRACE_S: Final = 5
# Open pages hold up to 200 of them.
_MOST_CONNECTIONS: Final = 1000


class ConsoleProcess:
    """Needs the database; reads Kafka only for dead letters. ``announce`` is given the pages' address."""

    def __init__(
        self, settings: DatabaseSettings, announce: Callable[[str], None] = lambda _: None
    ) -> None:
        require_safe_settings(settings)
        self._settings = settings
        self._announce = announce
        self._stop = Stop()
        self._metrics = ConsoleMetrics()
        self._databases = Databases(settings)
        self._live = LiveChanges(self._databases)
        self._door = Door(settings, time.monotonic)
        console = Console(settings, self._databases, self._live, self._metrics)
        self._republisher = console.republisher
        self._app = make_app(console, self._door)
        self._server: _Server | None = None
        self._watchdog = Watchdog(
            self._look,
            Progress(settings.stall_timeout_s, 2 * settings.watchdog_interval_s),
            interval_s=settings.watchdog_interval_s,
        )
        self._health = HealthServer(
            settings.http_host,
            settings.http_port,
            self._metrics,
            not_ready=self._not_ready,
            stalled=self._watchdog.stalled,
            not_started=self._not_started,
        )

    async def run(self) -> int:
        """Run until a signal or a fatal error; return the exit code."""
        return await serve(
            self._work, self._settings, self._health, self._watchdog, self._stop, close=self._close
        )

    async def _work(self) -> None:
        if self._door.users is not None:
            _require_users(self._door)
        listener = _listen(self._settings.console_host, self._settings.console_port)
        self._server = _Server(server_config(self._app))
        # What is loaded stays. To visit it in each full collection would stop all pages for 0.3 s.
        gc.freeze()
        self._announce(address_of(listener))
        log.info("console_listening", address=address_of(listener), sign_in=self._door.form)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._live.run())
            tasks.create_task(self._server.serve(sockets=[listener]))

    async def _close(self) -> None:
        self._live.close()
        if self._server is not None:
            self._server.should_exit = True
        parts = {
            "endpoints": self._health.stop,
            "replays": self._republisher.close,
            "database": self._databases.close,
        }
        await end_in_order(parts, self._settings.shutdown_timeout_s)
        log.info("console_stopped")

    async def _look(self) -> list[Awaited]:
        return []

    def _not_started(self) -> list[str]:
        is_serving = self._server is not None and self._server.started
        return [] if is_serving else ["the console does not listen yet"]

    def _not_ready(self) -> list[str]:
        failed = self._live.failed
        reasons = [*self._not_started(), *([] if failed is None else [failed])]
        self._metrics.ready.set(0 if reasons else 1)
        return reasons


def server_config(app: ASGIApp, most_connections: int = _MOST_CONNECTIONS) -> uvicorn.Config:
    """How the pages are served, on up to this many connections: see `BoundedProtocol`."""
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        # A connection that becomes a web socket would no longer be bounded.
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE_S,
        # From this number on it answers 503, the one that asks included.
        limit_concurrency=most_connections + 1,
        h11_max_incomplete_event_size=64 * 1024,
    )


class _Server(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)  # noqa: FBT003  (its only argument)
    except OSError as error:
        raise FatalError(
            f"cannot listen on {host}:{port} ({error.strerror or error}): "
            "MARKETMAP_CONSOLE_HOST and MARKETMAP_CONSOLE_PORT choose another address"
        ) from error
    return listener


def _require_users(door: Door) -> None:
    try:
        if door.users is not None and not door.users.load():
            raise FatalError("the file of users names nobody: `marketmap console users add`")
    except UsersFileError as error:
        raise FatalError(f"MARKETMAP_CONSOLE_USERS_FILE: {error}") from error
