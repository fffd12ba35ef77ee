"""A Kafka record, as much of it as this package reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from aiokafka import ConsumerRecord

from schemas.cloud_events import Header

# A record as the client hands it over.
RawRecord = ConsumerRecord[bytes | None, bytes | None]


class Record(Protocol):
    """What aiokafka's ConsumerRecord gives; headers may hold null and any bytes."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class Partition(NamedTuple):
    """A topic's partition. ``topic_id`` distinguishes a topic from an earlier one with the same name."""

    topic: str
    partition: int
    topic_id: str


def size_of(records: Iterable[Record]) -> int:
    """Bytes of their values together."""
    # A list, because a generator takes twice as long.
    return sum([len(record.value or b"") for record in records])


class Committed(NamedTuple):
    """The group's committed offset, and what is written next to it.

    ``leader_epoch`` is that of the last record that was read; None where a client does not say it.
    """

    offset: int
    metadata: str
    leader_epoch: int | None = None

    @property
    def is_reset(self) -> bool:
        """Whether an operator's tool has set it.

        Tools write the offset alone. A consumer that has read something writes the leader epoch, too.
        """
        return self.leader_epoch is None and not self.metadata


Headers = list[Header]


class Outgoing(NamedTuple):
    """A record to publish; without a partition of its own, its key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    partition: int | None = None
