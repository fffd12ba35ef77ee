"""Bounds what one poll returns in bytes, and keeps a partition that cannot be read from stopping the others.

Bytes. aiokafka returns up to a number of records, whatever their size, or all that was fetched. The broker
measures fetches in compressed form: a few megabytes may be hundreds of batches that each unpack to the
largest size allowed. Here a poll ends with the record that brings it to the bound; the rest of what was
fetched waits for the next polls.

Errors. When a batch cannot be read, aiokafka raises out of the poll. Records that the same poll had already
taken from other partitions are lost then, although their positions have moved. Here the error is kept until
the poll is over. What happens next depends on the consumer:
- `poll_isolated` pauses the partition, returns the records of the others, and reports the error next to them.
- Any other poll returns the records that it has, and the poll after it raises the error.

Two names in aiokafka are replaced; contract tests hold that its polls go through them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import Any, ClassVar, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.consumer import consumer, fetcher

from worker.domain.errors import FatalError

AnyRecord = ConsumerRecord[Any, Any]

# What a record takes in addition to its bytes, and each of its headers: a million empty ones are not nothing.
_RECORD_BYTES: Final = 500
_HEADER_BYTES: Final = 200

_TheirFetcher: Final[Any] = fetcher.Fetcher
_TheirResult: Final[Any] = fetcher.FetchResult


class UnreadableRecordsError(FatalError):
    """The records of a partition from ``offset`` on cannot be read, now or later."""

    def __init__(self, place: TopicPartition, offset: int, cause: Exception) -> None:
        at = f"{place.topic}/{place.partition} from offset {offset} on"
        super().__init__(f"records cannot be read: {at}: {cause!r}")
        self.offset = offset
        self.cause = cause


Failures = dict[TopicPartition, UnreadableRecordsError]


class Polled(NamedTuple):
    """The records of a poll, and the partitions that cannot be read, which are paused by then."""

    records: Mapping[TopicPartition, Sequence[AnyRecord]]
    failures: Failures


class _Poll:
    """The poll that the current task makes: how many more bytes it takes, and what failed in it."""

    __slots__ = ("failures", "isolates", "room_bytes")

    def __init__(self, room_bytes: int, failures: Failures, *, isolates: bool) -> None:
        self.room_bytes = room_bytes
        self.failures = failures
        self.isolates = isolates


_POLL: Final[ContextVar[_Poll | None]] = ContextVar("poll", default=None)


def bound_polls(bound: int) -> None:
    """From now on, polls of the consumers that this process creates end at ``bound`` bytes of records.

    A poll returns at least one record. Can be called again.
    """
    fetching: Any = fetcher
    consuming: Any = consumer
    fetching.FetchResult = FetchResult
    consuming.Fetcher = Fetcher
    Fetcher.bound = bound


async def poll_isolated(
    reader: AIOKafkaConsumer,
    *places: TopicPartition,
    timeout_ms: int,
    max_records: int | None,
) -> Polled:
    """Poll; a partition that cannot be read is paused and reported, and all others are read on.

    With ``places``, only these partitions are polled.
    """
    fetching: Any = reader._fetcher  # noqa: SLF001  # it is ours, since bound_polls; there is no public way to it
    fetching.isolates = True
    records = await reader.getmany(*places, timeout_ms=timeout_ms, max_records=max_records)
    failures, fetching.failures = fetching.failures, {}
    return Polled(records, failures)


class Fetcher(_TheirFetcher):  # type: ignore[misc]  # the client ships no types
    bound: ClassVar[int]
    isolates: bool = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.failures: Failures = {}
        super().__init__(*arguments, **named)

    async def fetched_records(
        self, *arguments: Any, **named: Any
    ) -> dict[TopicPartition, list[AnyRecord]]:
        self._raise_failure()
        token = _POLL.set(_Poll(self.bound, self.failures, isolates=self.isolates))
        try:
            found: dict[TopicPartition, list[AnyRecord]] = await super().fetched_records(
                *arguments, **named
            )
        finally:
            _POLL.reset(token)
        if not found:
            self._raise_failure()
        return found

    def _raise_failure(self) -> None:
        if self.failures and not self.isolates:
            _, failure = self.failures.popitem()
            raise failure


class FetchResult(_TheirResult):  # type: ignore[misc]  # as above
    """What was fetched of a partition; it is asked by every poll until it has no more."""

    _partition_records: Any

    def getall(self, max_records: int | None = None) -> Sequence[AnyRecord]:
        poll = _POLL.get()
        if poll is None:  # a consumer that was created before the bound was set
            unbounded: Sequence[AnyRecord] = super().getall(max_records)
            return unbounded
        if poll.room_bytes <= 0 or not self.check_assignment(self._topic_partition):
            return []
        records: list[AnyRecord] = []
        try:
            for record in self._partition_records:
                records.append(record)
                poll.room_bytes -= _weight(record)
                if len(records) == max_records or poll.room_bytes <= 0:
                    self._update_position()
                    return records
        except UnreadableRecordsError as failure:  # always the first record of a fetch
            self._fail(failure, poll)
            return records
        self._update_position()
        self._partition_records = None
        return records

    def _fail(self, failure: UnreadableRecordsError, poll: _Poll) -> None:
        place = self._topic_partition
        self._partition_records = None
        poll.failures[place] = failure
        if poll.isolates:  # or it would be fetched, and fail, again and again
            self._assignment.state_value(place).pause()


def _weight(record: AnyRecord) -> int:
    weight = _RECORD_BYTES + record.serialized_key_size + record.serialized_value_size
    for name, content in record.headers:
        weight += _HEADER_BYTES + len(name) + len(content or b"")
    return weight
