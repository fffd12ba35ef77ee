"""One partition of `odds.latest`, opened for writing: fenced first, then read back.

Theory of operation. Of a key, the last record in the log counts: compaction keeps it and removes the
others. So a process must never write an older state behind a newer one. Two things see to that:

- Only one process writes to a partition. Its producer is transactional, under an id that belongs to the
  partition. Opening takes the id over: the broker ends what an earlier producer left open, and refuses
  every record of it from then on, also if that process was only frozen and goes on later.
- What is in the partition is known. After the id is taken over nobody else can write, so what is read up to
  the log's end then is all that there is, and stays so.

Each batch is one transaction: a reader of committed records sees all of it or nothing. The offset of the
group is committed after it. A process that is killed between the two leaves records that are read again,
found to be no newer than what is there, and not written again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Final

from aiokafka import TopicPartition

from worker.kafka.bounded_reader import OffsetRange, bounded_reader
from worker.kafka.connections import admin_of, client_connection
from worker.kafka.fenced_producer import FencedOutputs, fenced_outputs
from worker.kafka.record import Outgoing, RawRecord
from worker.kafka.topic_specs import largest_latest
from worker.runtime.snapshot.metrics import SnapshotMetrics
from worker.runtime.snapshot.state import Change, PartitionState, seen_in
from worker.settings.connected import KafkaSettings

_PUBLISH_S: Final = 15.0


def transactional_id(topic: str, partition: int) -> str:
    """The id under which a partition of the topic is written."""
    return f"{topic}-snapshot-{partition}"


class LatestPartition:
    """Writes what is newer than what is there. After a TransientError it must be opened again."""

    def __init__(
        self,
        place: TopicPartition,
        state: PartitionState,
        outputs: FencedOutputs,
        metrics: SnapshotMetrics,
        stack: AsyncExitStack,
    ) -> None:
        self._place = place
        self._state = state
        self._outputs = outputs
        self._metrics = metrics
        self._stack = stack

    @property
    def keys(self) -> int:
        return self._state.keys

    async def take(self, records: Iterable[RawRecord], now: datetime) -> None:
        """Write what of the records is newer than what is there. Raises TransientError, FatalError."""
        outputs: dict[bytes, Outgoing] = {}
        for record in records:
            self._metrics.read()
            seen = seen_in(record.value)
            if seen is None:
                self._metrics.left_out("unreadable")
                continue
            verdict, changes = self._state.take(seen, now)
            if verdict != "taken":
                self._metrics.left_out(verdict)
            for change in changes:
                outputs.pop(change.key, None)  # the last change of a key is written last
                outputs[change.key] = self._outgoing(change, record)
        await self._send(outputs.values())

    async def sweep(self, now: datetime) -> None:
        """Remove what was not seen for too long. Raises as ``take``."""
        await self._send([self._outgoing(change) for change in self._state.sweep(now)])

    async def close(self) -> None:
        await self._stack.aclose()

    async def _send(self, outputs: Iterable[Outgoing]) -> None:
        listed = list(outputs)
        if listed:
            await self._outputs.send(listed)
            self._metrics.written(listed)

    def _outgoing(self, change: Change, record: RawRecord | None = None) -> Outgoing:
        topic, partition = self._place
        headers = list(change.headers)
        if record is None or change.reason is not None:
            return Outgoing(topic, change.key, None, headers, partition)
        return Outgoing(topic, change.key, record.value, [*record.headers, *headers], partition)


async def open_partition(
    settings: KafkaSettings,
    number: int,
    state: PartitionState,
    metrics: SnapshotMetrics,
    on_progress: Callable[[], None],
) -> LatestPartition:
    """Take a partition over and read it back.

    Raises TransientError, UnreadableRecordsError, and another FatalError without the rights.
    """
    place = TopicPartition(settings.topics.latest, number)
    async with AsyncExitStack() as stack:
        outputs = await stack.enter_async_context(
            fenced_outputs(
                client_connection(settings),
                transactional_id(*place),
                max_bytes=largest_latest(settings),
                timeout_s=min(_PUBLISH_S, settings.publish_timeout_s),
            )
        )
        await _read_back(settings, place, state, on_progress)
        return LatestPartition(place, state, outputs, metrics, stack.pop_all())


async def _read_back(
    settings: KafkaSettings,
    place: TopicPartition,
    state: PartitionState,
    on_progress: Callable[[], None],
) -> None:
    """Restore the state from all that is in the log now, also if somebody holds a transaction open in it."""
    offsets = admin_of(settings).offsets
    ends = await offsets.high_watermarks([place])
    starts = await offsets.log_starts([place])
    async with bounded_reader(settings, {place: OffsetRange(starts[place], ends[place])}) as reader:
        async for records in reader.batches():
            for record in records:
                state.restore(record.key, record.value, record.headers)
            on_progress()
    state.settle()
