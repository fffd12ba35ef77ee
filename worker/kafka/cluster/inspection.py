"""What an examination asks of the cluster beside `KafkaAdmin`: brokers, topics in full, and records' times.

The client is librdkafka's. Its calls block, so they run in threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import confluent_kafka
from aiokafka import TopicPartition
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import ConfigResource, OffsetSpec, ResourceType

from worker.kafka.cluster.librdkafka import Librdkafka

_NO_RECORD: Final = -1
_Error: Final = confluent_kafka.KafkaError
_SAYS_LITTLE: Final = (
    _Error.UNKNOWN_TOPIC_OR_PART,
    _Error.TOPIC_AUTHORIZATION_FAILED,
    _Error.GROUP_AUTHORIZATION_FAILED,
)


class ClusterFacts(NamedTuple):
    """The brokers that are up; the id is None while the cluster does not tell it."""

    cluster_id: str | None
    brokers: int


class TopicFacts(NamedTuple):
    """A topic as it is, as far as the credentials may know.

    Of one that they may not describe ``partitions`` are 0, ``config`` is None when they may not read it.
    ``operations`` are what they may do with the topic, named as ACLs name them, in capitals: READ, WRITE, ...
    ``replicas`` is the least of any partition.
    """

    name: str
    partitions: int
    config: dict[str, str] | None
    operations: frozenset[str]
    replicas: int
    leaderless: Sequence[int] = ()
    under_replicated: Sequence[int] = ()


class ClusterInspection:
    """``librdkafka`` holds the client's settings. ``timeout_s`` bounds every call."""

    def __init__(self, librdkafka: dict[str, Any], *, timeout_s: float) -> None:
        asked = Librdkafka(librdkafka)
        self._client, self._ask = asked.client, asked.ask
        self._timeout_s = timeout_s

    async def cluster(self) -> ClusterFacts:
        """Raises TransientError."""
        return await self._ask(self._cluster)

    async def topics(self, names: Iterable[str]) -> dict[str, TopicFacts]:
        """The topics that exist among ``names``. Raises TransientError."""
        return await self._ask(self._topics, sorted(names))

    async def group_operations(self, name: str) -> frozenset[str]:
        """What the credentials may do with a group, named as of topics. Raises TransientError."""
        return await self._ask(self._group_operations, name)

    async def newest_times(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The latest timestamp of any record, in ms; empty partitions are left out. Raises TransientError."""
        return await self._ask(self._newest_times, sorted(partitions))

    def _cluster(self) -> ClusterFacts:
        metadata = self._client.list_topics(timeout=self._timeout_s)
        return ClusterFacts(metadata.cluster_id, len(metadata.brokers))

    def _topics(self, names: list[str]) -> dict[str, TopicFacts]:
        if not names:
            return {}
        described = self._client.describe_topics(
            TopicCollection(names),
            include_authorized_operations=True,
            request_timeout=self._timeout_s,
        )
        answers = {name: self._answer(future) for name, future in described.items()}
        shown = {name: answer for name, answer in answers.items() if not isinstance(answer, int)}
        configs = self._configs(shown)
        hidden = {
            name: TopicFacts(name, partitions=0, config=None, operations=frozenset(), replicas=0)
            for name, answer in answers.items()
            if answer == _Error.TOPIC_AUTHORIZATION_FAILED
        }
        return hidden | {name: _facts(name, topic, configs[name]) for name, topic in shown.items()}

    def _group_operations(self, name: str) -> frozenset[str]:
        (future,) = self._client.describe_consumer_groups(
            [name], include_authorized_operations=True, request_timeout=self._timeout_s
        ).values()
        answer = self._answer(future)
        return _operations(answer) if not isinstance(answer, int) else frozenset()

    def _configs(self, names: Iterable[str]) -> dict[str, dict[str, str] | None]:
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        if not resources:
            return {}
        futures = self._client.describe_configs(resources, request_timeout=self._timeout_s)
        configs = {}
        for resource, future in futures.items():
            answer = self._answer(future)
            is_shown = not isinstance(answer, int)
            configs[resource.name] = (
                {k: str(v.value) for k, v in answer.items()} if is_shown else None
            )
        return configs

    def _answer(self, future: Any) -> Any:
        """What the broker says of a topic or group; a code of _SAYS_LITTLE where it says no more."""
        try:
            return future.result(self._timeout_s)
        except KafkaException as error:
            code = error.args[0].code()
            if code in _SAYS_LITTLE:
                return code
            raise

    def _newest_times(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        if not places:
            return {}
        futures = self._client.list_offsets(
            {
                confluent_kafka.TopicPartition(*place): OffsetSpec.max_timestamp()
                for place in places
            },
            request_timeout=self._timeout_s,
        )
        times = {
            TopicPartition(place.topic, place.partition): future.result(self._timeout_s).timestamp
            for place, future in futures.items()
        }
        return {place: time_ms for place, time_ms in times.items() if time_ms > _NO_RECORD}


def _operations(described: Any) -> frozenset[str]:
    return frozenset(operation.name for operation in described.authorized_operations)


def _facts(name: str, described: Any, config: dict[str, str] | None) -> TopicFacts:
    partitions = described.partitions
    return TopicFacts(
        name=name,
        partitions=len(partitions),
        config=config,
        operations=_operations(described),
        replicas=min((len(one.replicas) for one in partitions), default=0),
        leaderless=[one.id for one in partitions if one.leader is None or one.leader.id < 0],
        under_replicated=[one.id for one in partitions if len(one.isr) < len(one.replicas)],
    )
