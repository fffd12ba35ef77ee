"""Reads the observations that Kafka holds, and says what they would become under a draft. Writes nothing.

How it works. Only the topics of bookmakers whose ids the draft touches are read, in the range of offsets that
a replay of the same time would read. If there are more records than asked for, slices are read that are
spread evenly over the range, and the forecast says how many records that was of how many. A thread plans the
records of one fetch; only that fetch is in memory, and what was added up.

Prices are compared on the events that the insight process watches, before and after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from aiokafka import TopicPartition

from worker.domain.books.platforms import Platform
from worker.kafka.bounded_reader import BoundedReader, OffsetRange, bounded_reader
from worker.kafka.connections import admin_of
from worker.kafka.record import RawRecord
from worker.kafka.retrying import retried
from worker.operations.replay.plan import Range, ReplayPlan, Window
from worker.operations.replay.range_reader import check_topics
from worker.operations.replay.survey import survey
from worker.operations.what_if.draft import Draft
from worker.operations.what_if.forecast import DraftTrial, Forecast
from worker.operations.what_if.spread import rounds
from worker.runtime.planner import clock_guard
from worker.settings.connected import KafkaSettings

MOST_RECORDS: Final = 2000
# Compressed; a fetch gives its first batch whole, however large it is.
_RECORDS_AT_ONCE: Final = 50
_PARTITION_BYTES: Final = 256 * 1024

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Foresight:
    """A forecast, and what it is of: ``read`` of the ``retained`` offsets of the range.

    ``lost`` are offsets that retention deleted meanwhile. ``has_hole``: retention had deleted records of the
    range before.
    """

    forecast: Forecast
    retained: int
    read: int
    lost: int
    has_hole: bool

    @property
    def is_whole(self) -> bool:
        """Whether every record of the range was read."""
        return self.read == self.retained and not self.lost and not self.has_hole


class _Log(NamedTuple):
    """The range of each partition, and the bookmaker of each topic."""

    plan: ReplayPlan
    platforms: Mapping[str, Platform]


async def foresee(
    settings: KafkaSettings,
    draft: Draft,
    window: Window,
    *,
    most_records: int | None = MOST_RECORDS,
    on_progress: OnProgress = lambda _done, _total: None,
) -> Foresight:
    """What the observations of a time would become; ``most_records`` None reads all of them.

    ``on_progress`` is called with the offsets that are read, and with all that will be.

    Raises TransientError; FatalError when a topic was created again meanwhile.
    """
    # It makes an index of all mappings of each side; a process that serves pages does not stop for it.
    trial = await asyncio.to_thread(
        DraftTrial, draft, max_message_bytes=settings.max_message_bytes, guard=clock_guard(settings)
    )
    log = await _log(settings, draft, window)
    ranges = log.plan.ranges
    to_read = list(rounds(ranges, most_records))
    total = sum(one.records for together in to_read for one in together)
    done = lost = 0
    if to_read:
        partition_bytes = None if len(to_read) == 1 else _PARTITION_BYTES
        first = _offsets(to_read[0])
        async with bounded_reader(settings, first, partition_bytes=partition_bytes) as reader:
            for together in to_read:
                if together is not to_read[0]:
                    reader.move_to(_offsets(together))
                while reader.remaining:
                    before = reader.remaining
                    await _take(settings, reader, trial, log.platforms)
                    done += before - reader.remaining
                    on_progress(done, total)
            lost = reader.lost
        admin = admin_of(settings)
        await retried(lambda: check_topics(admin, ranges), patience_s=settings.admin_timeout_s)
    return Foresight(trial.forecast, log.plan.records, done - lost, lost, bool(log.plan.holes))


async def _log(settings: KafkaSettings, draft: Draft, window: Window) -> _Log:
    known = settings.topics.observations
    platforms = {known[platform]: platform for platform in draft.touched}
    if not platforms:
        return _Log(ReplayPlan(window, [], None), platforms)
    return _Log(await survey(settings, sorted(platforms), window), platforms)


async def _take(
    settings: KafkaSettings,
    reader: BoundedReader,
    trial: DraftTrial,
    platforms: Mapping[str, Platform],
) -> None:
    records = await retried(
        lambda: reader.fetch(settings.batch_max_records), patience_s=settings.publish_timeout_s
    )
    by_platform: dict[Platform, list[RawRecord]] = {}
    for record in records:
        by_platform.setdefault(platforms[record.topic], []).append(record)
    for platform, together in by_platform.items():
        # In parts: whoever asked may be gone, and a thread cannot be cancelled.
        for begin in range(0, len(together), _RECORDS_AT_ONCE):
            part = together[begin : begin + _RECORDS_AT_ONCE]
            await asyncio.to_thread(trial.take, platform, part)


def _offsets(ranges: Sequence[Range]) -> dict[TopicPartition, OffsetRange]:
    return {TopicPartition(*one.place): OffsetRange(one.first, one.end) for one in ranges}
