"""The counting step (D): watermarks and misses move together, in one transaction.

Theory of operation. Kafka delivers a record at least once, and a miss has to count exactly once. What makes
the difference is the watermark: for each partition the offset below which everything is counted. It is kept
in the same database as the counts, so both change together or not at all.

- Compare and set (`watermarks.py`). A worker says where it believes each watermark is, and where it moves it.
  If the table has another value, nothing is written, and the worker learns the value of the table
  (`WatermarkConflict`). That happens when another worker was faster, or when an earlier commit succeeded and
  its answer was lost. The worker then plans the batch again without the records that are already counted.
- Safe to repeat. `commit` may be called again with the same arguments after any failure: the second call
  either does what the first did not, or finds the watermark moved.
- Never backwards. Counting only moves a watermark forwards. Whatever else moves one (an operator, a gap in
  the log) goes through `set_back` or `skip_to`, which record who moved it and why.
- One statement, one round trip. `commit` usually is the single statement `ledger_sql.COUNT`. It takes several
  steps in one transaction if there are too many misses for one statement, or if a market may be new: then the
  hourly limit of new markets is checked first.
- One order of locks: watermarks, quotas, then rows of misses, each sorted by key. Two workers that count the
  same markets wait for each other and do not deadlock.

The limit of new markets costs nothing in the usual case. The ledger remembers keys that are in the table. A
batch with no other keys takes the single statement.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from worker.domain.books.platforms import PLATFORMS
from worker.domain.books.rows import MissReason
from worker.storage import ledger_sql as sql
from worker.storage import watermarks
from worker.storage.access import locks
from worker.storage.engine import transaction
from worker.storage.errors import driver_errors_translated
from worker.storage.watermarks import KnownWatermark, WatermarkKey, WatermarkMove, Watermarks

MOST_AT_ONCE = 10_000
MOST_REMEMBERED = 50_000
OTHER_BOOKS_AT_ONCE = 200

_Key = tuple[str, str]


class MissRow(NamedTuple):
    """What one batch saw of a market that it could not resolve.

    `sample_outcomes` is JSON text. The two times are aware; `occurrence_count` is what to add. `event_hashes`
    are the smallest hashes of its events, at most 32 from 0 to 2**31 - 1, ascending.
    """

    source: str
    external_market_id: str
    market_name: str | None
    sample_outcomes: str
    reason: MissReason
    mapping_version: int
    first_seen_at: datetime
    last_seen_at: datetime
    occurrence_count: int
    event_hashes: Sequence[int] = ()


class UnannouncedMarket(NamedTuple):
    """A market missed for the first time, as the table has it now. `sample_outcomes` is JSON text."""

    id: int
    source: str
    external_market_id: str
    market_name: str | None
    sample_outcomes: str | None
    reason: MissReason | None
    mapping_version: int | None
    first_seen_at: datetime
    last_seen_at: datetime
    occurrence_count: int


class Overflow(NamedTuple):
    """Occurrences of new markets of one bookmaker beyond the limit of the hour."""

    source: str
    hour: datetime
    occurrences: int


class Counted(NamedTuple):
    """What a commit did: how many markets are new in the table, and what exceeded the limit."""

    first_sightings: int
    overflows: tuple[Overflow, ...] = ()


class Ledger:
    """The watermarks of one consumer group, and the log of misses that all groups share.

    Of each source, at most `most_new` markets are added in an hour of the database's clock, over all workers;
    0 for any number. Occurrences of others go to `unmapped_overflow`, until an hour has a place for them.

    Every method raises StorageUnavailable (call again), StorageRefused (a value will never fit) or
    StorageFatal.
    """

    def __init__(self, engine: AsyncEngine, consumer_group: str, *, most_new: int = 0) -> None:
        self._engine = engine
        self._most_new = most_new
        self._remembered: set[_Key] = set()
        self._at_once = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._group = consumer_group

    async def open_partitions(self, partitions: Sequence[WatermarkKey]) -> Watermarks:
        """Return `next_offset` by (topic id, partition); a new partition starts at 0."""
        async with self._transaction() as connection:
            return await watermarks.open_partitions(connection, self._group, partitions)

    async def commit(self, moves: Sequence[WatermarkMove], misses: Sequence[MissRow]) -> Counted:
        """Move the watermarks and add the misses, each to its own row or to the overflow of its source.

        Raises WatermarkConflict if a watermark is not the expected one, and ValueError for a call that no
        batch can lead to: a partition or a market named twice, a move backwards, misses without a move.
        """
        _check(moves, misses)
        if not moves:
            return Counted(0)
        if len(misses) > MOST_AT_ONCE or self._may_be_new(misses):
            return await self._commit_in_steps(moves, misses)
        with driver_errors_translated():
            async with self._at_once.connect() as connection:
                parameters = watermarks.arrays(self._group, moves) | _arrays(misses)
                found = (await connection.execute(sql.COUNT, parameters)).all()
        watermarks.require_as_expected(moves, found)
        return Counted(found[0].first_sightings)

    async def _commit_in_steps(
        self, moves: Sequence[WatermarkMove], misses: Sequence[MissRow]
    ) -> Counted:
        in_order = sorted(misses, key=_key)
        async with self._transaction() as connection:
            await watermarks.move(connection, self._group, moves)
            left_out = await self._left_out(connection, self._may_be_new(in_order))
            names = {(row.source, row.external_market_id) for row in left_out}
            admitted = [miss for miss in in_order if _key(miss) not in names]
            first_sightings = sum([await _add(connection, part) for part in _parts(admitted)])
        self._remember(admitted)
        return Counted(first_sightings, _overflows(left_out))

    def _may_be_new(self, misses: Sequence[MissRow]) -> Sequence[MissRow]:
        """Return the misses whose markets may not be in the table yet; without a limit it does not matter."""
        return (
            [miss for miss in misses if _key(miss) not in self._remembered]
            if self._most_new
            else []
        )

    def _remember(self, misses: Sequence[MissRow]) -> None:
        if self._most_new:
            if len(self._remembered) > MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered.update(map(_key, misses[:MOST_REMEMBERED]))

    async def _left_out(
        self, connection: AsyncConnection, misses: Sequence[MissRow]
    ) -> list[Row[Any]]:
        """Take places in the quotas for what is new, after locking all quotas; return what found no place."""
        asked = [_asked(part) for part in _parts(misses)]
        opened = [(await connection.execute(sql.OPEN_QUOTAS, part)).all() for part in asked]
        left_out: list[Row[Any]] = []
        for part in asked if any(opened) else []:
            left_out += (
                await connection.execute(sql.TAKE_PLACES, part | {"most": self._most_new})
            ).all()
        return left_out

    async def known(self, topics: Iterable[str]) -> Sequence[KnownWatermark]:
        """Every watermark under these names, also of topics that had the name before."""
        async with self._transaction() as connection:
            return await watermarks.known(connection, self._group, topics)

    async def set_back(
        self, partition: WatermarkKey, expected: int, next_offset: int, *, actor: str, reason: str
    ) -> None:
        """Move a watermark back and record it: what lies above is counted when it is read again.

        Raises WatermarkConflict if the watermark is not the expected one.
        """
        if next_offset >= expected:
            raise ValueError("set_back moves a watermark back")
        await self._change(partition, expected, next_offset, actor, reason)

    async def skip_to(
        self, partition: WatermarkKey, expected: int, next_offset: int, *, actor: str, reason: str
    ) -> None:
        """Move a watermark forwards and record it: what lies between is never counted.

        Raises WatermarkConflict if the watermark is not the expected one.
        """
        if next_offset <= expected:
            raise ValueError("skip_to moves a watermark forwards")
        await self._change(partition, expected, next_offset, actor, reason)

    @asynccontextmanager
    async def unannounced(self, limit: int) -> AsyncIterator[Sequence[UnannouncedMarket]]:
        """Up to `limit` markets whose first sighting is not announced yet, oldest first.

        The caller publishes them inside the block: on a clean exit they count as announced, on an exception
        they come again. One caller at a time gets rows, the others get none. Raises StorageUnavailable if
        a session without the right to announce holds the lock; the message names it. No row is locked
        meanwhile, so a slow publisher does not hold up `commit`.
        """
        async with transaction(self._engine) as connection:
            with driver_errors_translated():
                batch = await _claim(connection, limit)
            yield batch  # not inside: an error of the publisher is no error of the database
            with driver_errors_translated():
                await self._end_announcing(connection, [row.id for row in batch])

    async def _end_announcing(self, connection: AsyncConnection, ids: list[int]) -> None:
        """Mark the rows as announced, once all rows that share a name with them say who else offers it.

        Those may be any number: they are moved in parts, each in a transaction of its own. The rows are
        marked after the last part, so whoever comes after a crash goes on with it.
        """
        if not ids:
            return
        parameters = {"ids": ids, "platforms": list(PLATFORMS), "limit": 1}
        offered = (await connection.execute(sql.READ_OTHER_BOOKS, parameters)).all()
        left = bool(offered)
        while left:
            left = await self._move_other_books(offered) == OTHER_BOOKS_AT_ONCE
            await connection.execute(sql.STILL_HERE)
        # Not in the transaction that holds the lock of announcing. That one may idle for two minutes: if this
        # process were frozen before its end, nobody could count these markets for as long.
        async with self._at_once.connect() as at_once:
            await at_once.execute(sql.MARK_ANNOUNCED, {"ids": ids})

    async def _move_other_books(self, offered: Sequence[Row[Any]]) -> int:
        """Move some rows of these names to their number of other books; returns how many were looked at."""
        parameters = {
            "names": [row.name for row in offered],
            "other_books": [row.other_books for row in offered],
            "platforms": list(PLATFORMS),
            "limit": OTHER_BOOKS_AT_ONCE,
        }
        async with self._transaction() as connection:
            await connection.execute(sql.USE_INDEXES)
            return int(await connection.scalar(sql.MOVE_OTHER_BOOKS, parameters) or 0)

    async def _change(
        self, partition: WatermarkKey, expected: int, next_offset: int, actor: str, reason: str
    ) -> None:
        move = WatermarkMove(*partition, expected=expected, next_offset=next_offset)
        async with self._transaction() as connection:
            await watermarks.change(connection, self._group, move, actor=actor, reason=reason)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        with driver_errors_translated():
            async with self._engine.begin() as connection:
                yield connection


async def _claim(connection: AsyncConnection, limit: int) -> list[UnannouncedMarket]:
    if not await connection.scalar(sql.TRY_TO_ANNOUNCE, {"lock": locks.ANNOUNCE_KEY}):
        await locks.refuse_intruder(connection, locks.ANNOUNCEMENTS)
        return []
    rows = await connection.execute(sql.READ_UNANNOUNCED, {"limit": limit})
    return [UnannouncedMarket(*row) for row in rows]


def _parts(misses: Sequence[MissRow]) -> Iterator[Sequence[MissRow]]:
    """Split into parts that stay far below the statement timeout: a batch may miss half a million markets."""
    return (misses[start : start + MOST_AT_ONCE] for start in range(0, len(misses), MOST_AT_ONCE))


def _key(miss: MissRow) -> _Key:
    return miss.source, miss.external_market_id


def _asked(misses: Sequence[MissRow]) -> dict[str, list[str] | list[int]]:
    return {
        "sources": [miss.source for miss in misses],
        "external_market_ids": [miss.external_market_id for miss in misses],
        "occurrences": [miss.occurrence_count for miss in misses],
    }


def _overflows(left_out: Iterable[Row[Any]]) -> tuple[Overflow, ...]:
    occurrences: Counter[tuple[str, datetime]] = Counter()
    for row in left_out:
        occurrences[row.source, row.hour] += row.occurrences
    return tuple(
        Overflow(source, hour, times) for (source, hour), times in sorted(occurrences.items())
    )


async def _add(connection: AsyncConnection, misses: Sequence[MissRow]) -> int:
    return int(await connection.scalar(sql.ADD_MISSES, _arrays(misses)) or 0)


def _arrays(misses: Sequence[MissRow]) -> dict[str, Any]:
    columns = zip(*misses, strict=True) if misses else ((),) * len(MissRow._fields)
    arrays = {name: list(column) for name, column in zip(MissRow._fields, columns, strict=True)}
    # An array of arrays would have to be rectangular: each one travels as the text that Postgres reads.
    arrays["event_hashes"] = [f"{{{','.join(map(str, miss.event_hashes))}}}" for miss in misses]
    return arrays


def _check(moves: Sequence[WatermarkMove], misses: Sequence[MissRow]) -> None:
    _check_unique("partition", [(move.topic_id, move.partition) for move in moves])
    _check_unique("market", list(map(_key, misses)))
    if any(move.next_offset < move.expected for move in moves):
        raise ValueError("a watermark never moves backwards")
    if misses and all(move.next_offset == move.expected for move in moves):
        raise ValueError("misses without a watermark that moves would be counted again")


def _check_unique(what: str, keys: Sequence[tuple[str, str | int]]) -> None:
    if len(set(keys)) != len(keys):
        twice = next(key for index, key in enumerate(keys) if key in keys[:index])
        raise ValueError(f"{what} named twice: {twice}")
