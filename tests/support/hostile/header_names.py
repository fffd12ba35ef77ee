"""Records with header names that are no UTF-8 text: no client of ours can write them, but others can."""

from __future__ import annotations

import time
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

NO_TEXT = b"\xff\xfe name"
ESCAPED = "\\xff\\xfe name"


class RawName(str):
    """A header's name that is written as ``NO_TEXT``."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        return NO_TEXT


def batch(
    *records: tuple[bytes, str], codec: int = 0, first_ms: int = 1000
) -> _DefaultRecordBatchBuilderPy:
    """A batch of records a millisecond apart, each of a value and the name of its first header."""
    builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, -1, 1 << 20)
    for number, (value, name) in enumerate(records):
        builder.append(number, first_ms + number, b"k", value, [(name, b"content"), ("null", None)])
    return builder


async def send(
    producer: AIOKafkaProducer, topic: str, *records: tuple[bytes, str], partition: int = 0
) -> int:
    """Publish as one batch of now; the offset of its first record."""
    sent: Any = producer.create_batch()
    # Of an old time, retention would delete them whenever it happens to look.
    sent._builder = batch(*records, first_ms=round(time.time() * 1000))
    sent._relative_offset = len(records)
    sent.close()
    return int((await (await producer.send_batch(sent, topic, partition=partition))).offset)
