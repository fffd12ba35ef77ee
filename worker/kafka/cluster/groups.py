"""Consumer groups: what they have committed, who is in them, and what we may do with them.

Commits and members are read through aiokafka's client, rights through librdkafka's: aiokafka's does not
report them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    for_code,
)

from worker.domain.errors import FatalError, TransientError
from worker.kafka.client.introductions import UNKNOWN, Introduction, introduction_in
from worker.kafka.client.offset_fetch import fetch_offsets
from worker.kafka.cluster.librdkafka import Librdkafka, answer_or_refusal, operations_of
from worker.kafka.failures import in_words
from worker.kafka.record import Committed

_REFUSALS: Final = (GroupAuthorizationFailedError, TopicAuthorizationFailedError)


class Member(NamedTuple):
    """A process in a group, and the partitions that it was assigned.

    ``member_id`` begins with MARKETMAP_MEMBER_NAME where it is set, else with the name of the client.
    ``said`` is what it says of itself.
    """

    client_id: str
    host: str
    partitions: frozenset[TopicPartition]
    member_id: str = ""
    said: Introduction = UNKNOWN


class Group(NamedTuple):
    """A consumer group; ``state`` as Kafka names it (Stable, Empty, Dead for one that is unknown, ...)."""

    state: str
    members: Sequence[Member]

    def owner_of(self, place: TopicPartition) -> Member | None:
        return next((member for member in self.members if place in member.partitions), None)


class ConsumerGroups:
    """Every call may raise TransientError, and FatalError when the cluster refuses us."""

    def __init__(self, client: Librdkafka, aiokafka: dict[str, Any], *, timeout_s: float) -> None:
        self._client = client
        self._aiokafka = aiokafka
        self._timeout_s = timeout_s

    async def committed(
        self, group: str, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, Committed]:
        """A group's commits, each with its metadata and leader epoch; partitions without one are left out."""
        wanted = sorted(partitions)
        if not wanted:
            return {}
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._list_commits(group, wanted)
        except _REFUSALS as error:
            raise FatalError(
                f"Kafka refuses to show the offsets of the group {group}: {in_words(error)}"
            ) from error
        except (KafkaError, TimeoutError) as error:
            raise TransientError(
                f"Kafka does not show the committed offsets: {in_words(error)}"
            ) from error
        if found.keys() != set(wanted):
            raise TransientError(
                "Kafka does not show the committed offsets: the answer is incomplete"
            )
        return {place: commit for place, commit in found.items() if commit is not None}

    async def describe(self, name: str) -> Group:
        """The group's state and members."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._describe(name)
        except GroupAuthorizationFailedError as error:
            raise FatalError(
                f"Kafka refuses to describe the group {name}: {in_words(error)}"
            ) from error
        except (KafkaError, TimeoutError) as error:
            raise TransientError(
                f"Kafka does not describe the group {name}: {in_words(error)}"
            ) from error

    async def operations(self, name: str) -> frozenset[str]:
        """What our credentials may do with a group, as ACLs name it: READ, DESCRIBE, ..."""
        return await self._client.call(self._operations, name)

    async def _list_commits(
        self, group: str, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, Committed | None]:
        client = AIOKafkaAdminClient(**self._aiokafka)
        await client.start()
        try:
            return await fetch_offsets(client, group, partitions)
        finally:
            await client.close()

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

    def _operations(self, name: str) -> frozenset[str]:
        (future,) = self._client.admin.describe_consumer_groups(
            [name], include_authorized_operations=True, request_timeout=self._timeout_s
        ).values()
        answer = answer_or_refusal(future, self._timeout_s)
        return frozenset() if isinstance(answer, int) else operations_of(answer)


def _member(
    member_id: str, client_id: str, host: str, metadata: bytes, assignment: bytes
) -> Member:
    """The broker shows the host with a slash before it; the assignment is empty during a rebalance."""
    given = ConsumerProtocol.ASSIGNMENT.decode(assignment).assignment if assignment else []
    places = {TopicPartition(topic, number) for topic, numbers in given for number in numbers}
    return Member(
        client_id, host.removeprefix("/"), frozenset(places), member_id, introduction_in(metadata)
    )
