"""Reads the ranges of a replay, and keeps its progress as commits of a group that only the replay uses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import TopicPartition

from worker.domain.errors import FatalError
from worker.kafka.bounded_reader import BoundedReader, OffsetRange, bounded_reader
from worker.kafka.cluster.admin import KafkaAdmin
from worker.kafka.connections import admin_of
from worker.kafka.retrying import retried
from worker.operations.replay.plan import Range
from worker.settings.connected import KafkaSettings


@asynccontextmanager
async def range_reader(
    settings: KafkaSettings, ranges: Sequence[Range], group: str
) -> AsyncIterator[BoundedReader]:
    """Open a reader that continues where ``group`` has committed.

    Raises TransientError; FatalError when a topic of the ranges was deleted, or deleted and created again.
    """
    admin = admin_of(settings)
    wanted = {TopicPartition(*one.place): OffsetRange(one.first, one.end) for one in ranges}
    patience_s = settings.admin_timeout_s
    await retried(lambda: check_topics(admin, ranges), patience_s=patience_s)
    committed = await retried(lambda: admin.groups.committed(group, wanted), patience_s=patience_s)
    for place, commit in committed.items():
        first, end = wanted[place]
        wanted[place] = OffsetRange(min(max(first, commit.offset), end), end)
    async with bounded_reader(settings, wanted, group=group) as reader:
        yield reader


async def check_topics(admin: KafkaAdmin, ranges: Sequence[Range]) -> None:
    """Raise FatalError when a topic is not the one that the ranges were made for, else TransientError."""
    now = await admin.topics.states({one.topic for one in ranges})
    for one in ranges:
        if one.topic not in now or now[one.topic].topic_id != one.topic_id:
            raise FatalError(f"the topic {one.topic} was deleted, or deleted and created again")
