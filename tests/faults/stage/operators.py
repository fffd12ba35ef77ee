"""What an operator does with Kafka's own tools."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka import TopicPartition as Offset
from confluent_kafka.admin import AdminClient, NewPartitions

from worker.kafka.topic_specs import topic_specs

if TYPE_CHECKING:
    from tests.faults.stage.trial import Trial

ANSWER_S = 30
MORE = 2


class Operator:
    """Acts on the trial's observation topic. To reset offsets, the group must be empty."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        servers = trial.installation.settings.kafka_bootstrap_servers
        self._admin = AdminClient({"bootstrap.servers": servers})

    async def reset_back(self) -> dict[int, tuple[int, int]]:
        """Move every commit back, by chance; the (new, old) offset by partition."""
        committed = await self._committed()
        moved = {p: (self._trial.dice.randint(0, old), old) for p, old in committed.items()}
        await self._reset({partition: new for partition, (new, _) in moved.items()})
        return moved

    async def skip_forward(self) -> dict[int, range]:
        """Move every commit forward, by chance; what is skipped by partition."""
        committed = await self._committed()
        ends = {place.partition: end for place, end in (await self._trial.log_ends()).items()}
        skipped = {
            p: range(old, self._trial.dice.randint(old, ends[p])) for p, old in committed.items()
        }
        await self._reset({partition: offsets.stop for partition, offsets in skipped.items()})
        return skipped

    async def create_again(self) -> None:
        """Delete the topic and make it anew."""
        topic = self._trial.topic
        futures = self._admin.delete_topics([topic], operation_timeout=ANSWER_S)
        await asyncio.to_thread(futures[topic].result, ANSWER_S)
        await self._trial.wait(self._is_gone, "the topic is not deleted")
        specs = [
            spec for spec in topic_specs(self._trial.installation.settings) if spec.name == topic
        ]
        await self._trial.installation.admin.topics.create(specs)

    async def add_partitions(self) -> None:
        partitions = len(await self._trial.log_ends()) + MORE
        topic = self._trial.topic
        futures = self._admin.create_partitions([NewPartitions(topic, partitions)])
        await asyncio.to_thread(futures[topic].result, ANSWER_S)

    async def _is_gone(self) -> bool:
        return not await self._trial.installation.admin.topics.states([self._trial.topic])

    async def _committed(self) -> dict[int, int]:
        trial = self._trial
        places = list(await trial.log_ends())
        found = await trial.installation.admin.groups.committed(trial.group, places)
        return {place.partition: commit.offset for place, commit in found.items()}

    async def _reset(self, offsets: dict[int, int]) -> None:
        await self._trial.group_is_empty()
        places = [
            Offset(self._trial.topic, partition, offset) for partition, offset in offsets.items()
        ]
        wanted = ConsumerGroupTopicPartitions(self._trial.group, places)
        (future,) = self._admin.alter_consumer_group_offsets([wanted]).values()
        await asyncio.to_thread(future.result, ANSWER_S)
        found = await self._committed()
        assert found == offsets, (
            f"the reset did not hold: {TopicPartition(self._trial.topic, 0)} {found}"
        )
