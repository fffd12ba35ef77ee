"""What is asked of the cluster and the database before partitions are opened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import structlog
from aiokafka import TopicPartition

from worker.domain.errors import TransientError
from worker.ingest.partitions.marks import BrakeState, mark, read_mark
from worker.ingest.partitions.owned import StoppedPartition
from worker.ingest.partitions.starts import ALARMS, Findings, OnTruncation, Start, start_of
from worker.kafka.listed_offsets import ListedOffsets
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

    async def log_starts(self, partitions: Iterable[TopicPartition]) -> ListedOffsets: ...

    async def high_watermarks(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        """The offset after the last record, of an open transaction as well."""


class Opening(NamedTuple):
    """A partition that was looked up, what was committed for it, and where reading starts."""

    partition: Partition
    committed: Committed | None
    start: Start

    @property
    def place(self) -> TopicPartition:
        return TopicPartition(self.partition.topic, self.partition.partition)

    @property
    def stopped(self) -> StoppedPartition | None:
        """Why the partition is not read; None when it is."""
        if not self.start.is_stopped:
            return None
        at = f"{self.partition.topic}/{self.partition.partition}"
        end = self.start.truncated_at
        sentence = f"{at} is stopped: its log ended at {end}, and more than that was counted"
        return StoppedPartition(self.partition, "TRUNCATED", sentence)

    @property
    def brake(self) -> BrakeState | None:
        """What the brake knew when it stopped the partition here; None when reading starts elsewhere."""
        if self.committed is None or self.committed.offset != self.start.position:
            return None
        ours = read_mark(self.committed.metadata)
        return ours.brake if ours is not None and ours.topic_id == self.partition.topic_id else None

    @property
    def commit(self) -> Committed | None:
        """What the group's commit is to be from now on; None when it is that already.

        An operator's commit beyond the log's end stays as it is: it is not ours to reinterpret.
        """
        start = self.start
        if start.is_stopped and start.cause == "operator":
            return None
        metadata = mark(
            self.partition.topic_id,
            start.position,
            replay_to=start.replay_to,
            truncated_at=start.truncated_at,
            brake=self.brake,
        )
        if self.committed is not None and self.committed[:2] == (start.position, metadata):
            return None
        return Committed(start.position, metadata)


class LookedUp(NamedTuple):
    """What was found; ``silent`` has the partitions that nobody answers for, and in words why."""

    openings: Sequence[Opening]
    silent: Mapping[TopicPartition, str]


async def look_up(
    coordinates: OpeningFacts, places: Sequence[TopicPartition], on_truncation: OnTruncation
) -> LookedUp:
    """Find where each of ``places`` starts, and move the watermarks to where the starts want them.

    A partition without a leader is left out: where it starts is not known before its log can be asked for.
    Raises TransientError.
    """
    if not places:
        return LookedUp([], {})
    topics = {place.topic for place in places}
    ids = await coordinates.topic_ids(topics)
    # First of all: a partition that cannot be opened is not to become known, so that it is still new later.
    # If retention deletes more meanwhile, the first fetch finds that, and the partition is opened again.
    log_starts, no_start = await coordinates.log_starts(places)
    partitions = {place: Partition(*place, ids[place.topic]) for place in log_starts}
    if not partitions:
        return LookedUp([], no_start)
    # Before the watermarks: asking for those makes partitions known.
    known = await coordinates.known(topics)
    watermarks = await coordinates.watermarks(list(partitions.values()))
    committed = await coordinates.committed(list(partitions))
    # After the watermarks: a log only grows, so what was counted before is not beyond its end.
    log_ends, no_end = await coordinates.high_watermarks(list(partitions))
    if await coordinates.topic_ids(topics) != ids:
        raise TransientError("a topic was created again meanwhile")
    openings = []
    for place, log_end in log_ends.items():
        partition = partitions[place]
        is_new, others_counted, had_other_id = _before(partition, known)
        found = Findings(
            topic_id=partition.topic_id,
            committed=committed.get(place),
            watermark=watermarks[partition],
            log_start=log_starts[place],
            log_end=log_end,
            is_new=is_new,
            others_counted=others_counted,
            had_other_id=had_other_id,
        )
        openings.append(Opening(partition, found.committed, start_of(found, on_truncation)))
        await _settle(coordinates, openings[-1], found.watermark)
    return LookedUp(openings, {**no_start, **no_end})


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
    optional = {"replay_to": start.replay_to, "lost": start.lost, "cause": start.cause}
    fields |= {name: value for name, value in optional.items() if value}
    if start.is_stopped:
        log.error("partition_stopped", truncated_at=start.truncated_at, **fields)
    elif start.case in ALARMS or start.lost:
        log.warning("partition_opened", **fields)
    else:
        log.info("partition_opened", **fields)
