"""What can be observed of a worker's work: what should move, and what is known to block it.

The ends of the partitions come from another client than the one that reads them, so that a reader that is
stuck cannot hide it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, Protocol

from aiokafka import TopicPartition

from worker.domain.errors import TransientError
from worker.kafka.listed_offsets import ListedOffsets
from worker.kafka.record import Partition
from worker.runtime.liveness.held_back import HeldBack
from worker.runtime.liveness.watchdog import Awaited

StallCause = Literal["database", "kafka"]
Positions = Mapping[TopicPartition, int]


class Blocked(NamedTuple):
    """Time in which work could not go on, and what it waited for."""

    cause: StallCause
    seconds: float


class ProbedTopics(Protocol):
    async def states(self, names: Iterable[str]) -> Any:
        """Describe topics. Raises TransientError when the cluster does not answer."""


class ProbedOffsets(Protocol):
    async def each_log_end(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        """Return the end of each partition, up to which records can be read. Raises TransientError."""

    async def each_high_watermark(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        """Where the logs end, with what open transactions hold back. Raises TransientError."""


class ProbedCluster(Protocol):
    @property
    def topics(self) -> ProbedTopics: ...
    @property
    def offsets(self) -> ProbedOffsets: ...


class Open(Protocol):
    """A partition that is read; its records below ``position`` are processed."""

    @property
    def partition(self) -> Partition: ...
    @property
    def position(self) -> int: ...


class Assigned(Protocol):
    @property
    def owned(self) -> Sequence[Open]: ...
    @property
    def is_settled(self) -> bool: ...
    @property
    def epoch(self) -> int: ...


class BatchProgress:
    """Whether a batch is in progress, and how far it is."""

    def __init__(self) -> None:
        self.is_held = False
        self.steps = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        self.is_held = True
        self.steps += 1
        try:
            yield
        finally:
            self.is_held = False

    def part_done(self) -> None:
        self.steps += 1


class ProgressProbe:
    """Looks at what should move. ``silence`` says why the cluster did not answer the last look, else None.

    ``handed_over`` returns the offset up to which the consumer has handed over each partition,
    ``database_blocks`` whether the work waits for the database.
    """

    def __init__(
        self,
        cluster: ProbedCluster,
        assignment: Assigned,
        batch_progress: BatchProgress,
        *,
        topics: Sequence[str],
        handed_over: Callable[[Iterable[TopicPartition]], Positions],
        database_blocks: Callable[[], bool],
        report: Callable[[Blocked], None],
        timeout_s: float,
    ) -> None:
        self._cluster = cluster
        self._assignment = assignment
        self._batch_progress = batch_progress
        self._topics = topics
        self._handed_over = handed_over
        self._database_blocks = database_blocks
        self._report = report
        self._timeout_s = timeout_s
        self._looked_at_s = time.monotonic()
        self._silent: Mapping[TopicPartition, str] = {}
        self.silence: str | None = None
        self.held_back = HeldBack()
        self.expects_partitions = False

    def silent_partitions(self) -> list[str]:
        """A sentence for each open partition that nobody answered for at the last look."""
        return [
            f"{place.topic}/{place.partition}: nobody says where its log ends: {why}"
            for place, why in sorted(self._silent.items())
        ]

    async def look(self) -> list[Awaited]:
        """Return what should move at this moment. Without an answer of the cluster it takes ``timeout_s``."""
        ends = await self._log_ends()
        blocked = self._database_blocks()
        self._tell_blocked(blocked=blocked)
        standings = [] if self.silence is None else [Awaited("kafka", None, self.silence)]
        if not blocked:
            standings += [*self._batch(), *self._opening(), *self._partitions(ends)]
        return standings

    async def _log_ends(self) -> Positions:
        places = [_place(owned) for owned in self._assignment.owned]
        self._silent = {}
        try:
            async with asyncio.timeout(self._timeout_s):
                ends = await (self._ends_of(places) if places else self._reach())
        except (TransientError, TimeoutError) as error:
            self.silence = str(error) or "Kafka does not answer"
            return {}
        self.silence = None
        return ends

    async def _ends_of(self, places: Sequence[TopicPartition]) -> Positions:
        # In this order: records that come in between would look as if they were held back.
        high_watermarks, silent = await self._cluster.offsets.each_high_watermark(places)
        # Not of all: a broker that is away takes a whole time limit, and there is time for one.
        answered = list(high_watermarks)
        ends, no_end = await self._cluster.offsets.each_log_end(answered)
        self._silent = {**silent, **no_end}
        if not ends:
            # Partitions without a leader are no silence of the cluster: a restart would bring no broker back.
            await self._reach()
        self.held_back.look(ends, high_watermarks)
        return ends

    async def _reach(self) -> Positions:
        await self._cluster.topics.states(self._topics)
        return {}

    def _tell_blocked(self, *, blocked: bool) -> None:
        now_s = time.monotonic()
        since_s, self._looked_at_s = now_s - self._looked_at_s, now_s
        if blocked:
            self._report(Blocked("database", since_s))
        if self.silence is not None:
            self._report(Blocked("kafka", since_s))

    def _batch(self) -> Iterator[Awaited]:
        if self._batch_progress.is_held:
            yield Awaited(
                "batch", self._batch_progress.steps, "a batch is in progress and does not advance"
            )

    def _opening(self) -> Iterator[Awaited]:
        if self.expects_partitions and self.silence is None and not self._assignment.is_settled:
            epoch = self._assignment.epoch
            yield Awaited(
                "opening", epoch, "partitions are not assigned or not opened though Kafka answers"
            )

    def _partitions(self, ends: Positions) -> Iterator[Awaited]:
        handed_over = self._handed_over(ends)
        for owned in self._assignment.owned:
            place = _place(owned)
            at = handed_over.get(place, owned.position)
            if at < ends.get(place, 0):
                sentence = (
                    f"{place.topic}/{place.partition}: records from offset {at} on are not fetched"
                )
                yield Awaited(place, at, sentence)


def _place(at: Open) -> TopicPartition:
    return TopicPartition(at.partition.topic, at.partition.partition)
