"""The Kafka side that peers have in common: the worker's own settings of consumer and producer.

But for compression: what they publish is as large as what they read, and compressing it would cost them more
than all else that they do. They come out better without.
"""

from __future__ import annotations

import json
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition

from worker.kafka.connections import client_connection
from worker.kafka.producer import PRODUCER
from worker.kafka.topic_specs import largest_output
from worker.settings.connected import KafkaSettings


def say(event: str, **values: Any) -> None:
    """One line for whoever measures."""
    print(json.dumps({"event": event, **values}), flush=True)  # noqa: T201  # it is read from there


def consumer_of(settings: KafkaSettings) -> AIOKafkaConsumer:
    """A member of the group that fetches as much at once as the worker; it commits on request."""
    consumer = AIOKafkaConsumer(
        **client_connection(settings),
        group_id=settings.group_id,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        fetch_max_bytes=settings.batch_max_bytes,
        max_partition_fetch_bytes=settings.max_message_bytes,
        fetch_max_wait_ms=round(settings.fetch_wait_s * 1000),
        session_timeout_ms=round(settings.session_timeout_s * 1000),
    )
    consumer.subscribe(list(settings.topics.observations.values()), listener=_Begin())
    return consumer


def publishing(settings: KafkaSettings) -> dict[str, Any]:
    """What aiokafka's producer takes, and FastStream's broker."""
    return PRODUCER | {"compression_type": None, "max_request_size": largest_output(settings)}


def producer_of(settings: KafkaSettings) -> AIOKafkaProducer:
    return AIOKafkaProducer(**client_connection(settings), **publishing(settings))


class _Begin(ConsumerRebalanceListener):
    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Nothing is held."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        if assigned:
            say("begun")
