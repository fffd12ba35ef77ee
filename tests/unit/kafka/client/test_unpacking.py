"""Packed batches are unpacked up to a bound, whatever they say about their size."""

from __future__ import annotations

import struct
from collections.abc import Callable

import cramjam
import pytest
from aiokafka import codec
from aiokafka.errors import UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatch

from tests.support.hostile.bombs import CODECS, MIB, batch_of, blank_record, bomb, pack
from worker.kafka.client.unpacking import ORDINARY_BYTES, UnpacksTooLargeError, unpacked

SIZE = MIB
CODEC_NAMES = list(CODECS)
# Around the bound, within the memory that is kept and beyond it.
BOUNDS = [MIB, ORDINARY_BYTES, ORDINARY_BYTES + MIB]


def records(size: int) -> bytes:
    return b"".join(blank_record(size))


def unpack(packed: bytes, name: str, bound: int = SIZE) -> bytes:
    """What the records of a batch unpack to."""
    return bytes(unpacked(memoryview(batch_of(packed, CODECS[name])), bound))[61:]


@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("name", CODEC_NAMES)
def test_what_unpacks_to_the_bound_is_unpacked_and_one_byte_more_is_refused(
    name: str, bound: int
) -> None:
    blanks = b" " * bound
    assert unpack(pack(name, iter([blanks])), name, bound) == blanks
    with pytest.raises(UnpacksTooLargeError, match=f"more than {bound} bytes"):
        unpack(pack(name, iter([blanks, b" "])), name, bound)


@pytest.mark.parametrize("name", CODEC_NAMES)
def test_an_unpacked_batch_is_read_as_the_packed_one_is(name: str) -> None:
    content = memoryview(bomb(5000, name))
    (expected,) = DefaultRecordBatch(content)
    (record,) = DefaultRecordBatch(unpacked(content, SIZE))
    for field in ("offset", "timestamp", "timestamp_type", "key", "value", "headers"):
        assert getattr(record, field) == getattr(expected, field)


@pytest.mark.parametrize("name", CODEC_NAMES)
def test_many_records_and_few_are_unpacked_one_after_the_other(name: str) -> None:
    for content in (b"a" * 5000, b"b", b"cd"):  # what was there before does not show
        assert unpack(pack(name, iter([content])), name) == content


def test_what_is_refused_is_named_by_its_offsets() -> None:
    content = batch_of(pack("zstd", blank_record(SIZE)), CODECS["zstd"], records=3, offset=41)
    with pytest.raises(
        UnpacksTooLargeError, match="batch of offsets 41 to 43 unpacks to more than 1000 bytes"
    ):
        unpacked(memoryview(content), 1000)


def test_what_is_not_packed_or_by_an_unknown_codec_is_left_as_it_is() -> None:
    for number in (0, 5, 7):
        content = memoryview(batch_of(b"anything", number))
        assert unpacked(content, 1) is content
    with pytest.raises(UnsupportedCodecError):
        list(DefaultRecordBatch(content))


