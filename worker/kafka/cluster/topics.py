"""Topics: which ones exist, how they are set up, and creating those that are missing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import confluent_kafka
from aiokafka import TopicPartition
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from worker.domain.errors import FatalError, TransientError
from worker.kafka.cluster.librdkafka import Librdkafka, answer_or_refusal, operations_of

_Error: Final = confluent_kafka.KafkaError


class TopicSpec(NamedTuple):
    """A topic as it should be; ``config`` as Kafka names it."""

    name: str
    partitions: int
    config: dict[str, str]


class TopicState(NamedTuple):
    """A topic as it is; ``topic_id`` as Kafka's own tools show it, 22 characters of base64url."""

    name: str
    topic_id: str
    partitions: int


class TopicFacts(NamedTuple):
    """A topic in full, as far as our credentials may see it.

    When they may not describe it, ``partitions`` is 0; when they may not read its configuration, ``config``
    is None. ``operations`` are what they may do with the topic, as ACLs name it: READ, WRITE, ...
    ``replicas`` is the smallest number of any partition.
    """

    name: str
    partitions: int
    config: dict[str, str] | None
    operations: frozenset[str]
    replicas: int
    leaderless: Sequence[int] = ()
    under_replicated: Sequence[int] = ()


class ClusterTopics:
    """Every call may raise TransientError, and FatalError when the cluster refuses us."""

    def __init__(self, client: Librdkafka, *, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s

    async def states(self, names: Iterable[str]) -> dict[str, TopicState]:
        """The topics that exist among ``names``."""
        return await self._client.call(self._states, sorted(names))

    async def existing(self, names: Iterable[str]) -> dict[str, TopicState]:
        """Topics that must exist, by name. Raises TransientError when one is missing."""
        wanted = sorted(set(names))
        found = await self.states(wanted)
        missing = [name for name in wanted if name not in found]
        if missing:
            raise TransientError(f"topics do not exist: {', '.join(missing)}")
        return found

    async def ids(self, names: Iterable[str]) -> dict[str, str]:
        """The ids of topics that must exist. Raises TransientError when one is missing."""
        return {name: state.topic_id for name, state in (await self.existing(names)).items()}

    async def partitions(self, names: Iterable[str]) -> dict[TopicPartition, str]:
        """Every partition of topics that must exist, each with its topic's id, in order."""
        existing = await self.existing(names)
        return {
            TopicPartition(name, number): state.topic_id
            for name, state in sorted(existing.items())
            for number in range(state.partitions)
        }

    async def facts(self, names: Iterable[str]) -> dict[str, TopicFacts]:
        """All that we may see of the topics that exist among ``names``."""
        return await self._client.call(self._facts, sorted(names))

    async def create(self, specs: Sequence[TopicSpec]) -> None:
        """Create the topics that do not exist; return when each partition has a leader."""
        await self._client.call(self._create, specs)
        names = [spec.name for spec in specs]
        while names and not await self._client.call(self._have_leaders, names):  # noqa: ASYNC110  # Kafka sends no event
            await asyncio.sleep(0.05)

    def _states(self, names: list[str]) -> dict[str, TopicState]:
        if not names:
            return {}
        futures = self._client.admin.describe_topics(
            TopicCollection(names), request_timeout=self._timeout_s
        )
        found = {}
        for name, future in futures.items():
            try:
                described = future.result(self._timeout_s)
            except KafkaException as error:
                if error.args[0].code() == _Error.UNKNOWN_TOPIC_OR_PART:
                    continue
                raise _with_name(name, error) from error
            topic_id = url_safe(str(described.topic_id))
            found[name] = TopicState(name, topic_id, len(described.partitions))
        return found

    def _facts(self, names: list[str]) -> dict[str, TopicFacts]:
        if not names:
            return {}
        futures = self._client.admin.describe_topics(
            TopicCollection(names),
            include_authorized_operations=True,
            request_timeout=self._timeout_s,
        )
        found: dict[str, TopicFacts] = {}
        described: dict[str, Any] = {}
        for name, future in futures.items():
            answer = answer_or_refusal(future, self._timeout_s)
            if answer == _Error.TOPIC_AUTHORIZATION_FAILED:
                found[name] = TopicFacts(
                    name, partitions=0, config=None, operations=frozenset(), replicas=0
                )
            elif not isinstance(answer, int):
                described[name] = answer
        configs = self._configs(described)
        found |= {name: _facts(name, topic, configs[name]) for name, topic in described.items()}
        return found

    def _configs(self, names: Iterable[str]) -> Mapping[str, dict[str, str] | None]:
        """The configuration of each topic; None when our credentials may not read it."""
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        if not resources:
            return {}
        futures = self._client.admin.describe_configs(resources, request_timeout=self._timeout_s)
        configs: dict[str, dict[str, str] | None] = {}
        for resource, future in futures.items():
            answer = answer_or_refusal(future, self._timeout_s)
            if isinstance(answer, int):
                configs[resource.name] = None
            else:
                configs[resource.name] = {key: str(entry.value) for key, entry in answer.items()}
        return configs

    def _have_leaders(self, names: list[str]) -> bool:
        topics = self._client.admin.list_topics(timeout=self._timeout_s).topics
        return all(
            name in topics
            and topics[name].partitions
            and all(partition.leader >= 0 for partition in topics[name].partitions.values())
            for name in names
        )

    def _create(self, specs: Sequence[TopicSpec]) -> None:
        topics = [
            NewTopic(spec.name, num_partitions=spec.partitions, config=spec.config)
            for spec in specs
        ]
        if not topics:
            return
        futures = self._client.admin.create_topics(topics, request_timeout=self._timeout_s)
        for name, future in futures.items():
            try:
                future.result(self._timeout_s)
            except KafkaException as error:
                if error.args[0].code() != _Error.TOPIC_ALREADY_EXISTS:
                    raise _with_name(name, error) from error


def url_safe(topic_id: str) -> str:
    """A topic id as Kafka's own tools write it. librdkafka writes plain base64, with ``/`` and ``+``."""
    return topic_id.replace("/", "_").replace("+", "-")


def _with_name(topic: str, error: KafkaException) -> Exception:
    """The error, with the topic's name when we have no right to it."""
    if error.args[0].code() != _Error.TOPIC_AUTHORIZATION_FAILED:
        return error
    return FatalError(f"Kafka refuses: no right to describe or create the topic {topic}")


def _facts(name: str, described: Any, config: dict[str, str] | None) -> TopicFacts:
    partitions = described.partitions
    return TopicFacts(
        name=name,
        partitions=len(partitions),
        config=config,
        operations=operations_of(described),
        replicas=min((len(each.replicas) for each in partitions), default=0),
        leaderless=[each.id for each in partitions if each.leader is None or each.leader.id < 0],
        under_replicated=[each.id for each in partitions if len(each.isr) < len(each.replicas)],
    )
