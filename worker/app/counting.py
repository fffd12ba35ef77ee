"""Between the handler and the database: tallies become rows, and an absent database is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import orjson
import structlog

from worker.domain.errors import FatalError, TransientError
from worker.domain.misses import Count, MissKey, Tally, sample
from worker.ingest.handler import WatermarksMovedError
from worker.ingest.record import Partition
from worker.storage import ledger
from worker.storage.errors import StorageError, StorageUnavailable
from worker.storage.ledger import Ledger, MissRow, WatermarkConflict, WatermarkMove

log = structlog.get_logger()

Moves = Sequence[tuple[Partition, int, int]]


class Counting:
    """Holds a batch for as long as the database is away. ``blocked_by`` says why, None when it is not."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        retry_delay: Callable[[int], float],
        on_retry: Callable[[str | None], None],
        on_first_sighting: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._retry_delay = retry_delay
        self._on_retry = on_retry
        self._on_first_sighting = on_first_sighting
        self.blocked_by: str | None = None

    async def watermarks(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        wanted = [ledger.Partition(at.topic_id, at.topic, at.partition) for at in partitions]
        try:
            found = await self._ledger.open_partitions(wanted)
        except StorageUnavailable as error:
            raise TransientError(f"the database does not answer: {error}") from error
        return {at: found[at.topic_id, at.partition] for at in partitions}

    async def add(self, moves: Moves, counts: Tally) -> None:
        rows = await asyncio.to_thread(miss_rows, counts)  # thousands of them would hold the event loop up
        attempt = 0
        while not await self._try(moves, rows, attempt):
            await asyncio.sleep(self._retry_delay(attempt))
            attempt += 1
        self.blocked_by = None

    async def _try(self, moves: Moves, rows: Sequence[MissRow], attempt: int) -> bool:
        try:
            first_sightings = await self._ledger.commit([_move(*move) for move in moves], rows)
        except WatermarkConflict as conflict:
            self.blocked_by = None
            raise WatermarksMovedError(_current(moves, conflict)) from conflict
        except StorageUnavailable as error:
            self.blocked_by = f"the database does not answer: {error}"
            self._on_retry(error.sqlstate)
            log.warning("counting_waits", sqlstate=error.sqlstate, error=str(error), attempt=attempt)
            return False
        except StorageError as error:
            raise FatalError(f"the database refuses the counts ({error.sqlstate}): {error}") from error
        if first_sightings:
            self._on_first_sighting()
        return True


def miss_rows(counts: Tally) -> list[MissRow]:
    return [miss_row(key, count) for key, count in counts.items()]


def miss_row(key: MissKey, count: Count) -> MissRow:
    source, external_market_id = key
    newest = count.newest
    return MissRow(
        source=source,
        external_market_id=external_market_id,
        market_name=newest.missed.market_name,
        sample_outcomes=orjson.dumps(sample(newest.missed.rows)).decode(),
        reason=newest.missed.reason,
        mapping_version=newest.mapping_version,
        first_seen_at=count.first_seen_at,
        last_seen_at=count.last_seen_at,
        occurrence_count=count.occurrences,
        event_hashes=count.events,
    )


def _move(at: Partition, expected: int, next_offset: int) -> WatermarkMove:
    return WatermarkMove(at.topic_id, at.topic, at.partition, expected, next_offset)


def _current(moves: Moves, conflict: WatermarkConflict) -> dict[Partition, int]:
    vanished = [at for at, _, _ in moves if (at.topic_id, at.partition) not in conflict.current]
    if vanished:
        raise FatalError(f"watermarks have vanished from the table: {vanished}") from conflict
    return {at: conflict.current[at.topic_id, at.partition] for at, _, _ in moves}
