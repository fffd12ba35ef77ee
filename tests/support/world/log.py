"""Topics in memory: what a broker keeps of records, as far as the delivery protocol depends on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aiokafka import TopicPartition

from tests.support.records import FakeRecord


class FakeLog:
    """One topic: partitions of records, each with the offset where it starts and the one where it ends."""

    def __init__(self, topic: str, topic_id: str, partitions: int) -> None:
        self.topic = topic
        self.topic_id = topic_id
        self._records: list[list[FakeRecord]] = [[] for _ in range(partitions)]
        self._starts = [0] * partitions
        self._ends = [0] * partitions

    @property
    def places(self) -> list[TopicPartition]:
        return [TopicPartition(self.topic, number) for number in range(len(self._records))]

    def append(self, partition: int, value: bytes | None, timestamp: int = 1) -> int:
        """The offset that the record got."""
        offset = self._ends[partition]
        self._records[partition].append(
            FakeRecord(self.topic, partition, offset, timestamp, b"k", value)
        )
        self._ends[partition] += 1
        return offset

    def append_marker(self, partition: int) -> None:
        """The end of a transaction: it has an offset, and no reader ever sees it."""
        self._ends[partition] += 1

    def delete_before(self, partition: int, offset: int) -> None:
        """As retention does; an offset beyond the end deletes everything."""
        start = min(offset, self._ends[partition])
        self._starts[partition] = max(self._starts[partition], start)
        self._records[partition] = [r for r in self._records[partition] if r.offset >= start]

    def read(self, partition: int, offset: int, most: int) -> Sequence[FakeRecord]:
        """Up to ``most`` records from ``offset`` on."""
        return [r for r in self._records[partition] if r.offset >= offset][:most]

    def next_position(self, partition: int, after: Sequence[FakeRecord]) -> int:
        """Where a reader stands after these records: behind the markers that follow them."""
        last = after[-1].offset
        later = [r.offset for r in self._records[partition] if r.offset > last]
        return later[0] if later else self._ends[partition]

    def add_partition(self) -> None:
        self._records.append([])
        self._starts.append(0)
        self._ends.append(0)

    def starts(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: self._starts[place.partition] for place in places}

    def ends(self, places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {place: self._ends[place.partition] for place in places}

    def records(self) -> list[FakeRecord]:
        return [record for records in self._records for record in records]
