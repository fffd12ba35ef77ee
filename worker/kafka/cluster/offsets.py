"""What replay and lag ask of the cluster beside `KafkaAdmin`: offsets of a time, and who is in a group.

Groups are asked of aiokafka's client, as committed offsets are: one client for all that a group's coordinator
knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import confluent_kafka
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, for_code
from confluent_kafka.admin import OffsetSpec

from worker.domain.errors import FatalError, TransientError
from worker.kafka.cluster.librdkafka import Librdkafka

_NO_SUCH_OFFSET: Final = -1


class Member(NamedTuple):
    """A process in a group, and what it was given to read."""

    client_id: str
    host: str
    partitions: frozenset[TopicPartition]


class Group(NamedTuple):
    """A consumer group; ``state`` as Kafka names it (Stable, Empty, Dead for one that is unknown, ...)."""

    state: str
    members: Sequence[Member]

    def owner_of(self, place: TopicPartition) -> Member | None:
        return next((member for member in self.members if place in member.partitions), None)


class ClusterOffsets:
    """``librdkafka`` and ``aiokafka`` hold the settings of each client. ``timeout_s`` bounds every call."""

    def __init__(
        self, librdkafka: dict[str, Any], aiokafka: dict[str, Any], *, timeout_s: float
    ) -> None:
        asked = Librdkafka(librdkafka)
        self._client, self._ask = asked.client, asked.ask
        self._aiokafka = aiokafka
        self._timeout_s = timeout_s

    async def at_time(
        self, partitions: Iterable[TopicPartition], timestamp_ms: int
    ) -> dict[TopicPartition, int]:
        """The first offset whose record is of that time or later; without one the partition is left out.

        Raises TransientError, and FatalError when the cluster refuses us.
        """
        return await self._ask(self._at_time, sorted(partitions), timestamp_ms)

    async def group(self, name: str) -> Group:
        """The group's state and members. Raises TransientError, and FatalError when we may not know them."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._describe(name)
        except GroupAuthorizationFailedError as error:
            raise FatalError(f"Kafka refuses to describe the group {name}: {error!r}") from error
        except (KafkaError, TimeoutError) as error:
            raise TransientError(f"Kafka does not describe the group {name}: {error!r}") from error

    def _at_time(
        self, places: list[TopicPartition], timestamp_ms: int
    ) -> dict[TopicPartition, int]:
        if not places:
            return {}
        spec = OffsetSpec.for_timestamp(timestamp_ms)
        futures = self._client.list_offsets(
            {confluent_kafka.TopicPartition(*place): spec for place in places},
            request_timeout=self._timeout_s,
        )
        found = {
            TopicPartition(place.topic, place.partition): future.result(self._timeout_s).offset
            for place, future in futures.items()
        }
        return {place: offset for place, offset in found.items() if offset > _NO_SUCH_OFFSET}

    async def _describe(self, name: str) -> Group:
        client = AIOKafkaAdminClient(**self._aiokafka)
        await client.start()
        try:
            answers: Any = await client.describe_consumer_groups([name])
        finally:
            await client.close()
        ((error, _, state, _, _, members),) = answers[0].groups
        if error:
            raise for_code(error)
        return Group(state, [_member(*member) for member in members])


def _member(_: str, client_id: str, host: str, __: bytes, assignment: bytes) -> Member:
    """The broker shows the host with a slash before it; the assignment is empty during a rebalance."""
    given = ConsumerProtocol.ASSIGNMENT.decode(assignment).assignment if assignment else []
    places = {TopicPartition(topic, number) for topic, numbers in given for number in numbers}
    return Member(client_id, host.removeprefix("/"), frozenset(places))
