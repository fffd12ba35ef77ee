"""Between the handler and the database: tallies become rows; a batch waits while Postgres is unavailable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

import orjson
import structlog

from worker.domain.errors import FatalError, TransientError
from worker.domain.misses import Count, MissKey, SampledRows, Tally, sample
from worker.domain.resolve import Miss
from worker.ingest.handler import CountsRefusedError, WatermarksMovedError
from worker.ingest.partitions.opening import KnownStart
from worker.kafka.record import Partition
from worker.storage.errors import StorageError, StorageRefused, StorageUnavailable
from worker.storage.ledger import Ledger, MissRow, Overflow
from worker.storage.watermarks import WatermarkConflict, WatermarkKey, WatermarkMove

log = structlog.get_logger()

T = TypeVar("T")

# The actor in the record of a moved watermark, when it was no person.
_ACTOR: Final = "worker"

Moves = Sequence[tuple[Partition, int, int]]


class Retried(NamedTuple):
    """A transaction that has to be run again; ``sqlstate`` is None when there was no answer at all."""

    sqlstate: str | None


class LedgerWriter:
    """Holds a batch as long as the database is unavailable. ``blocked_by`` says why, else it is None."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        retry_delay: Callable[[int], float],
        report: Callable[[Retried | Overflow], None],
        on_first_sighting: Callable[[], None],
    ) -> None:
        self._ledger = ledger
        self._retry_delay = retry_delay
        self._report = report
        self._on_first_sighting = on_first_sighting
        self._logged: dict[str, datetime] = {}
        self.blocked_by: str | None = None

    async def known(self, topics: Iterable[str]) -> Sequence[KnownStart]:
        return [KnownStart(*each) for each in await self._answer(self._ledger.known(topics))]

    async def watermarks(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        found = await self._answer(self._ledger.open_partitions([_stored(at) for at in partitions]))
        return {at: found[at.topic_id, at.partition] for at in partitions}

    async def move_watermark(
        self, at: Partition, expected: int, next_offset: int, reason: str
    ) -> None:
        """Move a watermark without counting, and record that. TransientError if it is not at ``expected``."""
        move = self._ledger.set_back if next_offset < expected else self._ledger.skip_to
        try:
            await self._answer(
                move(_stored(at), expected, next_offset, actor=_ACTOR, reason=reason)
            )
        except WatermarkConflict as conflict:
            raise TransientError(f"another worker counts: {conflict}") from conflict

    async def _answer(self, question: Awaitable[T]) -> T:
        try:
            answer = await question
        except StorageUnavailable as error:
            self.blocked_by = f"the database does not answer: {error}"
            raise TransientError(self.blocked_by) from error
        self.blocked_by = None
        return answer

    async def add(self, moves: Moves, counts: Tally) -> None:
        rows = await asyncio.to_thread(
            miss_rows, counts
        )  # in a thread: thousands of rows would block the event loop
        attempt = 0
        while not await self._try(moves, rows, attempt):
            await asyncio.sleep(self._retry_delay(attempt))
            attempt += 1
        self.blocked_by = None

    async def _try(self, moves: Moves, rows: Sequence[MissRow], attempt: int) -> bool:
        try:
            counted = await self._ledger.commit([_move(*move) for move in moves], rows)
        except WatermarkConflict as conflict:
            self.blocked_by = None
            raise WatermarksMovedError(_current(moves, conflict)) from conflict
        except StorageUnavailable as error:
            self.blocked_by = f"the database does not answer: {error}"
            self._report(Retried(error.sqlstate))
            log.warning(
                "counting_waits", sqlstate=error.sqlstate, error=str(error), attempt=attempt
            )
            return False
        except StorageRefused as error:
            self.blocked_by = None
            raise CountsRefusedError(f"{error.sqlstate}: {error}") from error
        except StorageError as error:
            raise FatalError(
                f"the database refuses the counts ({error.sqlstate}): {error}"
            ) from error
        if counted.first_sightings:
            self._on_first_sighting()
        for overflow in counted.overflows:
            self._report_overflow(overflow)
        return True

    def _report_overflow(self, overflow: Overflow) -> None:
        self._report(overflow)
        if (
            self._logged.get(overflow.source) != overflow.hour
        ):  # logged once an hour: every batch may overflow
            self._logged[overflow.source] = overflow.hour
            log.warning("unmapped_overflow", source=overflow.source, hour=overflow.hour.isoformat())


def miss_rows(counts: Tally) -> list[MissRow]:
    return [miss_row(key, count) for key, count in counts.items()]


def miss_row(key: MissKey, count: Count) -> MissRow:
    source, external_market_id = key
    return MissRow(
        source=source,
        external_market_id=external_market_id,
        market_name=count.missed.market_name,
        sample_outcomes=_sample(count.missed),
        reason=count.missed.reason,
        mapping_version=count.newest.mapping_version,
        first_seen_at=count.first_seen_at,
        last_seen_at=count.last_seen_at,
        occurrence_count=count.occurrences,
        event_hashes=count.events,
    )


def _sample(missed: Miss) -> str:
    rows = missed.rows
    known = rows.sample if isinstance(rows, SampledRows) else None
    if known is not None:
        return known
    with_ids = missed.reason == "NO_MATCHING_OUTCOMES"
    return orjson.dumps(sample(rows, with_ids=with_ids)).decode()


def _stored(at: Partition) -> WatermarkKey:
    return WatermarkKey(at.topic_id, at.topic, at.partition)


def _move(at: Partition, expected: int, next_offset: int) -> WatermarkMove:
    return WatermarkMove(at.topic_id, at.topic, at.partition, expected, next_offset)


def _current(moves: Moves, conflict: WatermarkConflict) -> dict[Partition, int]:
    """Return where the watermarks are. Raises FatalError for a state that counting cannot lead to.

    A watermark that went back was set back by an operator, or the database was restored. What is above it has
    to be counted again: the process ends, and the next start opens the partition there.
    """
    current = conflict.current
    vanished = [at for at, _, _ in moves if (at.topic_id, at.partition) not in current]
    if vanished:
        raise FatalError(f"watermarks have vanished from the table: {vanished}") from conflict
    behind = [at for at, expected, _ in moves if current[at.topic_id, at.partition] < expected]
    if behind:
        raise FatalError(f"watermarks went back in the table: {behind}") from conflict
    return {at: current[at.topic_id, at.partition] for at, _, _ in moves}
