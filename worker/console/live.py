"""What has changed, for pages that are open: one look at the database for all of them.

How it works. All that has changed is numbered. A page carries the number that was the last when it was asked
for, and names it when it opens its stream: so nothing is missed in between, and what the page shows already
is not announced to it. A stream that breaks off is opened again by the browser with the last number that it
had. What is changed through this console is announced at once, by whoever changed it, and the next look finds
nothing new: it was looked at then. So a page that comes after a decision is not told of this decision.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

import structlog
from sqlalchemy import text

from worker.console.databases import Databases
from worker.storage.audit import last_version
from worker.storage.errors import StorageError, driver_errors_translated
from worker.storage.insight.alarms import OpenAlarms, count_open

log = structlog.get_logger()

INTERVAL_S: Final = 3.0
_HEARTBEAT_S: Final = 15.0
MOST_LISTENERS: Final = 200
# Open pages of one person.
MOST_BY_PERSON: Final = 20
READ_NEWEST_MISS: Final = text("SELECT max(id) FROM unmapped_market_log")

Fingerprint = tuple[int, int, OpenAlarms]


class LiveChanges:
    """Looks every few seconds, and wakes those who listen. ``failed`` says why the last look failed."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._seen: Fingerprint | None = None
        self._changed = asyncio.Event()
        self._looking = asyncio.Lock()
        self._closed = False
        # Not from 0: a page of the console before a restart may have missed something.
        self.number = time.time_ns() // 1_000_000
        self._listening: Counter[str] = Counter()
        self.failed: str | None = "the database was not asked yet"

    async def run(self) -> None:
        while not self._closed:
            if await self._look():
                self._bump()
            await asyncio.sleep(INTERVAL_S)

    async def changed_here(self) -> None:
        """Announce what was changed through this console, and nothing of it a second time."""
        await self._look()
        self._bump()

    def _bump(self) -> None:
        """Something has changed: wake everybody who listens."""
        self.number += 1
        self._changed.set()
        self._changed = asyncio.Event()

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        self._closed = True
        self._changed.set()

    def join(self, person: str) -> bool:
        """Count a listener before its stream begins; False if there are too many. ``leave`` ends it."""
        if self._listening.total() >= MOST_LISTENERS or self._listening[person] >= MOST_BY_PERSON:
            return False
        self._listening[person] += 1
        return True

    def leave(self, person: str) -> None:
        self._listening[person] -= 1
        if self._listening[person] <= 0:
            del self._listening[person]

    async def events(self, since: int | None = None) -> AsyncIterator[bytes]:
        """Yield server-sent events: one for each change, and a comment while nothing changes.

        ``since`` is the number that a page was made from; of what has changed after it, one comes at once.
        """
        seen = self.number if since is None else since
        yield f"retry: 3000\nid: {seen}\n\n".encode()
        while not self._closed:
            changed = self._changed
            if seen == self.number:
                try:
                    await asyncio.wait_for(changed.wait(), _HEARTBEAT_S)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
            if seen != self.number:
                seen = self.number
                yield f"event: changed\nid: {seen}\ndata: {seen}\n\n".encode()

    async def _look(self) -> bool:
        """Look at the database, one after the other; return whether there is something new."""
        # A look that began before a change is over before the one after it: it cannot find it new.
        async with self._looking:
            return await self._look_alone()

    async def _look_alone(self) -> bool:
        try:
            async with self._databases.looking() as connection:
                with driver_errors_translated():
                    newest_miss = int(await connection.scalar(READ_NEWEST_MISS) or 0)
                version = await last_version(connection)
                found = (version, newest_miss, await count_open(connection))
        except StorageError as error:
            if self.failed is None:
                log.warning("console_waits", error=str(error))
            self.failed = f"the database does not answer: {error}"
            return False
        self.failed = None
        is_new = self._seen is not None and found != self._seen
        self._seen = found
        return is_new
