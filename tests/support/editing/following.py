"""An index that follows a table in this process, and how soon the indexes of worker processes did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from worker.runtime.index.following import LiveMappings, Swap
from worker.runtime.index.live import LiveIndex
from worker.runtime.process import background

NEVER_S = 3600.0
PATIENCE_S = 60.0


@dataclass
class Follower:
    index: LiveIndex
    mappings: LiveMappings
    swaps: list[Swap]
    _swapped: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def at(self, version: int) -> None:
        """Wait until the index has reached a version."""
        async with asyncio.timeout(PATIENCE_S):
            while self.index.current.version < version:
                await self.swapped(len(self.swaps))

    async def swapped(self, seen: int) -> None:
        """Wait until there are more swaps than were seen."""
        async with asyncio.timeout(PATIENCE_S), self._swapped:
            await self._swapped.wait_for(lambda: len(self.swaps) > seen)

    async def tell(self) -> None:
        async with self._swapped:
            self._swapped.notify_all()


@asynccontextmanager
async def following(
    engine: AsyncEngine,
    url: str,
    *,
    poll_s: float = NEVER_S,
    retry_delay: Callable[[int], float] = lambda _: 0.05,
    loaded: bool = True,
) -> AsyncIterator[Follower]:
    """Follow until the end of the block; what is raised meanwhile fails the test."""
    failures: list[BaseException] = []
    tasks: set[asyncio.Task[Any]] = set()
    swaps: list[Swap] = []

    def on_swap(swap: Swap) -> None:
        swaps.append(swap)
        task = asyncio.get_running_loop().create_task(follower.tell())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    index = LiveIndex()
    mappings = LiveMappings(
        engine, url, index, poll_s=poll_s, retry_delay=retry_delay, report=on_swap
    )
    follower = Follower(index, mappings, swaps)
    if loaded:
        await mappings.load()
    async with background(mappings.run, failures.append):
        yield follower
    assert failures == []


def delays_ms(logged: Iterable[dict[str, Any]], committed: Mapping[int, float]) -> list[float]:
    """From each commit (version, seconds since the epoch) to the first index of a worker that holds it.

    ``logged`` are the lines of one worker. ValueError for a version that it has not loaded.
    """
    loaded = [
        (line["version"], datetime.fromisoformat(line["timestamp"]).timestamp())
        for line in logged
        if line.get("event") == "index_loaded"
    ]
    return [
        1000 * (min(at for version, at in loaded if version >= wanted) - since)
        for wanted, since in committed.items()
    ]
