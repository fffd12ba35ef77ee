"""What a compacted topic says now. Pure.

Of each key the last record counts, and compaction removes the others. Two things are easily missed:

- The same key may be in several partitions, after the number of partitions or the record key of an event has
  changed. The newest over all partitions counts, and the value says what is newest, not its place.
- A record without a value is a tombstone: it removes what its own partition said of the key.

A record that cannot be read says that there is something newer, and not what. So it is reported, and what its
partition said of the key before is no longer held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from .unreadable import RecordPlace, UnreadableRecord, log_unreadable, unreadable

T = TypeVar("T")


class KafkaRecord(RecordPlace, Protocol):
    """What is read of a record."""

    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


class CompactedState(Generic[T]):
    """What a compacted topic says now, by key.

    ``read`` makes a value of a record's bytes, or raises ValueError. ``age`` gives something that orders the
    values of one key. ``on_unreadable`` is called with each record that cannot be read; by default it is
    logged.
    """

    def __init__(
        self,
        read: Callable[[bytes], T],
        age: Callable[[T], Any],
        on_unreadable: Callable[[UnreadableRecord], None] = log_unreadable,
    ) -> None:
        self._read = read
        self._age = age
        self._on_unreadable = on_unreadable
        self._said: dict[bytes, dict[int, T]] = {}  # by key and partition

    def take(self, record: KafkaRecord) -> bool:
        """Return whether the record changes what ``get`` gives for its key."""
        key = record.key or b""
        before = self.get(key)
        if record.value is None:
            self._forget(key, record.partition)
        else:
            try:
                value = self._read(record.value)
            except ValueError as error:
                self._forget(key, record.partition)
                self._on_unreadable(unreadable(record, error))
            else:
                self._keep(key, record.partition, value)
        return self.get(key) is not before

    def get(self, key: bytes) -> T | None:
        """Return the newest value of a key over all partitions."""
        said = self._said.get(key)
        return max(said.values(), key=self._age) if said else None

    def __iter__(self) -> Iterator[T]:
        return (max(said.values(), key=self._age) for said in list(self._said.values()))

    def __len__(self) -> int:
        return len(self._said)

    def _keep(self, key: bytes, partition: int, value: T) -> None:
        said = self._said.setdefault(key, {})
        known = said.get(partition)
        if known is None or self._age(value) > self._age(known):
            said[partition] = value

    def _forget(self, key: bytes, partition: int) -> None:
        said = self._said.get(key, {})
        said.pop(partition, None)
        if not said:
            self._said.pop(key, None)
