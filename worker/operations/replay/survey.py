"""Asks the cluster what a replay would read. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import TopicPartition

from worker.kafka.bounded_reader import OffsetRange, peek
from worker.kafka.connections import admin_of
from worker.kafka.record import RawRecord
from worker.kafka.retrying import retried
from worker.operations.replay import plan as replay_plan
from worker.operations.replay.plan import LogFacts, NamedPartition, RangeSample, ReplayPlan, Window
from worker.settings.connected import KafkaSettings

_MOST_SAMPLED: Final = 50
_SAMPLING_S: Final = 15.0


async def survey(
    settings: KafkaSettings, topics: Sequence[str], window: Window, *, rate: float | None = None
) -> ReplayPlan:
    """Plan a replay of these topics, by full name. Raises TransientError, also when a topic is missing."""
    facts = await retried(
        lambda: _facts(settings, topics, window), patience_s=settings.admin_timeout_s
    )
    ranges = replay_plan.ranges(facts)
    stretches = {TopicPartition(*one.place): OffsetRange(one.first, one.end) for one in ranges}
    sampled = await peek(settings, stretches, max_records=_MOST_SAMPLED, timeout_s=_SAMPLING_S)
    samples = {
        (place.topic, place.partition): _sample(records)
        for place, records in sampled.records.items()
        if records
    }
    unreadable = {
        (place.topic, place.partition): repr(failure.cause)
        for place, failure in sampled.failures.items()
    }
    return replay_plan.plan(window, facts, samples, unreadable, rate=rate)


async def _facts(
    settings: KafkaSettings, topics: Sequence[str], window: Window
) -> Mapping[NamedPartition, LogFacts]:
    admin = admin_of(settings)
    topic_ids = await admin.topics.partitions(topics)
    starts, ends = (
        await admin.offsets.log_starts(topic_ids),
        await admin.offsets.log_ends(topic_ids),
    )
    at_from = await admin.offsets.at_time(topic_ids, window.from_ms)
    at_to = {} if window.to_ms is None else await admin.offsets.at_time(topic_ids, window.to_ms)
    return {
        (place.topic, place.partition): LogFacts(
            topic_id, starts[place], ends[place], at_from.get(place), at_to.get(place)
        )
        for place, topic_id in topic_ids.items()
    }


def _sample(records: Sequence[RawRecord]) -> RangeSample:
    size = sum(len(record.value or b"") + len(record.key or b"") for record in records)
    return RangeSample(len(records), size, records[0].timestamp)
