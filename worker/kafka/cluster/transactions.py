"""Transactions that are open in a partition: whose they are, and from which offset on they hold readers up.

Neither client has a call for it, so the request is sent through aiokafka's. It is the one that
`kafka-transactions.sh describe-producers` sends.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, NoError, TopicAuthorizationFailedError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

from worker.domain.errors import TransientError
from worker.kafka.failures import in_words

_NONE_OPEN: Final = -1
_TEXT: Final = CompactString("utf-8")


class OpenTransaction(NamedTuple):
    """What a producer has written from ``first_offset`` on may still be committed or aborted."""

    first_offset: int
    producer_id: int
    producer_epoch: int


class DescribeProducersResponse(Response):
    """Version 0: Kafka 2.8 and later."""

    API_KEY = 61
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", _TEXT),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("error_message", _TEXT),
                        (
                            "producers",
                            CompactArray(
                                ("producer_id", Int64),
                                ("producer_epoch", Int32),
                                ("last_sequence", Int32),
                                ("last_timestamp", Int64),
                                ("coordinator_epoch", Int32),
                                ("first_offset", Int64),
                                ("tags", TaggedFields),
                            ),
                        ),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeProducersStruct(RequestStruct):
    """The request as it goes over the wire."""

    API_KEY = 61
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = DescribeProducersResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", _TEXT), ("partitions", CompactArray(Int32)), ("tags", TaggedFields)
            ),
        ),
        ("tags", TaggedFields),
    )


class DescribeProducers(Request[DescribeProducersStruct]):
    """``places`` must have one leader: the broker that is asked."""

    API_KEY = 61

    def __init__(self, places: Iterable[TopicPartition]) -> None:
        numbers: defaultdict[str, list[int]] = defaultdict(list)
        for place in places:
            numbers[place.topic].append(place.partition)
        self._topics: list[tuple[str, list[int], dict[int, bytes]]] = [
            (topic, found, {}) for topic, found in numbers.items()
        ]

    def build(self, request_struct_class: type[DescribeProducersStruct]) -> DescribeProducersStruct:
        return request_struct_class(self._topics, {})


class Transactions:
    """``aiokafka`` holds the settings of the client."""

    def __init__(self, aiokafka: dict[str, Any], *, timeout_s: float) -> None:
        self._aiokafka = aiokafka
        self._timeout_s = timeout_s

    async def open(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, OpenTransaction]:
        """The oldest open transaction of each partition; without one, or the right to READ, it is left out.

        Raises TransientError.
        """
        wanted = sorted(partitions)
        if not wanted:
            return {}
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._open(wanted)
        except (KafkaError, TimeoutError) as error:
            raise TransientError(
                f"Kafka does not show the open transactions: {in_words(error)}"
            ) from error

    async def _open(self, places: list[TopicPartition]) -> dict[TopicPartition, OpenTransaction]:
        client = AIOKafkaAdminClient(**self._aiokafka)
        await client.start()
        try:
            leaders = await _leaders(client, places)
            answers = [
                # It has no public call for a request of ours.
                await client._send_request_to_node(leader, DescribeProducers(led))  # noqa: SLF001
                for leader, led in leaders.items()
            ]
        finally:
            await client.close()
        found: defaultdict[TopicPartition, list[OpenTransaction]] = defaultdict(list)
        for answer in answers:
            for place, transaction in _transactions(answer):
                found[place].append(transaction)
        return {place: min(each) for place, each in found.items()}


async def _leaders(
    client: AIOKafkaAdminClient, places: list[TopicPartition]
) -> Mapping[int, list[TopicPartition]]:
    described = await client.describe_topics(sorted({place.topic for place in places}))
    leader_of = {
        TopicPartition(topic["topic"], each["partition"]): each["leader"]
        for topic in described
        for each in topic["partitions"]
    }
    leaders: defaultdict[int, list[TopicPartition]] = defaultdict(list)
    for place in places:
        if leader_of.get(place, -1) >= 0:
            leaders[leader_of[place]].append(place)
    return leaders


def _transactions(answer: Any) -> Iterator[tuple[TopicPartition, OpenTransaction]]:
    for topic, partitions, _ in answer.topics:
        for partition, error_code, _, producers, _ in partitions:
            error: Any = for_code(error_code)
            if error is TopicAuthorizationFailedError:
                continue
            if error is not NoError:
                raise error
            for producer_id, epoch, _, _, _, first_offset, _ in producers:
                if first_offset > _NONE_OPEN:
                    transaction = OpenTransaction(first_offset, producer_id, epoch)
                    yield TopicPartition(topic, partition), transaction
