"""The worker process of a demo: started, watched, stopped, and what its log says."""

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


@dataclass
class DemoWorker:
    """A running worker; its log is JSON lines."""

    settings: ConnectedSettings
    process: subprocess.Popen[bytes]
    log: Path

    def require_alive(self) -> None:
        if self.process.poll() is not None:
            fail(f"The worker ended unexpectedly; its log is {self.log}.")

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
    log = Path(default_folder()) / "demo-worker.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as stream:
        command = [sys.executable, "-m", "worker.cli", "run", "worker"]
        process = subprocess.Popen(  # noqa: ASYNC220, S603  # starts at once; our own command
            command, env=_environment(settings), stdout=stream, stderr=stream
        )
    try:
        yield DemoWorker(settings, process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(process.wait)
    if code:
        fail(f"The worker ended with exit code {code}; its log is {log}.")


def progress() -> Progress:
    return Progress(*counts(), console=err)


def _environment(settings: ConnectedSettings) -> dict[str, str]:
    chosen = settings.model_copy(update={"log_format": "json", "relay_in_worker": True})
    ours = chosen.model_dump(exclude_none=True, exclude_defaults=True)
    return os.environ | {f"MARKETMAP_{name.upper()}": str(value) for name, value in ours.items()}


def _read_line(line: bytes) -> dict[str, Any]:
    """A log line; nothing for one that is only half written."""
    try:
        read = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}
