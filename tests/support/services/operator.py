"""What an operator does to topics and groups, by Kafka's own admin client; its calls block, so in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import confluent_kafka
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.support.services.installation import Installation, until

_PATIENCE_S = 30.0
TOPIC = "observations.sportybet"


class Operator:
    """Acts on a topic, on its first partition where one is meant.

    By default it is that of SportyBet's observations, and the group is that of the workers.
    """

    def __init__(
        self, installation: Installation, topic: str = TOPIC, group: str | None = None
    ) -> None:
        self._installation = installation
        self._group = group or installation.settings.group_id
        self._topic = installation.settings.topic_prefix + topic
        self._client = AdminClient(
            {
                "bootstrap.servers": installation.settings.kafka_bootstrap_servers,
                "log_level": 0,
            }
        )

    async def reset_offset(self, offset: int) -> None:
        """What kafka-consumer-groups does, as soon as the group has no member."""
        place = confluent_kafka.TopicPartition(self._topic, 0, offset)
        request = [ConsumerGroupTopicPartitions(self._group, [place])]

        async def is_reset() -> bool:
            try:
                answers = await _answered(
                    lambda: self._client.alter_consumer_group_offsets(request)
                )
            except KafkaException:
                return False  # the group is not empty yet
            return all(each.error is None for answer in answers for each in answer.topic_partitions)

        await until(is_reset)

    async def delete_records(self, before: int) -> None:
        place = confluent_kafka.TopicPartition(self._topic, 0, before)
        await _answered(lambda: self._client.delete_records([place]))

    async def add_partitions(self, total: int) -> None:
        await _answered(lambda: self._client.create_partitions([NewPartitions(self._topic, total)]))

    async def recreate_topic(self) -> str:
        """Delete the topic and create it again; its new id."""
        before = await self._topic_id()
        await _answered(lambda: self._client.delete_topics([self._topic]))

        async def is_created_again() -> bool:
            await self._installation.make_topics()
            return await self._topic_id() != before

        await until(is_created_again)
        return await self._topic_id()

    async def _topic_id(self) -> str:
        return (await self._installation.admin.topics.ids([self._topic]))[self._topic]


async def _answered(call: Callable[[], dict[Any, Any]]) -> list[Any]:
    def wait() -> list[Any]:
        return [future.result(_PATIENCE_S) for future in call().values()]

    return await asyncio.to_thread(wait)
