"""Asks for a group's committed offsets with the leader epochs, which aiokafka's own request leaves out.

The epoch says who has committed: a consumer that has read something writes it, and an operator's tool that
resets a group does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import NoError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Int64, Schema, String

from worker.kafka.record import Committed

_NONE_COMMITTED: Final = -1
_NO_EPOCH: Final = -1
_TEXT: Final = String("utf-8")


class OffsetFetchResponse(Response):
    """Version 5, the first one with the epochs: Kafka 2.1 and later."""

    API_KEY = 9
    API_VERSION = 5
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            Array(
                ("topic", _TEXT),
                (
                    "partitions",
                    Array(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", _TEXT),
                        ("error_code", Int16),
                    ),
                ),
            ),
        ),
        ("error_code", Int16),
    )


class OffsetFetchStruct(RequestStruct):
    """The request as it goes over the wire."""

    API_KEY = 9
    API_VERSION = 5
    RESPONSE_TYPE = OffsetFetchResponse
    SCHEMA = Schema(
        ("group", _TEXT),
        ("topics", Array(("topic", _TEXT), ("partitions", Array(Int32)))),
    )


class OffsetFetchRequest(Request[OffsetFetchStruct]):
    """``places`` are the partitions that are asked for."""

    API_KEY = 9

    def __init__(self, group: str, places: Iterable[TopicPartition]) -> None:
        numbers: defaultdict[str, list[int]] = defaultdict(list)
        for place in places:
            numbers[place.topic].append(place.partition)
        self._group = group
        self._topics = list(numbers.items())

    def build(self, request_struct_class: type[OffsetFetchStruct]) -> OffsetFetchStruct:
        return request_struct_class(self._group, self._topics)


async def fetch_offsets(
    client: AIOKafkaAdminClient, group: str, places: Iterable[TopicPartition]
) -> dict[TopicPartition, Committed | None]:
    """What the group has committed of each partition that the broker answers for.

    Raises a KafkaError, also for one that the broker gives for the whole group.
    """
    coordinator = await client.find_coordinator(group)
    # It has no public call for a request of ours. What an answer holds is in the schema above alone.
    response: Any = await client._send_request(OffsetFetchRequest(group, places), coordinator)  # noqa: SLF001
    _raise_for(response.error_code)
    return {
        TopicPartition(topic, partition): _committed(*answer)
        for topic, partitions in response.topics
        for partition, *answer in partitions
    }


def _committed(
    offset: int, leader_epoch: int, metadata: str | None, error_code: int
) -> Committed | None:
    _raise_for(error_code)
    if offset <= _NONE_COMMITTED:
        return None
    return Committed(offset, metadata or "", None if leader_epoch == _NO_EPOCH else leader_epoch)


def _raise_for(error_code: int) -> None:
    error: Any = for_code(error_code)
    if error is not NoError:
        raise error
