r"""Reads records whatever bytes the names of their headers are made of.

The broker takes any bytes as a header's name. aiokafka decodes names as UTF-8 while it reads a batch, and
raises when that fails: on every read again, so that the partition stands still for ever. Here such a name is
read with escapes (`\xff`) in place of the bytes at fault, and its record is one like any other.

aiokafka has no place to say so. Two names in its fetcher are replaced; what the replacements rely on is held
by contract tests. A batch is read by aiokafka's own code first, and only one that it refuses by ours.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint

from worker.domain.errors import FatalError

# Of a batch in any format: base offset and length, then the leader's epoch and the format's number.
_BEFORE_CONTENT: Final = struct.Struct(">qi")
_FORMAT_AT: Final = struct.calcsize(">qii")
_OLDEST_FORMAT_WITH_HEADERS: Final = 2

_Theirs: Final[Any] = fetcher.PartitionRecords


def read_any_header_name() -> None:
    """From now on every consumer of this process reads such records. Can be called again."""
    theirs: Any = fetcher
    theirs.MemoryRecords = Batches
    theirs.PartitionRecords = PartitionRecords


class PartitionRecords(_Theirs):  # type: ignore[misc]  # the client ships no types
    """As aiokafka's; what cannot be read is named by its place."""

    def _unpack_records(self) -> Iterator[Any]:
        try:
            yield from super()._unpack_records()
        except Exception as error:
            place = f"{self._tp.topic}/{self._tp.partition} from offset {self.next_fetch_offset} on"
            raise FatalError(f"records cannot be read: {place}: {error!r}") from error


class Batches:
    """The record batches in the answer to a fetch, as aiokafka's ``MemoryRecords`` gives them.

    The last one may be cut off; it is left out, and so fetched again.
    """

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content or b"")
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
            return Batch(content)
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
    """A batch of records; all but the reading of names is aiokafka's."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._theirs: Any = DefaultRecordBatch(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._theirs, name)

    def __next__(self) -> Any:
        return next(self._theirs)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._theirs:
                read += 1
                yield record
        except (UnicodeDecodeError, CorruptRecordException) as error:
            if not isinstance(error.__cause__ or error, UnicodeDecodeError):
                raise
            yield from islice(_EscapingBatch(self._content), read, None)


class _EscapingBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # final only to type checkers
    def _read_msg(self, decode_varint: Any = decode_varint) -> _DefaultRecordPy:
        length, begin = decode_varint(self._buffer, self._pos)
        _, at = decode_varint(self._buffer, begin)
        age_ms, at = decode_varint(self._buffer, at)
        distance, at = decode_varint(self._buffer, at)
        key, at = _nullable(self._buffer, at)
        value, at = _nullable(self._buffer, at)
        count, at = decode_varint(self._buffer, at)
        headers = []
        for _ in range(count):
            name, at = _nullable(self._buffer, at)
            content, at = _nullable(self._buffer, at)
            headers.append(((name or b"").decode("utf-8", "backslashreplace"), content))
        if at != begin + length:
            raise CorruptRecordException(f"a record of {length} bytes ends after {at - begin}")
        self._pos = at
        logged = self.timestamp_type == self.LOG_APPEND_TIME
        timestamp = self.max_timestamp if logged else self.first_timestamp + age_ms
        return _DefaultRecordPy(
            self.base_offset + distance, timestamp, self.timestamp_type, key, value, headers
        )


def _nullable(buffer: bytearray, at: int) -> tuple[bytes | None, int]:
    """A field with its length before it, and where the next begins."""
    length, at = decode_varint(buffer, at)
    return (None, at) if length < 0 else (bytes(buffer[at : at + length]), at + length)
