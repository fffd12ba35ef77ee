"""Processes that are measured: started in a place, watched through what they log, ended."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from worker.domain.errors import TransientError
from worker.lab.bench.contestants import Contestant
from worker.lab.bench.ground import RunSite

_PATIENCE_S: Final = 300.0
_END_S: Final = 30.0
_TAIL: Final = 2000


class BenchError(Exception):
    """A run cannot be measured: a process ended by itself, or nothing moves."""


@dataclass
class Process:
    contestant: Contestant
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def require_alive(self) -> None:
        if self.process.poll() not in {None, 0}:
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]
            raise BenchError(
                f"{self.contestant.name} ended with {self.process.returncode}:\n{tail}"
            )

    def said(self, event: str) -> dict[str, Any] | None:
        """The first line that it has logged of an event."""
        return next(self._lines(event), None)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """All lines that it has logged of an event."""
        return list(self._lines(event))

    def times_said(self, event: str) -> int:
        """How many lines it has logged of an event."""
        return sum(1 for _ in self._lines(event))

    def _lines(self, event: str) -> Iterator[dict[str, Any]]:
        content = self.log.read_bytes()
        whole = content[: content.rfind(b"\n") + 1].splitlines()
        lines = (orjson.loads(line) for line in whole if line.startswith(b"{"))
        return (line for line in lines if line.get("event") == event)

    async def has_said(self, event: str) -> dict[str, Any]:
        """Wait for the first line of an event."""
        found: list[dict[str, Any]] = []

        async def is_there() -> bool:
            self.require_alive()
            line = self.said(event)
            found.extend([] if line is None else [line])
            return line is not None

        await until(is_there, every_s=0.01)
        return found[0]


@asynccontextmanager
async def started(
    contestant: Contestant, place: RunSite, number: int = 1
) -> AsyncIterator[list[Process]]:
    """So many processes of a contestant in one group; asked to end, and made to, at the end."""
    with tempfile.TemporaryDirectory() as folder:
        processes = [
            _start(contestant, place, Path(folder) / f"{each}.log") for each in range(number)
        ]
        try:
            yield processes
        finally:
            for one in processes:
                one.process.terminate()
            await asyncio.gather(*(asyncio.to_thread(_end, one.process) for one in processes))


async def until(
    condition: Callable[[], Awaitable[bool]], *, every_s: float, patience_s: float = _PATIENCE_S
) -> None:
    """Ask until the answer is yes; no answer counts as no. Raises BenchError after ``patience_s``."""
    try:
        async with asyncio.timeout(patience_s):
            while not await _holds(condition):  # noqa: ASYNC110  # another process cannot set an event
                await asyncio.sleep(every_s)
    except TimeoutError as error:
        raise BenchError(f"nothing came of it within {patience_s:.0f} s") from error


async def _holds(condition: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await condition()
    except TransientError:
        return False


def _start(contestant: Contestant, place: RunSite, log: Path) -> Process:
    command = [sys.executable, "-m", contestant.module, *contestant.arguments]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=place.environment, stdout=stream, stderr=stream)  # noqa: S603  # our own command
    return Process(contestant, process, log)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
