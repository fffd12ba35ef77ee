r"""Reads a batch whatever bytes the names of its headers are made of.

The broker takes any bytes as a header's name. aiokafka decodes names as UTF-8 while it reads a batch, and
raises when that fails: on every read again, so that the partition stands still for ever. Here such a name is
read with escapes (`\xff`) in place of the bytes at fault, and its record is one like any other.
"""

from __future__ import annotations

from typing import Any

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.util import decode_varint


class EscapingBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # final only to type checkers
    """Raises CorruptRecordException at a record with more than ``most_headers``, before it reads them."""

    def __init__(self, content: bytes | memoryview, most_headers: int | None = None) -> None:
        super().__init__(content[: self.HEADER_STRUCT.size])
        self._buffer: Any = memoryview(content)  # theirs would be a copy
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
                f"a record has {count} headers, {self._most_headers} are read at most"
            )
        headers = []
        for _ in range(count):
            name, at = _nullable(self._buffer, at)
            content, at = _nullable(self._buffer, at)
            headers.append(((name or b"").decode("utf-8", "backslashreplace"), content))
        return headers, at


def _nullable(buffer: Any, at: int) -> tuple[bytes | None, int]:
    """A field with its length before it, and where the next begins."""
    length, at = decode_varint(buffer, at)
    return (None, at) if length < 0 else (bytes(buffer[at : at + length]), at + length)
