"""Unpacks the records of a batch, up to a bound.

A sender decides what a packed batch unpacks to: 33 kB of zstd hold a gigabyte of blanks, and the broker
measures what is packed. aiokafka unpacks a batch whole, whatever it becomes. What a batch says about its size
is not relied on, but for snappy, whose decoder fails when it is not true.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Iterator
from gzip import GzipFile
from io import BytesIO
from typing import Any, Final

import cramjam
from aiokafka import codec as codecs
from aiokafka.record.default_records import DefaultRecordBase

# What ordinary senders pack unpacks to less.
ORDINARY_BYTES: Final = 8 * 1024 * 1024

_HEADER: Final = DefaultRecordBase.HEADER_STRUCT
_CODEC_AT: Final = DefaultRecordBase.ATTRIBUTES_OFFSET + 1
# As the decoders say that the bytes do not fit in the buffer that they were given.
_DOES_NOT_FIT: Final = "failed to write whole buffer"
_XERIAL_HEADER_BYTES: Final = 16
_LENGTH: Final = struct.Struct(">i")
_PIECE_BYTES: Final = 64 * 1024
_KEPT: Final[list[bytearray]] = []


class UnpacksTooLargeError(Exception):
    """A batch unpacks to more than the bound."""


class _DoesNotFitError(Exception):
    pass


def unpacked(content: memoryview, bound: int) -> memoryview | bytes:
    """A batch of format 2 as it would be had it not been packed, but for its length and checksum.

    One of an unknown codec is given back as it is. Raises UnpacksTooLargeError when its records are more than
    ``bound`` bytes, and whatever a decoder raises when it cannot be unpacked.
    """
    unpack = _UNPACKERS.get(content[_CODEC_AT] & DefaultRecordBase.CODEC_MASK)
    if unpack is None:
        return content
    head = bytearray(content[: _HEADER.size])
    head[_CODEC_AT] &= ~DefaultRecordBase.CODEC_MASK
    try:
        return unpack(head, content[_HEADER.size :], bound)
    except _DoesNotFitError:
        raise UnpacksTooLargeError(f"{_place(head)} unpacks to more than {bound} bytes") from None


def _place(head: bytearray) -> str:
    first, *_ = _HEADER.unpack(head)
    (distance,) = _LENGTH.unpack_from(head, _CODEC_AT + 1)
    return f"the packed batch of offsets {first} to {first + distance}"


def _gzip(head: bytearray, packed: memoryview, bound: int) -> bytes:
    pieces: list[bytes | bytearray] = [head]
    left = bound
    with GzipFile(fileobj=BytesIO(packed)) as file:
        while piece := file.read1(_PIECE_BYTES):
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                raise _DoesNotFitError
    return b"".join(pieces)


def _snappy(head: bytearray, packed: memoryview, bound: int) -> bytes:
    """The decoder ends with an error where a block turns out shorter or longer than it says."""
    if sum(_sizes_of_snappy_blocks(packed)) > bound:
        raise _DoesNotFitError
    return b"".join((head, codecs.snappy_decode(packed)))


def _sizes_of_snappy_blocks(packed: memoryview) -> Iterator[int]:
    """What each block says that it unpacks to. Java clients write many blocks, others one."""
    if not codecs._detect_xerial_stream(packed):  # noqa: SLF001  # the decoder goes by it
        yield cramjam.snappy.decompress_raw_len(packed)
        return
    at = _XERIAL_HEADER_BYTES
    while at < len(packed):
        begin = at + _LENGTH.size
        (length,) = _LENGTH.unpack_from(packed, at)
        if length < 0:
            raise cramjam.DecompressionError(f"a block of {length} bytes")
        yield cramjam.snappy.decompress_raw_len(packed[begin : begin + length])
        at = begin + length


def _lz4(head: bytearray, packed: memoryview, bound: int) -> bytes:
    return _by_buffer(cramjam.lz4.decompress_into, head, packed, bound)


def _zstd(head: bytearray, packed: memoryview, bound: int) -> bytes:
    return _by_buffer(cramjam.zstd.decompress_into, head, packed, bound)


_UNPACKERS: Final[dict[int, Callable[[bytearray, memoryview, int], bytes]]] = {
    DefaultRecordBase.CODEC_GZIP: _gzip,
    DefaultRecordBase.CODEC_SNAPPY: _snappy,
    DefaultRecordBase.CODEC_LZ4: _lz4,
    DefaultRecordBase.CODEC_ZSTD: _zstd,
}

_UnpackInto = Callable[[Any, Any], int]


def _by_buffer(unpack_into: _UnpackInto, head: bytearray, packed: memoryview, bound: int) -> bytes:
    """Through memory that is kept, when that will do: to get fresh memory takes longer than to unpack."""
    kept = (
        _KEPT.pop() if _KEPT else bytearray(ORDINARY_BYTES)
    )  # taken away, as there may be other threads
    try:
        return _through(memoryview(kept)[:bound], unpack_into, head, packed)
    except _DoesNotFitError:
        if bound <= ORDINARY_BYTES:
            raise
    finally:
        _KEPT.append(kept)
    with (
        mmap.mmap(-1, bound) as fresh,
        memoryview(fresh) as room,
    ):  # a page is taken when it is written to
        return _through(room, unpack_into, head, packed)


def _through(
    room: memoryview, unpack_into: _UnpackInto, head: bytearray, packed: memoryview
) -> bytes:
    try:
        size = unpack_into(packed, room)
    except cramjam.DecompressionError as error:
        if str(error) == _DOES_NOT_FIT:
            raise _DoesNotFitError from None
        raise
    with room[:size] as records:
        return b"".join((head, records))
