"""Reads topics from one offset up to another, and then stops. The only reader of its kind.

How it works. A reader has one range of offsets for each partition, assigned by hand: it joins no group, so it
causes no rebalance. `fetch` returns the next records and moves the positions; `remaining` is what is left of
the ranges in offsets, and reading is complete when it is 0. Only one fetch is held in memory at a time.

Offsets are not records. Markers of transactions and compacted records have offsets, too, and a range may end
in such a gap. So progress is measured by the client's position, not by the last record: a fetch without
records is normal, and a range without any record ends all the same.

What can go wrong:
- Retention deletes records before they are read. Reading continues at the log's new start; ``lost`` counts
  the offsets that were skipped.
- The log now ends below our position: it was cut off, or the topic was created again. Nothing in the range
  can be trusted then, so this is a FatalError.
- Kafka gives no records for too long, or does not answer: TransientError. A fetch can be repeated after it.
- Records cannot be read, now or later: UnreadableRecordsError. A reader that notes ``failures`` reads no more
  of that partition instead, and goes on with the others.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final, Literal, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from worker.domain.errors import FatalError, TransientError
from worker.kafka.client.polls import Failures, Polled, poll_isolated
from worker.kafka.cluster.offsets import LogOffsets
from worker.kafka.connections import admin_of, client_connection, prepare_reading
from worker.kafka.failures import in_words
from worker.kafka.record import RawRecord
from worker.kafka.topic_specs import largest_output
from worker.settings.connected import KafkaSettings

IsolationLevel = Literal["read_committed", "read_uncommitted"]

_PEEK_BYTES: Final = 1024 * 1024
_POLL_MS: Final = 200
_STOP_S: Final = 5.0


class OffsetRange(NamedTuple):
    """Offsets from ``first`` up to but without ``end``."""

    first: int
    end: int


class BoundedReader:
    """``total`` is the number of offsets in the ranges, ``lost`` how many of them retention deleted."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        offsets: LogOffsets,
        ranges: Mapping[TopicPartition, OffsetRange],
        *,
        patience_s: float,
        failures: Failures | None = None,
    ) -> None:
        self._consumer = consumer
        self._failures = failures
        self._offsets = offsets
        self._positions = {place: min(each.first, each.end) for place, each in ranges.items()}
        self._ends = {place: each.end for place, each in ranges.items()}
        self._patience_s = patience_s
        self.total = self.remaining
        self.lost = 0

    @property
    def remaining(self) -> int:
        """The number of offsets that are not read yet."""
        return sum(self._ends[place] - position for place, position in self._positions.items())

    @property
    def done(self) -> int:
        return self.total - self.remaining

    async def batches(self) -> AsyncIterator[Sequence[RawRecord]]:
        """Yield all records of the ranges, a fetch at a time, in order within a partition."""
        while self.remaining:
            yield await self.fetch()

    async def fetch(self, max_records: int | None = None) -> Sequence[RawRecord]:
        """Return the next records; none when only gaps were read, or nothing remains.

        Raises TransientError when Kafka gives nothing for too long; FatalError when a log was cut off.
        """
        records: list[RawRecord] = []
        before = self.remaining
        deadline_s = time.monotonic() + self._patience_s
        while before and not records and self.remaining == before:
            try:
                async with asyncio.timeout(self._patience_s):
                    records = await self._poll(max_records)
            except (KafkaError, TimeoutError) as error:
                raise TransientError(
                    f"Kafka does not give the records: {in_words(error)}"
                ) from error
            has_progress = bool(records) or self.remaining < before
            if not has_progress and time.monotonic() > deadline_s:
                raise TransientError(f"Kafka has given no records for {self._patience_s:g} s")
        return records

    def finish(self, place: TopicPartition) -> None:
        """Read no more of a partition."""
        self._positions[place] = self._ends[place]
        self._consumer.pause(place)

    def move_to(self, ranges: Mapping[TopicPartition, OffsetRange]) -> None:
        """Read other ranges of the partitions that the reader was opened with; `total` grows by them."""
        for place, each in ranges.items():
            first = min(each.first, each.end)
            self._positions[place], self._ends[place] = first, each.end
            self.total += each.end - first
            self._consumer.seek(place, first)
            self._consumer.resume(place)

    async def commit(self) -> None:
        """Commit, for the group that the reader was opened with, that all fetched records are processed.

        Raises TransientError.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                await self._consumer.commit(self._positions)
        except (KafkaError, TimeoutError) as error:
            raise TransientError(f"the offsets are not committed: {in_words(error)}") from error

    async def _poll(self, max_records: int | None) -> list[RawRecord]:
        try:
            polled = await self._polled(max_records)
        except OffsetOutOfRangeError as error:
            await self._skip_deleted(list(error.args[0]))
            return []
        records: list[RawRecord] = []
        for place, group in polled.records.items():
            end = self._ends[place]
            records += [record for record in group if record.offset < end]
        await self._follow_client()
        for place in polled.failures:
            self.finish(place)
        return records

    async def _polled(self, max_records: int | None) -> Polled:
        places = self._unfinished()
        if self._failures is None:
            fetched = await self._consumer.getmany(
                *places, timeout_ms=_POLL_MS, max_records=max_records
            )
            return Polled(fetched, {})
        polled = await poll_isolated(
            self._consumer, *places, timeout_ms=_POLL_MS, max_records=max_records
        )
        self._failures.update(polled.failures)
        return polled

    def _unfinished(self) -> list[TopicPartition]:
        return [
            place for place, position in self._positions.items() if position < self._ends[place]
        ]

    async def _follow_client(self) -> None:
        """Take over the client's positions; they pass gaps in the log, unlike the offsets of records."""
        for place in self._unfinished():
            position = await self._consumer.position(place)
            if position < self._ends[place]:
                self._positions[place] = position
            else:
                self.finish(place)

    async def _skip_deleted(self, places: Sequence[TopicPartition]) -> None:
        for place, start in (await self._offsets.log_starts(places)).items():
            position, end = self._positions[place], self._ends[place]
            if start <= position:
                raise FatalError(
                    f"the log of {place.topic} [{place.partition}] ends before {position}"
                )
            self.lost += min(start, end) - position
            self._positions[place] = min(start, end)
            self._consumer.seek(place, start)


