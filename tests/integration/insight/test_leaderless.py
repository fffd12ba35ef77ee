"""A partition without a leader: the insight process reads the others, and that one when it has a leader."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.support.services.insights import scraped
from tests.support.services.installation import Installation
from worker.insight.watching.metrics import InsightMetrics
from worker.insight.watching.reading import ObservationReader
from worker.insight.watching.starts import reading_starts
from worker.insight.watching.window import EventWindow
from worker.kafka.cluster import offsets
from worker.kafka.cluster.offsets import answers_of
from worker.kafka.retrying import retried

pytestmark = pytest.mark.services

NO_LEADER = "Broker: Leader not available"


async def test_a_partition_is_left_out_while_nobody_answers_for_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each time that it reads, it is to look for partitions.
    settings = installation.settings.model_copy(update={"metadata_max_age_s": 0.0})
    await installation.publish(scraped(events=2))
    silent = TopicPartition(settings.topics.observations["betpawa"], 0)
    places = set(await installation.admin.topics.partitions(settings.topics.observations.values()))

    # The cluster of the tests has one broker: if that is away, there is nobody to ask for the others.
    def without_leader(*asked: Any) -> Any:
        found = answers_of(*asked)
        return found | dict.fromkeys(found.keys() & {silent}, NO_LEADER)

    monkeypatch.setattr(offsets, "answers_of", without_leader)
    now = datetime.now(UTC)
    # A broker that has just started has no coordinator for the first group at once.
    starts = await retried(lambda: reading_starts(settings, places, now), patience_s=30)
    assert starts.offsets.keys() == places - {silent}
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.insight_group_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        consumer.assign(sorted(starts.offsets))
        reading = ObservationReader(
            consumer,
            EventWindow(most_bytes=1_000_000, max_age=timedelta(hours=1)),
            settings,
            InsightMetrics(),
            clock=lambda: now,
            starts=starts,
        )
        sentence = f"{silent.topic}/0 is not open, nobody answers for it: {NO_LEADER}"
        await reading._find_partitions()
        assert consumer.assignment() == places - {silent}
        assert reading.not_opened() == [sentence]
        assert silent not in reading.done()
        monkeypatch.setattr(offsets, "answers_of", answers_of)
        await reading._find_partitions()
        assert consumer.assignment() == places
        assert reading.not_opened() == []
        (first,) = (await reading_starts(settings, [silent], now)).offsets.values()
        assert (await consumer.position(silent), reading.done()[silent]) == (first, first)
    finally:
        await consumer.stop()
