"""Keeps a worker's mapping index up to date with the table.

It is notified of every commit, reads what changed, and swaps the index.

Theory of operation. The version of the table is the last id of its audit log. Audit ids are given under a
lock, so ids in order are transactions in the order of their commits. The index has a version too: it is the
table at exactly that version. From this follows how it is kept up to date:

- Catch up: one statement reads all audit rows after the index's version. One statement is one snapshot, so it
  returns whole transactions. Of each mapping the newest row counts, and a revised index is swapped in.
- Reload: the whole table and its version, read in one transaction. This is how it begins. It also happens
  when there are more changes than `MOST_CHANGES`, because a limited read could end within a transaction.
- Wake up: a separate connection listens. Every commit notifies it with the new version. A notification only
  says that it is time to look; what changed is always read from the log. So a lost, doubled or forged
  notification does no harm: without any, a poll finds the change.
- Reconnect: after the listening connection was lost, the table is reloaded, whatever the versions say. The
  server may be another one by then, a standby or a restored backup, with another history under the same ids.

If the database is unavailable, the index in use stays, and its age is reported. The worker does not stop for
it: with an old index it resolves as it would have a minute ago.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.runtime.index.live import LiveIndex, RowChange
from worker.storage.audit import AuditRow, read_after
from worker.storage.columns.json_columns import UnusableJson
from worker.storage.columns.time_columns import is_known
from worker.storage.engine import transaction
from worker.storage.errors import StorageError
from worker.storage.listener import listen
from worker.storage.mappings import load_index_rows

log = structlog.get_logger()

# More changes than this at once lead to a reload: a limited read could end within a transaction.
MOST_CHANGES: Final = 500
# After this many polls without an answer the index counts as old.
_MISSED_POLLS: Final = 3


class Swap(NamedTuple):
    """A new index in use: what it was made from, how long that took, and the age of its newest change."""

    kind: Literal["table", "changes"]
    seconds: float
    delay_s: float | None


class LiveMappings:
    """Loads the index, then follows the table as long as it runs; waits for an unavailable database."""

    def __init__(
        self,
        engine: AsyncEngine,
        database_url: str,
        index: LiveIndex,
        *,
        poll_s: float,
        retry_delay: Callable[[int], float],
        report: Callable[[Swap], None],
    ) -> None:
        self._engine = engine
        self._url = database_url
        self._index = index
        self._poll_s = poll_s
        self._retry_delay = retry_delay
        self._report = report
        self._wanted = asyncio.Event()
        self._reload = False
        self._has_begun = False
        self._was_lost = False
        self._current_at = time.monotonic()

    @property
    def age_s(self) -> float:
        """Seconds since the index was last known to be at the newest version of the table."""
        return time.monotonic() - self._current_at

    def notes(self) -> list[str]:
        """Return what an operator should know about an index that is in use and old."""
        if not self._index.is_loaded or self.age_s < _MISSED_POLLS * self._poll_s:
            return []
        return [
            f"the mapping index is {self.age_s:.0f} s old: the database does not report changes"
        ]

    async def load(self) -> None:
        """Read the whole table and swap the index. Raises StorageError; then the index in use stays."""
        asked_at = time.monotonic()
        with _collection_paused():
            version, rows = await self._table()
            if self._index.is_loaded and version < self._index.current.version:
                log.warning(
                    "index_goes_back", version=version, from_version=self._index.current.version
                )
            await self._index.replace(version, rows)
        self._swapped("table", asked_at, None)

    async def run(self) -> None:
        """Follow the table until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._follow())

    async def catch_up(self) -> None:
        """Bring the index to the newest version. Raises StorageError; then the index in use stays."""
        self._wanted.clear()
        if self._reload:
            self._reload = False
            await self._load_again()
            return
        asked_at = time.monotonic()
        rows = await self._changes()
        if len(rows) > MOST_CHANGES or any(isinstance(row.new_value, UnusableJson) for row in rows):
            # The table says of a row that cannot be read whether it is active, and what is wrong with it.
            await self.load()
        elif rows:
            await self._index.apply(rows[-1].id, row_changes(rows))
            self._swapped("changes", asked_at, _seconds_since(rows[-1].created_at))
        self._current_at = asked_at

    async def _table(self) -> tuple[int, list[dict[str, Any]]]:
        async with transaction(self._engine) as connection:
            return await load_index_rows(connection)

    async def _changes(self) -> Sequence[AuditRow]:
        """Read what changed in one statement: one snapshot, and one round trip for which planning waits."""
        async with transaction(self._engine) as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            return await read_after(connection, self._index.current.version, MOST_CHANGES + 1)

    async def _load_again(self) -> None:
        try:
            await self.load()
        except BaseException:
            self._reload = True
            raise

    def _swapped(
        self, kind: Literal["table", "changes"], since: float, delay_s: float | None
    ) -> None:
        self._current_at = since
        swap = Swap(kind, time.monotonic() - since, delay_s)
        index = self._index.current
        log.info("index_loaded", version=index.version, mappings=index.size, **swap._asdict())
        self._report(swap)

    async def _follow(self) -> None:
        attempt = 0
        while True:
            try:
                await self.catch_up()
            except StorageError as error:
                log.warning("index_not_refreshed", error=str(error), age_s=round(self.age_s, 1))
                await asyncio.sleep(self._retry_delay(attempt))
                attempt += 1
            else:
                attempt = 0
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._poll_s):
                await self._wanted.wait()
        except TimeoutError:
            return

    async def _listen(self) -> None:
        attempt = 0
        while True:
            try:
                await listen(self._url, on_listening=self._begin, on_version=self._heard)
            except StorageError as error:
                log.warning("not_listening", error=str(error))
            attempt = 0 if self._has_begun else attempt + 1
            self._was_lost, self._has_begun = True, False
            await asyncio.sleep(self._retry_delay(attempt))

    def _begin(self) -> None:
        """Look at once for what was missed; after a lost connection, reload the whole table.

        By then the server may be another one, with another history: a standby, or a restored backup.
        """
        self._has_begun = True
        self._reload = self._reload or self._was_lost
        self._wanted.set()

    def _heard(self, version: int) -> None:
        if version == 0 or version > self._index.current.version:
            self._wanted.set()


@contextmanager
def _collection_paused() -> Iterator[None]:
    """Switch the cyclic garbage collector off for the block: a table is many objects and no cycle.

    The collector would visit all of them again and again, and meanwhile stop everything, the event loop too.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect(1)  # before the freeze: frozen garbage is never freed
        gc.freeze()


def _seconds_since(moment: datetime) -> float | None:
    return (datetime.now(UTC) - moment).total_seconds() if is_known(moment) else None


def row_changes(rows: Sequence[AuditRow]) -> list[RowChange]:
    """Return the state of the mapping after each audit row: the row if it is active, else None."""
    return [RowChange(row.canonical_id, _active(row)) for row in rows]


def _active(row: AuditRow) -> dict[str, object] | None:
    # The owner of the log can write anything into it.
    return (
        row.new_value
        if isinstance(row.new_value, dict) and row.new_value.get("is_active")
        else None
    )
