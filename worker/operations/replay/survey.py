"""Asks the cluster what a replay would read. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import TopicPartition

from worker.kafka.connections import admin_of, offsets_of
from worker.kafka.patience import patiently
from worker.kafka.peek import RawRecord, Stretch, peek
from worker.kafka.topics import partitions_of
from worker.operations.replay import plan as replay_plan
from worker.operations.replay.plan import LogFacts, NamedPartition, RangeSample, ReplayPlan, Window
from worker.settings.connected import KafkaSettings

_MOST_SAMPLED: Final = 50
_SAMPLING_S: Final = 15.0


async def survey(
    settings: KafkaSettings, topics: Sequence[str], window: Window, *, rate: float | None = None
) -> ReplayPlan:
    """Plan a replay of these topics, by full name. Raises TransientError, also when a topic is missing."""
    facts = await patiently(
        lambda: _facts(settings, topics, window), patience_s=settings.admin_timeout_s
    )
    ranges = replay_plan.ranges(facts)
    stretches = {TopicPartition(*one.place): Stretch(one.first, one.end) for one in ranges}
    sampled = await peek(settings, stretches, most=_MOST_SAMPLED, timeout_s=_SAMPLING_S)
    samples = {
        (place.topic, place.partition): _sample(records) for place, records in sampled.items()
    }
    return replay_plan.plan(window, facts, samples, rate=rate)


async def _facts(
    settings: KafkaSettings, topics: Sequence[str], window: Window
) -> Mapping[NamedPartition, LogFacts]:
    admin, offsets = admin_of(settings), offsets_of(settings)
    topic_ids = await partitions_of(settings, topics)
    starts, ends = await admin.log_starts(topic_ids), await admin.log_ends(topic_ids)
    at_from = await offsets.at_time(topic_ids, window.from_ms)
    at_to = {} if window.to_ms is None else await offsets.at_time(topic_ids, window.to_ms)
    return {
        (place.topic, place.partition): LogFacts(
            topic_id, starts[place], ends[place], at_from.get(place), at_to.get(place)
        )
        for place, topic_id in topic_ids.items()
    }


def _sample(records: Sequence[RawRecord]) -> RangeSample:
    size = sum(len(record.value or b"") + len(record.key or b"") for record in records)
    return RangeSample(len(records), size, records[0].timestamp)
