"""Bounds what one poll gives by bytes as well.

aiokafka gives up to a number of records, whatever they weigh, or all that was fetched. What is fetched is
measured packed: a few megabytes may be hundreds of batches that each unpack to the largest size allowed. Here
a poll ends with the record that brings it to the bound, and what else was fetched waits for the next ones.
Two names in aiokafka are replaced; a contract test holds that its polls go through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any, ClassVar, Final

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.consumer import consumer, fetcher

AnyRecord = ConsumerRecord[Any, Any]

# What a record takes besides its bytes, and each of its headers: a million empty ones are not nothing.
_RECORD_BYTES: Final = 500
_HEADER_BYTES: Final = 200

_TheirFetcher: Final[Any] = fetcher.Fetcher
_TheirResult: Final[Any] = fetcher.FetchResult


class _Room:
    """How many bytes more a poll takes."""

    __slots__ = ("left",)

    def __init__(self, left: int) -> None:
        self.left = left


# That of the poll that this task is in.
_ROOM: Final[ContextVar[_Room | None]] = ContextVar("room", default=None)


def bound_polls(bound: int) -> None:
    """From now on a poll of any consumer that is made in this process ends at so many bytes of records.

    It gives one record at least. Can be called again.
    """
    fetching: Any = fetcher
    consuming: Any = consumer
    fetching.FetchResult = FetchResult
    consuming.Fetcher = Fetcher
    Fetcher.bound = bound


class Fetcher(_TheirFetcher):  # type: ignore[misc]  # the client ships no types
    bound: ClassVar[int]

    async def fetched_records(
        self, *arguments: Any, **named: Any
    ) -> dict[TopicPartition, list[AnyRecord]]:
        token = _ROOM.set(_Room(self.bound))
        try:
            found: dict[TopicPartition, list[AnyRecord]] = await super().fetched_records(
                *arguments, **named
            )
            return found
        finally:
            _ROOM.reset(token)


class FetchResult(_TheirResult):  # type: ignore[misc]  # as above
    """What was fetched of a partition; it is asked by every poll until it has no more."""

    _partition_records: Any

    def getall(self, max_records: int | None = None) -> Sequence[AnyRecord]:
        room = _ROOM.get()
        if room is None:  # a consumer that was made before the bound was set
            unbounded: Sequence[AnyRecord] = super().getall(max_records)
            return unbounded
        if room.left <= 0 or not self.check_assignment(self._topic_partition):
            return []
        records: list[AnyRecord] = []
        for record in self._partition_records:
            records.append(record)
            room.left -= _weight(record)
            if len(records) == max_records or room.left <= 0:
                break
        else:
            self._update_position()
            self._partition_records = None
            return records
        self._update_position()
        return records


def _weight(record: AnyRecord) -> int:
    weight = _RECORD_BYTES + record.serialized_key_size + record.serialized_value_size
    for name, content in record.headers:
        weight += _HEADER_BYTES + len(name) + len(content or b"")
    return weight
