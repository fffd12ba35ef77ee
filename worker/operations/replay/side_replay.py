"""Publishes a range of observations again, under the same ids, next to the live workers. Counts nothing.

Theory of operation. A replay is a second reader next to the workers' group, with a plan of fixed ranges:

    plan     ranges of offsets, each with the id of its topic          replay_run.ranges, in the database
    read     partitions assigned explicitly, so no rebalance           range_reader.py
    resolve  the worker's own planner, with ONE fixed mapping version  ingest/planning/plan.py
    publish  resolved events only, under the ids of the originals and with the replay's id in a header
    record   add to the totals of the replay's row                     storage/replays.py
    commit   offsets in the group GROUP.replay.ID, which has no member

The order of the last three is what makes it safe. Output comes before the commit, so a replay that is killed
loses nothing: `--resume` continues from the commit, and what was published but not committed is published
again under the same event id and the same replay id, which a reader can recognise. The totals are written
before the commit too; after a kill they may therefore count such a repetition twice, and never too little.

What it must not do, and why it cannot:
- count: it has no ledger, and no watermark is read or moved.
- write dead letters: `Verdicts.dead` gives `NotPublished`; unreadable records are only counted by reason.
- disturb the workers: it is in no group, and its producer is an ordinary one.
- mix topics: the ids of the topics are checked before and after. When a topic was deleted and created again,
  its offsets mean other records, and the replay ends with a FatalError.
- mix mappings: the version is loaded once and recorded, and a resumed replay loads the same one.

Offsets that retention deletes before they are read are reported as lost, not skipped silently.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from worker.domain.index import MappingIndex
from worker.ingest.planning.plan import Planner, parts
from worker.kafka.bounded_reader import BoundedReader
from worker.kafka.connections import admin_of, client_connection
from worker.kafka.producer import Outputs
from worker.kafka.record import Partition, Record
from worker.kafka.retrying import retried
from worker.operations.replay.pace import Pace
from worker.operations.replay.plan import Range
from worker.operations.replay.range_reader import check_topics, range_reader
from worker.operations.replay.replay_filter import (
    ReplayedBatch,
    ReplayFilter,
    ReplayVerdict,
    Verdicts,
    outcome,
)
from worker.runtime.planner import clock_guard, make_encoder
from worker.settings.connected import ConnectedSettings
from worker.storage.replays import RunningReplay

T = TypeVar("T")


@dataclass(slots=True)
class Done:
    """What one run of a replay did, in records; ``is_complete`` unless it was stopped before the end."""

    published: int = 0
    passed_over: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    is_complete: bool = False


def replay_group(group: str, replay_id: str) -> str:
    """Return the group in which a replay commits its offsets; it never has a member."""
    return f"{group}.replay.{replay_id}"


class SideReplay:
    """One run of a replay. ``on_progress`` is called after each batch with the number of offsets left."""

    def __init__(
        self,
        settings: ConnectedSettings,
        replay: RunningReplay,
        *,
        ranges: Sequence[Range],
        choice: ReplayFilter,
        index: MappingIndex,
        rate: float | None,
        on_progress: Callable[[int], None],
    ) -> None:
        self._settings = settings
        self._replay = replay
        self._ranges = ranges
        self._index = index
        self._pace = Pace(rate, time.monotonic())
        self._most = settings.batch_max_records if rate is None else _within(rate, settings)
        self._on_progress = on_progress
        self._topic_ids = {one.topic: one.topic_id for one in ranges}
        encoder = make_encoder(settings, replay_id=replay.id, resolved_topic=choice.to_topic)
        self._planner: Planner[ReplayVerdict] = Planner(
            Verdicts(encoder, choice),
            max_message_bytes=settings.max_message_bytes,
            guard=clock_guard(settings),
        )
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Stop after the current batch; the replay can be resumed."""
        self._stop.set()

    async def run(self) -> Done:
        """Publish what is left of the ranges. Raises TransientError, FatalError or a StorageError."""
        outputs = Outputs(
            client_connection(self._settings),
            timeout_s=self._settings.publish_timeout_s,
        )
        done = Done()
        group = replay_group(self._settings.group_id, self._replay.id)
        async with range_reader(self._settings, self._ranges, group) as reader:
            await outputs.start()
            try:
                while reader.remaining and not self._stop.is_set():
                    await self._batch(reader, outputs, done)
            finally:
                await outputs.stop()
            done.is_complete = not reader.remaining
        await self._check_topics()
        return done

    async def _check_topics(self) -> None:
        """Check that no topic was created again meanwhile: its offsets would be other records."""
        admin = admin_of(self._settings)
        await retried(
            lambda: check_topics(admin, self._ranges), patience_s=self._settings.admin_timeout_s
        )

    async def _batch(self, reader: BoundedReader, outputs: Outputs, done: Done) -> None:
        lost = reader.lost
        records = await self._retried(lambda: reader.fetch(self._most))
        for part in parts(records, self._settings.batch_max_bytes):
            found = await asyncio.to_thread(self._resolve, part)
            await outputs.send(found.outputs)
            await self._tell(found, done)
        await self._tell_lost(reader.lost - lost, done)
        await self._retried(reader.commit)
        self._on_progress(reader.remaining)
        await self._wait(self._pace.take(len(records), time.monotonic()))

    async def _retried(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Retry: a broker that is unavailable for a moment does not end a replay."""
        return await retried(ask, patience_s=self._settings.publish_timeout_s)

    def _resolve(self, records: Sequence[Record]) -> ReplayedBatch:
        return outcome(
            self._planner.plan(record, self._at(record), self._index) for record in records
        )

    def _at(self, record: Record) -> Partition:
        return Partition(record.topic, record.partition, self._topic_ids[record.topic])

    async def _tell(self, found: ReplayedBatch, done: Done) -> None:
        done.published += len(found.outputs)
        done.passed_over += found.passed_over
        done.unreadable += found.unreadable
        await self._replay.add(
            published=len(found.outputs),
            passed_over=found.passed_over,
            unreadable=found.unreadable.total(),
        )

    async def _tell_lost(self, lost: int, done: Done) -> None:
        if lost:
            done.lost += lost
            await self._replay.add(lost=lost)

    async def _wait(self, delay_s: float) -> None:
        """Wait, unless the replay is stopped."""
        with suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._stop.wait()


def _within(rate: float, settings: ConnectedSettings) -> int:
    """Limit a batch to the records of one second."""
    return max(1, min(settings.batch_max_records, int(rate)))
