"""Decompresses the records of a batch, up to a bound.

Theory of operation. The sender decides how large a compressed batch becomes: 33 kB of zstd can hold a
gigabyte of blanks, and the broker only limits the compressed size. aiokafka decompresses a batch whole. So
one record of a careless or hostile sender could take all memory of the worker, and again after each restart.

- The idea: decompress here, with a bound, and give aiokafka a batch that is not compressed. The copied header
  has its codec bits cleared. Its length and checksum are not adjusted: aiokafka checks them on the batch as
  it was fetched (`batches.Batch` delegates to it), and reads neither on the copy.
- The invariant: no decoder writes more than the bound (gzip: 64 KiB more). A batch states its decompressed
  size, but a sender can write any number there, so the size is only trusted for snappy, whose decoder fails
  if it is false. gzip is read in pieces and counted; lz4 and zstd write into memory of a fixed size and fail
  if it is full.
- Memory: lz4 and zstd use one buffer of 8 MiB that is kept between batches, because fresh memory costs more
  time than the decompression. If a batch does not fit there and the bound allows more, it gets an anonymous
  map of the whole bound. The kernel provides a page only when it is written to, so a large bound costs
  nothing.

What would break: a bound that is checked after decompression (memory is gone by then), and a buffer that two
threads use at once (it is taken out of the list while it is in use).
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

# Batches of ordinary senders decompress to less.
ORDINARY_BYTES: Final = 8 * 1024 * 1024

_HEADER: Final = DefaultRecordBase.HEADER_STRUCT
_CODEC_AT: Final = DefaultRecordBase.ATTRIBUTES_OFFSET + 1
# The decoders' message if the bytes do not fit into the buffer.
_DOES_NOT_FIT: Final = "failed to write whole buffer"
_XERIAL_HEADER_BYTES: Final = 16
_LENGTH: Final = struct.Struct(">i")
_PIECE_BYTES: Final = 64 * 1024
_KEPT: Final[list[bytearray]] = []


class UnpacksTooLargeError(Exception):
    """A batch decompresses to more than the bound."""


class _DoesNotFitError(Exception):
    pass


def unpacked(content: memoryview, bound: int) -> memoryview | bytes:
    """Return a batch of format 2 without compression; its length and checksum are not adjusted.

    A batch with an unknown codec is returned unchanged. Raises UnpacksTooLargeError if the records take more
    than ``bound`` bytes, and the decoder's own error if it cannot be decompressed.
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
    """Trust the stated sizes: the decoder fails if a block is shorter or longer than it states."""
    if sum(_sizes_of_snappy_blocks(packed)) > bound:
        raise _DoesNotFitError
    return b"".join((head, codecs.snappy_decode(packed)))


def _sizes_of_snappy_blocks(packed: memoryview) -> Iterator[int]:
    """Yield the size that each block states. Java clients write many blocks, others one."""
    if not codecs._detect_xerial_stream(packed):  # noqa: SLF001  # the decoder uses it
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
    """Decompress into the kept buffer; if the records do not fit, into fresh memory of the whole bound."""
    kept = (
        _KEPT.pop() if _KEPT else bytearray(ORDINARY_BYTES)
    )  # taken out of the list: other threads do the same
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
    ):  # the kernel provides a page when it is written to
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
