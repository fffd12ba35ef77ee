"""Reads a topic from its start to where it ends now, outside of any group."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from worker.app.kafka import admin_of, client_connection
from worker.app.settings import Settings

AnyRecord = ConsumerRecord[bytes | None, bytes | None]

_FETCH_BYTES = 32 * 1024 * 1024


async def read_topic(settings: Settings, topic: str) -> list[AnyRecord]:
    """Every record of a topic, by its full name; order holds within a partition.

    Raises TransientError when the topic does not exist or the cluster does not answer.
    """
    admin = admin_of(settings)
    await admin.topic_ids([topic])
    partitions = [TopicPartition(topic, n) for n in range((await admin.topics([topic]))[topic].partitions)]
    consumer = AIOKafkaConsumer(
        **client_connection(settings),
        fetch_max_bytes=_FETCH_BYTES,
        max_partition_fetch_bytes=settings.max_message_bytes,
    )
    await consumer.start()
    try:
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        records: list[AnyRecord] = []
        while any([await consumer.position(place) < end for place, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=500)).values():
                records += batch
        return records
    finally:
        await consumer.stop()
