r"""Reads a batch whatever bytes its header names consist of.

Theory of operation. The broker accepts any bytes as a header name. aiokafka decodes names as UTF-8 while it
reads a batch, and raises if that fails. It raises again at every fetch, so one such record would stop its
partition for good, with everything behind it.

- The idea: read the records of the batch here, with the fields in aiokafka's order, and decode names with
  escapes (`\xff`) in place of the invalid bytes. Such a record is then processed like any other.
- Only batches that aiokafka refuses over a name, and very large ones, are read here; see `batches.py`.
- The invariant: each record ends exactly where its length says. If it does not, the batch is corrupt and
  `CorruptRecordException` is raised; no field is ever taken from the next record.
- An empty header takes two bytes in the batch and seventy in memory. ``most_headers`` therefore limits the
  number before the headers are read, for batches that are already large.

What would break: a new version of aiokafka with other fields in a record (contract tests compare both readers
on the same batches).
"""

from __future__ import annotations

from typing import Any

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.util import decode_varint


class EscapingBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # final only to type checkers
    """Raises CorruptRecordException at a record with more than ``most_headers``, before reading them."""

    def __init__(self, content: bytes | memoryview, most_headers: int | None = None) -> None:
        super().__init__(content[: self.HEADER_STRUCT.size])
        self._buffer: Any = memoryview(content)  # aiokafka would copy it
        self._most_headers = most_headers

    def _read_msg(self, decode_varint: Any = decode_varint) -> _DefaultRecordPy:
        length, begin = decode_varint(self._buffer, self._pos)
        _, at = decode_varint(self._buffer, begin)
        age_ms, at = decode_varint(self._buffer, at)
        distance, at = decode_varint(self._buffer, at)
        key, at = _nullable(self._buffer, at)
        value, at = _nullable(self._buffer, at)
        headers, at = self._headers(at)
        if at != begin + length:
            raise CorruptRecordException(f"a record of {length} bytes ends after {at - begin}")
        self._pos = at
        logged = self.timestamp_type == self.LOG_APPEND_TIME
        timestamp = self.max_timestamp if logged else self.first_timestamp + age_ms
        return _DefaultRecordPy(
            self.base_offset + distance, timestamp, self.timestamp_type, key, value, headers
        )

    def _headers(self, at: int) -> tuple[list[tuple[str, bytes | None]], int]:
        count, at = decode_varint(self._buffer, at)
        if self._most_headers is not None and count > self._most_headers:
            raise CorruptRecordException(
                f"a record has {count} headers; the maximum is {self._most_headers}"
            )
        headers = []
        for _ in range(count):
            name, at = _nullable(self._buffer, at)
            content, at = _nullable(self._buffer, at)
            headers.append(((name or b"").decode("utf-8", "backslashreplace"), content))
        return headers, at


def _nullable(buffer: Any, at: int) -> tuple[bytes | None, int]:
    """Return a field that has its length in front, and the position of the next one."""
    length, at = decode_varint(buffer, at)
    return (None, at) if length < 0 else (bytes(buffer[at : at + length]), at + length)
