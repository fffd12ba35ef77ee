"""Processes as an orchestrator runs them: one that ends is started again, with a bounded backoff."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple

import orjson

from tests.faults.stage.switchboard import FOLDER_VARIABLE, PROCESS_VARIABLE
from tests.support.services.installation import Installation
from tests.support.services.nursery import Child, Nursery

FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 2.0
END_TIMEOUT_S = 45.0
TAIL_LINES = 12

Kind = Literal["worker", "snapshot", "insight"]
# What a process logs when it has opened a partition, or leads.
OPENED: Final[dict[Kind, str]] = {
    "worker": "partition_opened",
    "snapshot": "snapshot_opened",
    "insight": "insight_leads",
}


class End(NamedTuple):
    """How a process ended. ``told``: it was asked to, by SIGTERM. ``early``: before it listened for that."""

    slot: int
    pid: int
    code: int
    told: bool
    early: bool

    @property
    def in_order(self) -> bool:
        return self.told and (self.code == 0 or (self.early and self.code == -signal.SIGTERM))


class Crew:
    """``size`` processes of a kind, each in a slot. ``static`` members have names.

    ``environment`` is added to the installation's. Crews of one kind in one installation have different
    names, for their logs.
    """

    def __init__(
        self,
        installation: Installation,
        size: int,
        nursery: Nursery,
        *,
        points: Path,
        static: bool,
        environment: dict[str, str],
        kind: Kind = "worker",
        name: str | None = None,
    ) -> None:
        self._kind: Kind = kind
        self._name = name or kind
        self._installation = installation
        self._nursery = nursery
        self._static = static
        told = {FOLDER_VARIABLE: str(points), PROCESS_VARIABLE: kind}
        self._environment = installation.environment | environment | told
        self.size = size
        self._wanted: set[int] = set()
        self._running: dict[int, Child] = {}
        self._told: set[int] = set()
        self._last_word = signal.SIGTERM
        self._supervisors: dict[int, asyncio.Task[None]] = {}
        self._started = 0
        self._logs: dict[int, Path] = {}
        self._changed = asyncio.Condition()
        self.ends: list[End] = []

    def start(self) -> None:
        """Start them, for the first time or after ``stop``."""
        self._wanted = set(range(self.size))
        for slot in self._wanted:
            self._supervise(slot)

    def add(self) -> int:
        """Start one more; its slot."""
        slot = max(self._wanted, default=-1) + 1
        self._wanted.add(slot)
        self._supervise(slot)
        return slot

    @property
    def slots(self) -> list[int]:
        return sorted(self._wanted)

    def pid(self, slot: int) -> int | None:
        """The running process of a slot; None between two."""
        child = self._running.get(slot)
        return None if child is None else child.pid

    def signal(self, slot: int, number: signal.Signals) -> int:
        """Send a signal; the pid. Raises ProcessLookupError when nothing runs in the slot."""
        pid = self.pid(slot)
        if pid is None:
            raise ProcessLookupError(f"no worker runs in slot {slot}")
        if number == signal.SIGTERM:
            self._told.add(pid)
        with suppress(ProcessLookupError):  # it has just ended
            os.kill(pid, number)
        return pid

    async def all_run(self) -> None:
        """Wait until every slot has a process; it need not be through with its start."""
        async with asyncio.timeout(END_TIMEOUT_S), self._changed:
            await self._changed.wait_for(lambda: all(self.pid(slot) for slot in self._wanted))

    async def ended(self, pid: int, patience_s: float = END_TIMEOUT_S) -> End:
        """Wait until a process has ended, and been replaced if it is wanted."""

        def find() -> End | None:
            return next((end for end in self.ends if end.pid == pid), None)

        async with asyncio.timeout(patience_s), self._changed:
            await self._changed.wait_for(lambda: find() is not None)
        end = find()
        assert end is not None
        return end

    async def restart(self, slot: int) -> End:
        """Ask a worker to end by SIGTERM; it has ended, the next one is on its way."""
        return await self.ended(self.signal(slot, signal.SIGTERM))

    async def retire(self, slot: int) -> End:
        """Ask a worker to end by SIGTERM, and start no other in its place."""
        self._wanted.discard(slot)
        end = await self.ended(self.signal(slot, signal.SIGTERM))
        await self._supervisors.pop(slot)
        return end

    async def stop(self) -> list[End]:
        """Ask all to end, at once."""
        self._wanted.clear()
        running = [slot for slot in list(self._supervisors) if self.pid(slot) is not None]
        pids = [self.signal(slot, signal.SIGTERM) for slot in running]
        ends = [await self.ended(pid) for pid in pids]
        await self._join()
        return ends

    async def kill(self) -> None:
        """End everything at once, whatever state it is in."""
        self._wanted.clear()
        self._last_word = signal.SIGKILL
        for slot in list(self._running):
            self.signal(slot, signal.SIGKILL)
        await self._join()

    def log(self, pid: int) -> Path:
        return self._logs[pid]

    def said(self, event: str, slot: int | None, fields: dict[str, object]) -> int:
        """How many lines of all logs, or those of a slot, are about an event, with these fields."""
        prefix = f"{self._name}-" if slot is None else f"{self._name}-{slot}-"
        return sum(
            line.get("event") == event and fields.items() <= line.items()
            for path in self._logs.values()
            if path.name.startswith(prefix)
            for line in _lines(path, event)
        )

    def openings(self, slot: int) -> tuple[int, int]:
        """The process of a slot (0 for none) and how many partitions it has taken up so far."""
        pid = self.pid(slot)
        event = OPENED[self._kind]
        return (0, 0) if pid is None else (pid, sum(1 for _ in _lines(self._logs[pid], event)))

    def tails(self) -> str:
        """The ends of the newest logs, for a failure's message."""
        shown = list(self._logs.items())[-2 * max(1, self.size) :]
        return "\n".join(f"--- pid {pid}, {path}\n{_tail(path)}" for pid, path in shown)

    async def _join(self) -> None:
        supervisors, self._supervisors = self._supervisors, {}
        await asyncio.gather(*supervisors.values())

    def _supervise(self, slot: int) -> None:
        self._supervisors[slot] = asyncio.create_task(self._keep_running(slot))

    async def _keep_running(self, slot: int) -> None:
        backoff_s = FIRST_BACKOFF_S
        while slot in self._wanted:
            child = await self._spawn(slot)
            if slot not in self._wanted:  # all were told to end meanwhile
                self.signal(slot, self._last_word)
            since = asyncio.get_running_loop().time()
            code = await asyncio.wrap_future(child.ended)
            del self._running[slot]
            lived_s = asyncio.get_running_loop().time() - since
            async with self._changed:
                self.ends.append(self._end(slot, child.pid, code))
                self._changed.notify_all()
            backoff_s = FIRST_BACKOFF_S if lived_s > 10 else min(2 * backoff_s, LONGEST_BACKOFF_S)
            await asyncio.sleep(backoff_s if slot in self._wanted else 0)

    def _end(self, slot: int, pid: int, code: int) -> End:
        early = not any(_lines(self._logs[pid], "listening"))
        return End(slot, pid, code, pid in self._told, early)

    async def _spawn(self, slot: int) -> Child:
        named = {"MARKETMAP_MEMBER_NAME": f"member-{slot}"} if self._static else {}
        path = self._installation.folder / f"{self._name}-{slot}-{self._started}.log"
        path.touch()
        self._started += 1
        child = await asyncio.to_thread(self._nursery.start, self._environment | named, path)
        self._running[slot] = child
        self._logs[child.pid] = path
        async with self._changed:
            self._changed.notify_all()
        return child


def _lines(path: Path, event: str) -> Iterator[dict[str, object]]:
    """The whole lines that may be about an event."""
    for line in path.read_bytes().split(b"\n")[:-1]:
        if event.encode() in line and line.startswith(b"{"):
            yield orjson.loads(line)


def _tail(path: Path) -> str:
    """What is not mere information, and what is no log line at all."""
    lines = path.read_text(errors="replace").splitlines()
    told = [line for line in lines if '"level": "info"' not in line]
    return "\n".join(line[:400] for line in told[-TAIL_LINES:])
