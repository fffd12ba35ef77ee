"""The processes of a demo: started, watched, stopped, and what the worker's log says."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from rich.progress import Progress

from worker.cli.console import err, fail
from worker.cli.progress import counts
from worker.domain.errors import TransientError
from worker.kafka.connections import admin_of
from worker.local.addresses import default_folder
from worker.settings.connected import ConnectedSettings

_PATIENCE_S: Final = 300.0
_PAUSE_S: Final = 0.05
_WATCHED_BYTES: Final = 500 * 1024  # an event has 17


@dataclass
class DemoProcess:
    """A running process, named as `marketmap run` does; its log is JSON lines."""

    name: str
    settings: ConnectedSettings
    process: subprocess.Popen[bytes]
    log: Path

    def require_alive(self) -> None:
        if self.process.poll() is not None:
            fail(f"The {self.name} process ended unexpectedly; its log is {self.log}.")


class DemoWorker(DemoProcess):
    """A running worker."""

    async def has_committed(self, records: int) -> None:
        """Show its progress until it has committed this number of records."""
        admin = admin_of(self.settings)
        with progress() as shown:
            bar = shown.add_task("Resolving", total=records)
            async with asyncio.timeout(_PATIENCE_S):
                while not shown.finished:
                    self.require_alive()
                    try:
                        backlog = await admin.backlog(
                            self.settings.group_id, self.settings.topics.observations.values()
                        )
                    except TransientError:  # the group is just being formed
                        backlog = None
                    shown.update(bar, completed=backlog.done if backlog else 0)
                    await asyncio.sleep(_PAUSE_S)

    async def has_version(self, version: int) -> dict[str, Any]:
        """What it logged when it went over to this mapping version or a later one."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                self.require_alive()
                for line in self.log.read_bytes().splitlines():
                    said = _read_line(line)
                    if said.get("event") == "index_loaded" and said.get("version", 0) >= version:
                        return said
                await asyncio.sleep(_PAUSE_S)


@asynccontextmanager
async def running_worker(settings: ConnectedSettings) -> AsyncIterator[DemoWorker]:
    """A worker with its relay; stopped at the end, and a failure of it is the demo's."""
    chosen = settings.model_copy(update={"relay_in_worker": True})
    async with _running("worker", chosen) as (process, log):
        yield DemoWorker("worker", settings, process, log)


@asynccontextmanager
async def running_insight(settings: ConnectedSettings) -> AsyncIterator[DemoProcess]:
    """An insight process that does not rest; stopped at the end, and a failure of it is the demo's.

    It watches some thirty events: enough for a suggestion and an alarm, whatever the size of the scrape.
    """
    chosen = settings.model_copy(
        update={
            "insight_interval_s": 3.0,
            "insight_cpu_share": 1.0,
            "insight_max_bytes": _WATCHED_BYTES,
        }
    )
    async with _running("insight", chosen) as (process, log):
        yield DemoProcess("insight", settings, process, log)


@asynccontextmanager
async def _running(
    name: str, settings: ConnectedSettings
) -> AsyncIterator[tuple[subprocess.Popen[bytes], Path]]:
    log = Path(default_folder()) / f"demo-{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        command = [sys.executable, "-m", "worker.cli", "run", name]
        process = subprocess.Popen(  # noqa: ASYNC220, S603  # starts at once; our own command
            command, env=_environment(settings), stdout=stream, stderr=stream
        )
    try:
        yield process, log
    finally:
        process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(process.wait)
    if code:
        fail(f"The {name} process ended with exit code {code}; its log is {log}.")


def progress() -> Progress:
    return Progress(*counts(), console=err)


def _environment(settings: ConnectedSettings) -> dict[str, str]:
    chosen = settings.model_copy(update={"log_format": "json"})
    ours = chosen.model_dump(exclude_none=True, exclude_defaults=True)
    return os.environ | {f"MARKETMAP_{name.upper()}": str(value) for name, value in ours.items()}


def _read_line(line: bytes) -> dict[str, Any]:
    """A log line; nothing for one that is only half written."""
    try:
        read = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}
