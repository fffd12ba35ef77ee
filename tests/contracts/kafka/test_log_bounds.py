"""Where the cluster says that logs begin and end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import confluent_kafka
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.support.services.installation import until
from worker.domain.errors import TransientError
from worker.kafka.cluster.admin import KafkaAdmin

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services


async def publish(producer: AIOKafkaProducer, place: TopicPartition, count: int) -> None:
    for _ in range(count):
        await producer.send_and_wait(place.topic, b"x", partition=place.partition)


async def test_a_log_begins_after_what_was_deleted_and_ends_after_the_last_record(
    services: Services, admin: KafkaAdmin, topic: str, producer: AIOKafkaProducer
) -> None:
    first, second = TopicPartition(topic, 0), TopicPartition(topic, 1)
    await publish(producer, first, 5)
    client = AdminClient({"bootstrap.servers": services.kafka})
    (deleted,) = client.delete_records([confluent_kafka.TopicPartition(topic, 0, 3)]).values()
    await asyncio.to_thread(deleted.result, 30)
    assert await admin.offsets.log_starts([first, second]) == {first: 3, second: 0}
    assert await admin.offsets.log_ends([first, second]) == {first: 5, second: 0}
    assert await admin.offsets.high_watermarks([first, second]) == {first: 5, second: 0}


async def test_an_open_transaction_is_beyond_the_end_and_below_the_high_watermark(
    services: Services, admin: KafkaAdmin, topic: str, producer: AIOKafkaProducer
) -> None:
    place = TopicPartition(topic, 0)
    await publish(producer, place, 2)
    sender = AIOKafkaProducer(bootstrap_servers=services.kafka, transactional_id=topic)
    await sender.start()
    try:
        async with sender.transaction():
            await publish(sender, place, 1)
            assert await admin.offsets.log_ends([place]) == {place: 2}
            assert await admin.offsets.high_watermarks([place]) == {place: 3}
    finally:
        await sender.stop()

    async def has_ended() -> bool:
        return await admin.offsets.log_ends([place]) == {place: 4}

    await until(
        has_ended
    )  # the marker, which has an offset, too, is written after the commit is acknowledged


async def test_a_topic_that_is_not_there_has_no_bounds(
    admin: KafkaAdmin, topic_prefix: str
) -> None:
    with pytest.raises(TransientError):
        await admin.offsets.log_starts([TopicPartition(f"{topic_prefix}none", 0)])


async def test_a_partition_that_has_no_answer_takes_none_from_the_others(
    admin: KafkaAdmin, topic: str
) -> None:
    there, missing = TopicPartition(topic, 0), TopicPartition(topic, 99)
    for asked in (
        admin.offsets.each_log_start,
        admin.offsets.each_log_end,
        admin.offsets.each_high_watermark,
    ):
        listed = await asked([there, missing])
        assert listed.offsets == {there: 0}
        assert listed.silent.keys() == {missing}


async def test_of_no_partitions_nothing_is_asked(admin: KafkaAdmin) -> None:
    assert (
        await admin.offsets.log_ends([])
        == await admin.offsets.log_starts([])
        == await admin.offsets.high_watermarks([])
        == {}
    )
