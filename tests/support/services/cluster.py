"""What an operator does to topics beside the application: deleting them, or what is old in them."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import confluent_kafka
from confluent_kafka.admin import AdminClient

from tests.support.services.installation import Installation, until

_ANSWER_S: Final = 30.0


async def recreate_topic(installation: Installation, topic: str) -> None:
    """Delete a topic and make it anew; it has another id then. ``topic`` without its prefix."""
    name = installation.settings.topic_prefix + topic
    client = _client(installation)
    await _answered(client.delete_topics([name], operation_timeout=_ANSWER_S))

    async def is_gone() -> bool:
        return not await installation.admin.topics.states([name])

    await until(is_gone)
    await installation.make_topics()


async def delete_records(installation: Installation, topic: str, before: dict[int, int]) -> None:
    """Delete what lies below an offset of each partition, as retention does."""
    name = installation.settings.topic_prefix + topic
    places = [
        confluent_kafka.TopicPartition(name, number, offset) for number, offset in before.items()
    ]
    client = _client(installation)
    await _answered(client.delete_records(places))


def _client(installation: Installation) -> AdminClient:
    return AdminClient({"bootstrap.servers": installation.settings.kafka_bootstrap_servers})


async def _answered(futures: dict[Any, Any]) -> None:
    for future in futures.values():
        await asyncio.to_thread(future.result, _ANSWER_S)
