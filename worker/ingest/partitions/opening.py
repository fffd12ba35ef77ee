"""What is asked of the cluster and the database before partitions are taken up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import structlog
from aiokafka import TopicPartition

from worker.domain.errors import TransientError
from worker.ingest.partitions.marks import mark
from worker.ingest.partitions.starts import ALARMS, Findings, OnTruncation, Start, start_of
from worker.kafka.record import Committed, Partition

log = structlog.get_logger()


class KnownStart(NamedTuple):
    """A partition that the group opened before, and its watermark."""

    topic: str
    topic_id: str
    partition: int
    watermark: int


class OpeningFacts(Protocol):
    """What Kafka and the database know of partitions. Each call may raise TransientError."""

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, str]: ...

    async def known(self, topics: Iterable[str]) -> Sequence[KnownStart]:
        """Every partition opened before under these names, also of topics that had the name before."""

    async def watermarks(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """The watermarks; a partition that is not known becomes so, at 0."""

    async def move_watermark(
        self, partition: Partition, expected: int, next_offset: int, reason: str
    ) -> None:
        """Move a watermark, in either direction, and record why. TransientError if it is elsewhere by now."""

    async def committed(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, Committed]: ...

    async def log_starts(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]: ...

    async def high_watermarks(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """The offset after the last record, of an open transaction as well."""


class Opening(NamedTuple):
    """A partition that was looked up, what was committed for it, and where it is taken up."""

    partition: Partition
    committed: Committed | None
    start: Start

    @property
    def place(self) -> TopicPartition:
        return TopicPartition(self.partition.topic, self.partition.partition)

    @property
    def sentence(self) -> str:
        """What is wrong with a stopped partition."""
        at = f"{self.partition.topic}/{self.partition.partition}"
        return f"{at} is stopped: its log ended at {self.start.truncated_at}, and more than that was counted"

    @property
    def commit(self) -> Committed | None:
        """What the group's commit is to be from now on; None when it is that already.

        An operator's commit beyond the log's end stays as it is: it is not ours to reinterpret.
        """
        start = self.start
        if start.is_stopped and start.cause == "operator":
            return None
        metadata = mark(
            self.partition.topic_id, start.position, start.replay_to, start.truncated_at
        )
        wanted = Committed(start.position, metadata)
        return None if wanted == self.committed else wanted


async def look_up(
    coordinates: OpeningFacts, places: Sequence[TopicPartition], on_truncation: OnTruncation
) -> list[Opening]:
    """Where each of ``places`` is taken up; the watermarks are moved to where the starts want them.

    Raises TransientError.
    """
    if not places:
        return []
    topics = {place.topic for place in places}
    ids = await coordinates.topic_ids(topics)
    partitions = {
        place: Partition(place.topic, place.partition, ids[place.topic]) for place in places
    }
    known = await coordinates.known(
        topics
    )  # before the watermarks: asking for those makes partitions known
    watermarks = await coordinates.watermarks(list(partitions.values()))
    committed = await coordinates.committed(places)
    log_starts = await coordinates.log_starts(places)
    log_ends = await coordinates.high_watermarks(places)
    if await coordinates.topic_ids(topics) != ids:
        raise TransientError("a topic was created again meanwhile")
    openings = []
    for place, partition in partitions.items():
        before = _before(partition, known)
        found = Findings(
            partition.topic_id,
            committed.get(place),
            watermarks[partition],
            log_starts[place],
            log_ends[place],
            *before,
        )
        openings.append(Opening(partition, found.committed, start_of(found, on_truncation)))
        await _settle(coordinates, openings[-1], found.watermark)
    return openings


def _before(partition: Partition, known: Sequence[KnownStart]) -> tuple[bool, bool, bool]:
    """Whether the partition is new, others of its topic are counted, another topic had the name before."""
    namesakes = [each for each in known if each.topic == partition.topic]
    same_topic = [each for each in namesakes if each.topic_id == partition.topic_id]
    return (
        all(each.partition != partition.partition for each in same_topic),
        any(each.watermark for each in same_topic),
        len(namesakes) > len(same_topic),
    )


async def _settle(coordinates: OpeningFacts, opening: Opening, watermark: int) -> None:
    start = opening.start
    if start.watermark != watermark:
        reason = f"{start.case}: {start.lost} offsets ({start.cause})" if start.lost else start.case
        await coordinates.move_watermark(opening.partition, watermark, start.watermark, reason)


def log_opening(opening: Opening) -> None:
    start, committed = opening.start, opening.committed
    fields: dict[str, Any] = {
        "topic": opening.partition.topic,
        "partition": opening.partition.partition,
        "topic_id": opening.partition.topic_id,
        "case": start.case,
        "position": start.position,
        "watermark": start.watermark,
        "committed": None if committed is None else committed.offset,
    }
    told = {"replay_to": start.replay_to, "lost": start.lost, "cause": start.cause}
    fields |= {name: value for name, value in told.items() if value}
    if start.is_stopped:
        log.error("partition_stopped", truncated_at=start.truncated_at, **fields)
    elif start.case in ALARMS or start.lost:
        log.warning("partition_opened", **fields)
    else:
        log.info("partition_opened", **fields)
