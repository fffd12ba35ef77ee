"""Reads what anybody may write to a topic: batches of any size, and headers of any name.

aiokafka has no place to say how a batch is read. Two names in its fetcher are replaced; what the replacements
rely on is held by contract tests. A batch is read by aiokafka's own code, after it was unpacked here; what
that refuses over a name, and a batch that is very large, by ours.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBase, DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from worker.kafka.client.header_names import EscapingBatch
from worker.kafka.client.polls import UnreadableRecordsError, bound_polls
from worker.kafka.client.unpacking import ORDINARY_BYTES, unpacked

# Of a batch in any format: base offset and length, then the leader's epoch and the format's number.
_BEFORE_CONTENT: Final = struct.Struct(">qi")
_FORMAT_AT: Final = struct.calcsize(">qii")
_OLD_CODEC_AT: Final = _FORMAT_AT + 1
_OLDEST_FORMAT_WITH_HEADERS: Final = 2
# An empty header takes two bytes in a batch, and seventy when it is read.
_MOST_HEADERS_IN_A_LARGE_BATCH: Final = 100_000

_Theirs: Final[Any] = fetcher.PartitionRecords


def read_any_batch(*, unpacked_bytes: int, poll_bytes: int) -> None:
    """From now on every consumer of this process reads what anybody wrote. Can be called again.

    A batch that unpacks to more than ``unpacked_bytes`` is an UnreadableRecordsError. A poll ends with the
    record that brings it to ``poll_bytes``; the next polls return the rest of what was fetched.
    """
    theirs: Any = fetcher
    theirs.MemoryRecords = partial(Batches, unpacked_bytes=unpacked_bytes)
    theirs.PartitionRecords = PartitionRecords
    bound_polls(poll_bytes)


class PartitionRecords(_Theirs):  # type: ignore[misc]  # the client ships no types
    """As aiokafka's, but an error names its partition and offset, and comes after all records before it."""

    def _unpack_records(self) -> Iterator[Any]:
        fetched_from = self.next_fetch_offset
        try:
            yield from super()._unpack_records()
        except Exception as error:
            if self.next_fetch_offset > fetched_from:
                return  # the next fetch begins with the records at fault
            raise UnreadableRecordsError(self._tp, self.next_fetch_offset, error) from error


class Batches:
    """The record batches in the answer to a fetch, as aiokafka's ``MemoryRecords`` gives them.

    The last one may be cut off; it is left out, and so fetched again.
    """

    def __init__(self, content: bytes, *, unpacked_bytes: int) -> None:
        self._content = memoryview(content or b"")
        self._unpacked_bytes = unpacked_bytes
        self._slices = self._split()
        self._next = next(self._slices, None)

    def size_in_bytes(self) -> int:
        return len(self._content)

    def has_next(self) -> bool:
        return self._next is not None

    def next_batch(self) -> Any:
        content, self._next = self._next, next(self._slices, None)
        if content is None:
            return None
        if len(content) > _FORMAT_AT and content[_FORMAT_AT] >= _OLDEST_FORMAT_WITH_HEADERS:
            return Batch(content, self._unpacked_bytes)
        if len(content) > _OLD_CODEC_AT and content[_OLD_CODEC_AT] & DefaultRecordBase.CODEC_MASK:
            # Brokers write none since Kafka 3.0, and nothing bounds what they unpack to.
            raise UnsupportedCodecError("a packed batch in a format from before Kafka 0.11")
        return MemoryRecords(bytes(content)).next_batch()

    def _split(self) -> Iterator[memoryview]:
        begin = 0
        while begin + _BEFORE_CONTENT.size <= len(self._content):
            _, length = _BEFORE_CONTENT.unpack_from(self._content, begin)
            end = begin + _BEFORE_CONTENT.size + length
            if length < 0 or end > len(self._content):
                return
            yield self._content[begin:end]
            begin = end


class Batch:
    """A batch of records; all but unpacking, and the reading of names, is aiokafka's."""

    def __init__(self, content: memoryview, unpacked_bytes: int) -> None:
        self._content = content
        self._unpacked_bytes = unpacked_bytes
        self._theirs: Any = DefaultRecordBatch(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._theirs, name)

    def __next__(self) -> Any:
        return next(self._theirs)

    def __iter__(self) -> Iterator[Any]:
        content = unpacked(self._content, self._unpacked_bytes)
        if len(content) > ORDINARY_BYTES:
            return iter(EscapingBatch(content, _MOST_HEADERS_IN_A_LARGE_BATCH))
        return _ordinary(content)


def _ordinary(content: bytes | memoryview) -> Iterator[Any]:
    read = 0
    try:
        for record in DefaultRecordBatch(content):
            read += 1
            yield record
    except (UnicodeDecodeError, CorruptRecordException) as error:
        if not isinstance(error.__cause__ or error, UnicodeDecodeError):
            raise
        yield from islice(EscapingBatch(content), read, None)
