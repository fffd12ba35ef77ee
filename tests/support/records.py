"""Records and partitions for tests that need no broker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from worker.kafka.record import Partition

TOPIC_ID = "Wq3nVJ0iSkKZp2bK1yF0Bg"


class FakeRecord(NamedTuple):
    topic: str = "observations.sportybet"
    partition: int = 0
    offset: int = 0
    timestamp: int = 1795348800120
    key: bytes | None = b"k"
    value: bytes | None = b"{}"
    headers: Sequence[tuple[str, bytes | None]] = ()


def place(number: int = 0, topic: str = "observations.sportybet") -> Partition:
    return Partition(topic, number, TOPIC_ID)


def partition_of(record: FakeRecord) -> Partition:
    return place(record.partition, record.topic)
