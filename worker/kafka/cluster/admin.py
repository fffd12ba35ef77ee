"""What the cluster knows of topics and groups.

Two clients are asked. librdkafka's knows topic ids, which aiokafka's does not; its calls block, so they run
in threads. Committed offsets are asked of aiokafka's: librdkafka's admin client ends the process with a
segmentation fault when a group's coordinator is not available at that moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import confluent_kafka
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from confluent_kafka import IsolationLevel, KafkaException, TopicCollection
from confluent_kafka.admin import NewTopic, OffsetSpec

from worker.domain.errors import FatalError, TransientError
from worker.kafka.client.offset_fetch import fetch_offsets
from worker.kafka.cluster.librdkafka import Librdkafka
from worker.kafka.record import Committed

_REFUSALS: Final = (GroupAuthorizationFailedError, TopicAuthorizationFailedError)
# librdkafka writes a topic id in plain base64; Kafka's own tools, and we, in the form without slashes.
_URL_SAFE: Final = str.maketrans("+/", "-_")


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


class Backlog(NamedTuple):
    """What a group has committed of topics, and where they end: sums of offsets over all partitions."""

    done: int
    total: int


class KafkaAdmin:
    """``librdkafka`` and ``aiokafka`` hold the settings of each client. ``timeout_s`` bounds every call.

    Every call may raise FatalError: the cluster refuses who we are, or lacks a grant to us.
    """

    def __init__(
        self, librdkafka: dict[str, Any], aiokafka: dict[str, Any], *, timeout_s: float
    ) -> None:
        asked = Librdkafka(librdkafka)
        self._client, self._ask = asked.client, asked.ask
        self._aiokafka = aiokafka
        self._timeout_s = timeout_s

    async def topics(self, names: Iterable[str]) -> dict[str, TopicState]:
        """The topics that exist among ``names``. Raises TransientError."""
        return await self._ask(self._topics, sorted(names))

    async def topic_ids(self, names: Iterable[str]) -> dict[str, str]:
        """The ids of topics that must exist. Raises TransientError, also when one is missing."""
        wanted = sorted(names)
        found = await self.topics(wanted)
        missing = [name for name in wanted if name not in found]
        if missing:
            raise TransientError(f"topics do not exist: {', '.join(missing)}")
        return {name: found[name].topic_id for name in wanted}

    async def committed(
        self, group: str, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, Committed]:
        """A group's committed offsets with their metadata and epochs; partitions without one are left out.

        Raises TransientError.
        """
        wanted = sorted(partitions)
        if not wanted:
            return {}
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._list_offsets(group, wanted)
        except _REFUSALS as error:
            raise FatalError(
                f"Kafka refuses to tell the offsets of the group {group}: {error!r}"
            ) from error
        except (KafkaError, TimeoutError) as error:
            raise TransientError(f"Kafka does not tell the committed offsets: {error!r}") from error
        if found.keys() != set(wanted):
            raise TransientError(
                "Kafka does not tell the committed offsets: the answer is incomplete"
            )
        return {place: commit for place, commit in found.items() if commit is not None}

    async def _list_offsets(
        self, group: str, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, Committed | None]:
        client = AIOKafkaAdminClient(**self._aiokafka)
        await client.start()
        try:
            return await fetch_offsets(client, group, partitions)
        finally:
            await client.close()

    async def log_ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset after the last record that a reader of committed records sees. Raises TransientError."""
        return await self._ask(self._log_offsets, sorted(partitions), OffsetSpec.latest())

    async def high_watermarks(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """The offset after the last record, committed or in an open transaction. Raises TransientError."""
        level = IsolationLevel.READ_UNCOMMITTED
        return await self._ask(self._log_offsets, sorted(partitions), OffsetSpec.latest(), level)

    async def log_starts(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset of the oldest record that is still there. Raises TransientError."""
        return await self._ask(self._log_offsets, sorted(partitions), OffsetSpec.earliest())

    async def backlog(self, group: str, topics: Iterable[str]) -> Backlog:
        """How far a group is through topics that must exist. Raises TransientError."""
        ends = await self._ask(self._ends, sorted(topics))
        committed = await self.committed(group, ends)
        return Backlog(sum(commit.offset for commit in committed.values()), sum(ends.values()))

    async def create(self, specs: Sequence[TopicSpec]) -> None:
        """Create topics that do not exist; done when each partition has a leader. Raises TransientError."""
        await self._ask(self._create, specs)
        names = [spec.name for spec in specs]
        while names and not await self._ask(self._have_leaders, names):  # noqa: ASYNC110  # the broker tells nobody
            await asyncio.sleep(0.05)

    def _topics(self, names: list[str]) -> dict[str, TopicState]:
        if not names:
            return {}
        futures = self._client.describe_topics(
            TopicCollection(names), request_timeout=self._timeout_s
        )
        found = {}
        for name, future in futures.items():
            try:
                described = future.result(self._timeout_s)
            except KafkaException as error:
                if error.args[0].code() == confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART:
                    continue
                raise _named(name, error) from error
            found[name] = TopicState(
                name, url_safe(str(described.topic_id)), len(described.partitions)
            )
        return found

    def _ends(self, topics: list[str]) -> dict[TopicPartition, int]:
        described = self._topics(topics)
        places = [
            TopicPartition(name, partition)
            for name in topics
            for partition in range(described[name].partitions)
        ]
        return self._log_offsets(places, OffsetSpec.latest())

    def _log_offsets(
        self,
        places: list[TopicPartition],
        spec: OffsetSpec,
        level: IsolationLevel = IsolationLevel.READ_COMMITTED,
    ) -> dict[TopicPartition, int]:
        if not places:
            return {}
        futures = self._client.list_offsets(
            {confluent_kafka.TopicPartition(*place): spec for place in places},
            isolation_level=level,
            request_timeout=self._timeout_s,
        )
        return {
            TopicPartition(place.topic, place.partition): future.result(self._timeout_s).offset
            for place, future in futures.items()
        }

    def _have_leaders(self, names: list[str]) -> bool:
        topics = self._client.list_topics(timeout=self._timeout_s).topics
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
        futures = self._client.create_topics(topics, request_timeout=self._timeout_s)
        for name, future in futures.items():
            try:
                future.result(self._timeout_s)
            except KafkaException as error:
                if error.args[0].code() != confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS:
                    raise _named(name, error) from error


def url_safe(topic_id: str) -> str:
    """A topic id as Kafka's own tools write it. librdkafka writes plain base64, with ``/`` and ``+``."""
    return topic_id.replace("/", "_").replace("+", "-")


def _named(topic: str, error: KafkaException) -> Exception:
    """The error, with the topic's name where we have no right to it."""
    if error.args[0].code() != confluent_kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return error
    return FatalError(f"Kafka refuses: no right to describe or create the topic {topic}")
