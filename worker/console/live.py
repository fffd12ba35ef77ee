"""What has changed, for pages that are open: one look at the database for all of them."""

from __future__ import annotations

import asyncio
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
        self._closed = False
        self.number = 0
        self._listening: Counter[str] = Counter()
        self.failed: str | None = "the database was not asked yet"

    async def run(self) -> None:
        while not self._closed:
            await self._look()
            await asyncio.sleep(INTERVAL_S)

    def bump(self) -> None:
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

    async def events(self) -> AsyncIterator[bytes]:
        """Yield server-sent events: one now, one for each change, and a comment while nothing changes."""
        seen = self.number
        yield b"retry: 3000\n\n"
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
                yield f"event: changed\ndata: {seen}\n\n".encode()

    async def _look(self) -> None:
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
            return
        self.failed = None
        if self._seen is not None and found != self._seen:
            self.bump()
        self._seen = found
