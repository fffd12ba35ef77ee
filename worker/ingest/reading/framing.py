"""Confluent's wire format: a zero byte and the four bytes of a schema's id in front of the JSON. Pure.

Scrapers that serialize with a schema registry write it. The id is not looked up: an observation says itself
which version it has.
"""

from __future__ import annotations

from typing import Final

_MAGIC: Final = b"\x00"
PREFIX_BYTES: Final = 5


def unframed(value: bytes | None) -> bytes | None:
    """The value without the prefix, where it has one. JSON never begins with a zero byte."""
    if value is None or len(value) <= PREFIX_BYTES or not value.startswith(_MAGIC):
        return value
    return value[PREFIX_BYTES:]


def ends_in_prefix(line: bytes) -> bool:
    """Whether a line ends within the prefix: a line feed in there is part of the schema's id."""
    return line.startswith(_MAGIC) and len(line) <= PREFIX_BYTES
