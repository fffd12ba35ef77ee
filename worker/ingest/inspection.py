"""What an examination asks of the cluster beside `KafkaAdmin`: brokers, topics in full, and records' times.

The client is librdkafka's. Its calls block, so they run in threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import confluent_kafka
from aiokafka import TopicPartition
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType

from worker.ingest.admin import in_thread

_NO_RECORD: Final = -1
_Error: Final = confluent_kafka.KafkaError


class Cluster(NamedTuple):
    """The brokers that are up; the id is None while the cluster does not tell it."""

    cluster_id: str | None
    brokers: int


class TopicFacts(NamedTuple):
    """A topic as it is.

    ``config`` is None when the credentials may not read it. ``operations`` are what they may do with the
    topic, named as ACLs name them, in capitals: READ, WRITE, ... ``replicas`` is the least of any partition.
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
        self._client = AdminClient({**librdkafka, "log_level": 0})
        self._timeout_s = timeout_s

    async def cluster(self) -> Cluster:
        """Raises TransientError."""
        return await in_thread(self._cluster)

    async def topics(self, names: Iterable[str]) -> dict[str, TopicFacts]:
        """The topics that exist among ``names``. Raises TransientError."""
        return await in_thread(self._topics, sorted(names))

    async def newest_times(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The latest timestamp of any record, in ms; empty partitions are left out. Raises TransientError."""
        return await in_thread(self._newest_times, sorted(partitions))

    def _cluster(self) -> Cluster:
        metadata = self._client.list_topics(timeout=self._timeout_s)
        return Cluster(metadata.cluster_id, len(metadata.brokers))

    def _topics(self, names: list[str]) -> dict[str, TopicFacts]:
        if not names:
            return {}
        described = self._client.describe_topics(
            TopicCollection(names), include_authorized_operations=True, request_timeout=self._timeout_s
        )
        found = {name: self._unless(_Error.UNKNOWN_TOPIC_OR_PART, topic) for name, topic in described.items()}
        there = {name: topic for name, topic in found.items() if topic is not None}
        configs = self._configs(there)
        return {name: _facts(name, topic, configs[name]) for name, topic in there.items()}

    def _configs(self, names: Iterable[str]) -> dict[str, dict[str, str] | None]:
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        if not resources:
            return {}
        futures = self._client.describe_configs(resources, request_timeout=self._timeout_s)
        configs = {}
        for resource, future in futures.items():
            entries = self._unless(_Error.TOPIC_AUTHORIZATION_FAILED, future)
            config = entries and {name: str(entry.value) for name, entry in entries.items()}
            configs[resource.name] = config
        return configs

    def _unless(self, code: int, future: Any) -> Any:
        """What the broker answers, None for an error of this code."""
        try:
            return future.result(self._timeout_s)
        except KafkaException as error:
            if error.args[0].code() == code:
                return None
            raise

    def _newest_times(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        if not places:
            return {}
        futures = self._client.list_offsets(
            {confluent_kafka.TopicPartition(*place): OffsetSpec.max_timestamp() for place in places},
            request_timeout=self._timeout_s,
        )
        times = {
            TopicPartition(place.topic, place.partition): future.result(self._timeout_s).timestamp
            for place, future in futures.items()
        }
        return {place: time_ms for place, time_ms in times.items() if time_ms > _NO_RECORD}


def _facts(name: str, described: Any, config: dict[str, str] | None) -> TopicFacts:
    partitions = described.partitions
    return TopicFacts(
        name=name,
        partitions=len(partitions),
        config=config,
        operations=frozenset(operation.name for operation in described.authorized_operations),
        replicas=min((len(one.replicas) for one in partitions), default=0),
        leaderless=[one.id for one in partitions if one.leader is None or one.leader.id < 0],
        under_replicated=[one.id for one in partitions if len(one.isr) < len(one.replicas)],
    )
