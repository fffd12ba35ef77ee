"""Reads every batch that a sender can write: of any size, with headers of any name.

Theory of operation. aiokafka reads fetched batches inside its fetcher, with no place to plug in another
reader. Three things that any sender can write would stop a partition for good or take the process down: a
batch that decompresses to more than the memory, a header name that is not UTF-8, and millions of tiny
headers.

- The idea: `read_any_batch` replaces two names in the fetcher's module. `MemoryRecords` becomes `Batches`,
  which cuts the answer of a fetch into batches; `PartitionRecords` reports the partition and offset of an
  error.
- aiokafka's own code still reads the records. `Batch` decompresses first, within a bound (`unpacking.py`). If
  aiokafka then refuses a header name, the rest of the batch is read with escapes (`header_names.py`). A batch
  of more than 8 MiB is always read there, because only that reader limits headers.
- The invariant: records come in order, each once. `_ordinary` counts what it has yielded before an error, and
  the second reader continues after exactly that many. An error is only raised at the first record of a fetch:
  records before it are delivered first, and the next fetch begins with the faulty one.
- A last batch that is cut off is left out, and fetched again.

What would break: renamed classes in a new version of aiokafka, or a fetcher that imports them another way.
Contract tests hold both, so they fail before a worker does.
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

# A batch of any format begins with base offset and length, then leader epoch and format number.
_BEFORE_CONTENT: Final = struct.Struct(">qi")
_FORMAT_AT: Final = struct.calcsize(">qii")
_OLD_CODEC_AT: Final = _FORMAT_AT + 1
_OLDEST_FORMAT_WITH_HEADERS: Final = 2
# An empty header takes two bytes in a batch, and seventy in memory.
_MOST_HEADERS_IN_A_LARGE_BATCH: Final = 100_000

_Theirs: Final[Any] = fetcher.PartitionRecords


def read_any_batch(*, unpacked_bytes: int, poll_bytes: int) -> None:
    """Make every consumer of this process read any batch. Can be called again.

    A batch that decompresses to more than ``unpacked_bytes`` raises UnreadableRecordsError. A poll ends with
    the record that brings it to ``poll_bytes``; the next polls return the rest of what was fetched.
    """
    theirs: Any = fetcher
    theirs.MemoryRecords = partial(Batches, unpacked_bytes=unpacked_bytes)
    theirs.PartitionRecords = PartitionRecords
    bound_polls(poll_bytes)


class PartitionRecords(_Theirs):  # type: ignore[misc]  # the client ships no types
    """As aiokafka's, but an error names its partition and offset, and comes after all earlier records."""

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

    The last one may be cut off: it is left out here, and fetched again.
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
            # Brokers have written none since Kafka 3.0, and nothing limits their decompressed size.
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
    """A batch of records, read by aiokafka except for decompression and header names."""

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