@asynccontextmanager
async def bounded_reader(
    settings: KafkaSettings,
    ranges: Mapping[TopicPartition, OffsetRange],
    *,
    group: str | None = None,
    partition_bytes: int | None = None,
    isolation_level: IsolationLevel = "read_committed",
    failures: Failures | None = None,
) -> AsyncIterator[BoundedReader]:
    """Open a reader of these ranges. ``group`` is only committed to, never joined.

    What cannot be read is noted in ``failures``; without it, the reader raises UnreadableRecordsError.
    Raises TransientError when the cluster does not answer.
    """
    prepare_reading(settings)
    consumer = AIOKafkaConsumer(
        **client_connection(settings),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level=isolation_level,
        fetch_max_bytes=settings.batch_max_bytes,
        # A fetch gives its first record whole, however large it is.
        max_partition_fetch_bytes=partition_bytes or largest_output(settings),
    )
    reader = BoundedReader(
        consumer,
        admin_of(settings).offsets,
        ranges,
        patience_s=settings.publish_timeout_s,
        failures=failures,
    )
    try:
        # Without this check, a client that has just been started would be stopped: that fails in the client.
        if reader.remaining:
            await _start(consumer, ranges, settings.admin_timeout_s)
        yield reader
    finally:
        with suppress(KafkaError, TimeoutError):  # the client may wait for ever on a broker
            async with asyncio.timeout(_STOP_S):
                await consumer.stop()


async def _start(
    consumer: AIOKafkaConsumer, ranges: Mapping[TopicPartition, OffsetRange], timeout_s: float
) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await consumer.start()
    except (KafkaError, TimeoutError) as error:
        raise TransientError(f"the consumer cannot reach Kafka: {in_words(error)}") from error
    consumer.assign(sorted(ranges))
    for place, each in ranges.items():
        consumer.seek(place, min(each.first, each.end))


@asynccontextmanager
async def topic_reader(
    settings: KafkaSettings,
    topic: str,
    *,
    since_ms: int | None = None,
    first: tuple[int, int] | None = None,
) -> AsyncIterator[BoundedReader]:
    """Open a reader of what is committed in a topic now, by its full name.

    It starts at the topic's start, or at the first record of ``since_ms`` or later; with ``first``, a
    partition and an offset, only that partition is read, from that offset on.
    Raises TransientError when the topic does not exist or the cluster does not answer.
    """
    admin = admin_of(settings)
    places: Iterable[TopicPartition] = await admin.topics.partitions([topic])
    if first is not None:
        places = [place for place in places if place.partition == first[0]]
    ends = await admin.offsets.log_ends(places)
    starts = await admin.offsets.log_starts(places)
    if since_ms is not None:
        found = await admin.offsets.at_time(places, since_ms)
        starts = {place: found.get(place, ends[place]) for place in places}
    if first is not None:
        starts = {place: max(start, first[1]) for place, start in starts.items()}
    ranges = {place: OffsetRange(starts[place], ends[place]) for place in places}
    async with bounded_reader(settings, ranges) as reader:
        yield reader


async def read_topic(settings: KafkaSettings, topic: str) -> list[RawRecord]:
    """Read every committed record of a topic, by its full name; order holds within a partition.

    Raises TransientError when the topic does not exist or the cluster does not answer.
    """
    async with topic_reader(settings, topic) as reader:
        return [record async for batch in reader.batches() for record in batch]


class Peeked(NamedTuple):
    """The first records of ranges, and the ranges whose next records cannot be read."""

    records: dict[TopicPartition, list[RawRecord]]
    failures: Failures


async def peek(
    settings: KafkaSettings,
    ranges: Mapping[TopicPartition, OffsetRange],
    *,
    max_records: int,
    timeout_s: float,
    isolation_level: IsolationLevel = "read_committed",
) -> Peeked:
    """Read up to ``max_records`` records from the start of each range, by default only committed ones.

    A range that was read to its end without a record has an empty list: it holds markers of transactions at
    most. A partition is left out when it shows neither within ``timeout_s``. Raises TransientError when the
    cluster does not answer at all.
    """
    found: dict[TopicPartition, list[RawRecord]] = {}
    failures: Failures = {}
    not_empty = {place: each for place, each in ranges.items() if each.first < each.end}
    if not not_empty:
        return Peeked(found, failures)
    with suppress(TimeoutError):  # what was found by then is enough
        async with (
            asyncio.timeout(timeout_s),
            bounded_reader(
                settings,
                not_empty,
                partition_bytes=_PEEK_BYTES,
                isolation_level=isolation_level,
                failures=failures,
            ) as reader,
        ):
            while reader.remaining:
                for record in await reader.fetch():
                    place = TopicPartition(record.topic, record.partition)
                    records = found.setdefault(place, [])
                    if len(records) < max_records:
                        records.append(record)
                    reader.finish(place)
            for place in not_empty.keys() - failures.keys():
                found.setdefault(place, [])
    return Peeked(found, failures)