@pytest.mark.parametrize("name", CODEC_NAMES)
@pytest.mark.parametrize(
    "spoil", [lambda p: p[: len(p) // 2], lambda p: p[:20], lambda _: b"\xff" * 40]
)
def test_what_is_damaged_raises_as_it_does_at_the_client(
    name: str, spoil: Callable[[bytes], bytes]
) -> None:
    damaged = spoil(pack(name, iter([bytes(range(256)) * 100])))
    with pytest.raises(Exception) as theirs:  # the kind is the library's
        getattr(codec, f"{name}_decode")(damaged)
    with pytest.raises(theirs.type):
        unpack(damaged, name)


@pytest.mark.parametrize("name", ["gzip", "lz4", "zstd"])
def test_frames_behind_each_other_count_together(name: str) -> None:
    half = pack(name, iter([b" " * (SIZE // 2)]))
    assert len(unpack(half + half, name)) == SIZE
    with pytest.raises(UnpacksTooLargeError):
        unpack(half + half + pack(name, iter([b" "])), name)


def zstd_frame(declared: int | None, blocks: int) -> bytes:
    """A frame that says that it unpacks to so many bytes, and unpacks to as many blocks of 128 KiB."""
    block = 128 * 1024
    of_one_byte = 1 << 1
    written = [
        ((block << 3) | of_one_byte | (number == blocks - 1)).to_bytes(3, "little") + b" "
        for number in range(blocks)
    ]
    said = b"\x00\x58" if declared is None else b"\xc0\x58" + declared.to_bytes(8, "little")
    return b"\x28\xb5\x2f\xfd" + said + b"".join(written)


@pytest.mark.parametrize("declared", [None, 64 * MIB])
def test_a_frame_of_zstd_is_refused_by_what_it_unpacks_to_whether_it_says_so_or_not(
    declared: int | None,
) -> None:
    assert len(cramjam.zstd.decompress(zstd_frame(declared, 512))) == 64 * MIB
    with pytest.raises(UnpacksTooLargeError):
        unpack(zstd_frame(declared, 512), "zstd")


def test_a_frame_of_zstd_that_says_less_than_it_holds_is_never_unpacked_beyond_the_bound() -> None:
    with pytest.raises((UnpacksTooLargeError, cramjam.DecompressionError)):
        unpack(zstd_frame(1000, 512), "zstd")


def test_a_frame_of_zstd_that_says_more_than_it_holds_takes_no_memory_for_it() -> None:
    with pytest.raises(cramjam.DecompressionError):
        unpack(zstd_frame(1 << 60, 2), "zstd")


@pytest.mark.parametrize("said", [0, 1000, 0xFFFFFFFF])
def test_what_gzip_says_of_its_size_is_compared_only_after_the_bound(said: int) -> None:
    packed = pack("gzip", iter([b" " * 2 * SIZE]))[:-4] + said.to_bytes(4, "little")
    with pytest.raises(UnpacksTooLargeError):
        unpack(packed, "gzip")


def raw_snappy(said: int, content: bytes) -> bytes:
    """One block, as librdkafka writes it."""
    packed = bytes(cramjam.snappy.compress_raw(content))
    before = 0
    while packed[before] & 0x80:
        before += 1
    written = []
    while said > 0x7F:
        written.append(said & 0x7F | 0x80)
        said >>= 7
    return bytes([*written, said]) + packed[before + 1 :]


def blocks_of_snappy(*blocks: bytes) -> bytes:
    """As Java clients write it."""
    header = codec.snappy_encode(b"")[:16]
    return bytes(header + b"".join(struct.pack(">i", len(block)) + block for block in blocks))


def test_snappy_in_one_block_is_bounded_too() -> None:
    assert unpack(raw_snappy(SIZE, b" " * SIZE), "snappy") == b" " * SIZE
    with pytest.raises(UnpacksTooLargeError):
        unpack(raw_snappy(SIZE + 1, b" " * (SIZE + 1)), "snappy")


@pytest.mark.parametrize(
    "wrap", [lambda block: block, lambda block: blocks_of_snappy(block, block)]
)
def test_a_block_of_snappy_that_says_something_else_than_it_holds_is_never_unpacked(
    wrap: Callable[[bytes], bytes],
) -> None:
    with pytest.raises(UnpacksTooLargeError):
        unpack(wrap(raw_snappy(0xFFFFFFFF, b" " * 100)), "snappy")
    with pytest.raises(cramjam.DecompressionError):
        unpack(wrap(raw_snappy(100, b" " * 2 * SIZE)), "snappy")


@pytest.mark.parametrize("length", [-1, -4, -(2**31), 2**31 - 1])
def test_a_block_of_snappy_of_an_impossible_length_is_refused(length: int) -> None:
    with pytest.raises(cramjam.DecompressionError):
        unpack(blocks_of_snappy() + struct.pack(">i", length) + b"x" * 10, "snappy")
