"""Packed batches that are small, and unpack to whatever is asked for. They are never in memory unpacked."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import cramjam
from aiokafka import AIOKafkaProducer, codec
from aiokafka.record.default_records import DefaultRecordBase
from aiokafka.record.util import calc_crc32c, encode_varint

from tests.support.services.installation import Installation

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
CODECS = {"gzip": GZIP, "snappy": SNAPPY, "lz4": LZ4, "zstd": ZSTD}
MIB = 1024 * 1024

_PART = b" " * MIB


def varint(value: int) -> bytes:
    written: list[int] = []
    encode_varint(value, written.append)
    return bytes(written)


def record_around(value_bytes: int, key: bytes | None = None) -> tuple[bytes, bytes]:
    """What stands before and behind the value of the only record of a batch: no headers."""
    named = varint(-1) if key is None else varint(len(key)) + key
    before = b"\0" + varint(0) + varint(0) + named + varint(value_bytes)
    behind = varint(0)
    return varint(len(before) + value_bytes + len(behind)) + before, behind


def blank_record(value_bytes: int, key: bytes | None = None) -> Iterator[bytes]:
    before, behind = record_around(value_bytes, key)
    yield before
    for _ in range(value_bytes // MIB):
        yield _PART
    yield _PART[: value_bytes % MIB]
    yield behind


def batch_of(packed: bytes, codec_number: int, *, records: int = 1, offset: int = 0) -> bytes:
    """A batch of format 2, of now, around what its records were packed to."""
    now_ms = int(
        time.time() * 1000
    )  # what is older than its topic's retention, a broker may delete at once
    attributes = (codec_number, records - 1, now_ms, now_ms, -1, -1, -1, records)
    header = DefaultRecordBase.HEADER_STRUCT
    head = header.pack(offset, header.size + len(packed) - 12, -1, 2, 0, *attributes)
    checked = head[DefaultRecordBase.ATTRIBUTES_OFFSET :] + packed
    checksum = calc_crc32c(checked).to_bytes(4, "big")
    return head[: DefaultRecordBase.CRC_OFFSET] + checksum + checked


def pack(name: str, parts: Iterator[bytes]) -> bytes:
    packers: dict[str, Callable[[Iterator[bytes]], bytes]] = {
        "gzip": _gzip,
        "snappy": lambda parts: bytes(codec.snappy_encode(b"".join(parts))),
        "lz4": lambda parts: _streamed(
            cramjam.lz4.Compressor(content_checksum=False, block_linked=False), parts
        ),
        "zstd": lambda parts: _streamed(cramjam.zstd.Compressor(), parts),
    }
    return packers[name](parts)


def bomb(value_bytes: int, name: str = "zstd", *, key: bytes | None = None) -> bytes:
    """A batch of one record whose value is that many blanks."""
    return batch_of(pack(name, blank_record(value_bytes, key)), CODECS[name])


def _gzip(parts: Iterator[bytes]) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join([*map(packer.compress, parts), packer.flush()])


def _streamed(packer: Any, parts: Iterator[bytes]) -> bytes:
    for part in parts:
        packer.compress(part)
    return bytes(packer.finish())


class _Built(NamedTuple):
    """Stands where the producer expects what builds a batch."""

    batch: bytes

    def build(self) -> bytes:
        return self.batch


async def send_bomb(
    installation: Installation,
    topic: str,
    size: int = 150 * MIB,
    *,
    partition: int = 0,
    key: bytes | None = None,
) -> int:
    """Publish one to a topic, without its prefix; its offset. By default it is more than may be unpacked."""
    batch = await asyncio.to_thread(partial(bomb, size, key=key))
    settings = installation.settings
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers) as producer:
        return await send_batch(producer, settings.topic_prefix + topic, batch, partition=partition)


async def send_batch(
    producer: AIOKafkaProducer, topic: str, batch: bytes, *, partition: int = 0
) -> int:
    """Publish a batch of one record as it is; its offset."""
    sent: Any = producer.create_batch()
    sent._builder = _Built(batch)
    sent._relative_offset = 1
    sent.close()
    return int((await (await producer.send_batch(sent, topic, partition=partition))).offset)
