"""What the Kafka clients do that the assignment, the outputs and the admin rely on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import confluent_kafka
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import UnknownTopicOrPartitionError
from aiokafka.structs import OffsetAndMetadata

from tests.support.services.installation import until
from worker.kafka.cluster.admin import KafkaAdmin
from worker.kafka.cluster.topics import TopicSpec
from worker.kafka.record import Committed

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services

PATIENCE_S = 60


class Listener(ConsumerRebalanceListener):
    """Notes what is assigned and revoked; does what the test wants on assignment."""

    def __init__(self, seek_to: int | None = None) -> None:
        self.assigned: asyncio.Queue[set[TopicPartition]] = asyncio.Queue()
        self.revoked: list[set[TopicPartition]] = []
        self.seek_to = seek_to
        self.consumer: AIOKafkaConsumer | None = None

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self.revoked.append(set(revoked))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        if self.consumer is not None and self.seek_to is not None:
            self.consumer.pause(*assigned)
            for place in assigned:
                self.consumer.seek(place, self.seek_to)
            self.consumer.resume(*assigned)
        self.assigned.put_nowait(set(assigned))


@asynccontextmanager
async def member(
    kafka: str, group: str, topic: str, listener: Listener
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6000,
        heartbeat_interval_ms=500,
    )
    listener.consumer = consumer
    consumer.subscribe([topic], listener=listener)
    await consumer.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield consumer
    finally:
        await consumer.stop()


async def read(consumer: AIOKafkaConsumer, count: int) -> list[int]:
    """The offsets of the next records, as many at least."""
    offsets: list[int] = []
    while len(offsets) < count:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            offsets += [record.offset for record in records]
    return offsets


async def publish(producer: AIOKafkaProducer, topic: str, count: int, partition: int = 0) -> None:
    for _ in range(count):
        await producer.send_and_wait(topic, b"x", partition=partition)


async def test_a_commit_of_explicit_offsets_brings_back_its_metadata(
    services: Services, topic: str, admin: KafkaAdmin
) -> None:
    listener = Listener()
    place = TopicPartition(topic, 0)
    async with member(services.kafka, f"{topic}.g", topic, listener) as consumer:
        await listener.assigned.get()
        await consumer.commit({place: OffsetAndMetadata(7, "mmw1:replay<9")})
    places = [place, TopicPartition(topic, 1)]
    assert await admin.groups.committed(f"{topic}.g", places) == {
        place: Committed(7, "mmw1:replay<9")
    }


async def test_a_group_without_members_takes_a_commit_from_a_consumer_with_assigned_partitions(
    services: Services, topic: str, admin: KafkaAdmin
) -> None:
    place = TopicPartition(topic, 0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=services.kafka, group_id=f"{topic}.g", enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign([place])
        await consumer.commit({place: OffsetAndMetadata(3, "")})
    finally:
        await consumer.stop()
    assert await admin.groups.committed(f"{topic}.g", [place]) == {place: Committed(3, "")}


async def test_on_assignment_partitions_can_be_paused_moved_and_resumed(
    services: Services, topic: str, producer: AIOKafkaProducer
) -> None:
    await publish(producer, topic, 5)
    async with member(services.kafka, f"{topic}.g", topic, Listener(seek_to=3)) as consumer:
        assert await read(consumer, 2) == [3, 4]


async def test_a_paused_partition_gives_no_record_while_its_neighbour_does(
    services: Services, topic: str, producer: AIOKafkaProducer
) -> None:
    await publish(producer, topic, 2, partition=0)
    await publish(producer, topic, 2, partition=1)
    listener = Listener()
    async with member(services.kafka, f"{topic}.g", topic, listener) as consumer:
        await listener.assigned.get()
        consumer.pause(TopicPartition(topic, 0))
        consumer.seek(TopicPartition(topic, 1), 0)
        assert await read(consumer, 2) == [0, 1]
        consumer.resume(TopicPartition(topic, 0))
        assert await read(consumer, 2) == [0, 1]


async def test_every_rebalance_takes_all_partitions_and_sends_positions_back_to_the_commit(
    services: Services, topic: str, producer: AIOKafkaProducer
) -> None:
    await publish(producer, topic, 3)
    everything = {TopicPartition(topic, 0), TopicPartition(topic, 1)}
    first, second = Listener(), Listener()
    async with member(services.kafka, f"{topic}.g", topic, first) as one:
        assert await first.assigned.get() == everything
        assert await read(one, 3) == [0, 1, 2]
        async with member(services.kafka, f"{topic}.g", topic, second) as other:
            shares = [await second.assigned.get(), await first.assigned.get()]
            assert everything in first.revoked
            assert sorted(map(len, shares)) == [1, 1]
            reader = other if TopicPartition(topic, 0) in shares[0] else one
            assert await read(reader, 3) == [0, 1, 2]


async def test_a_consumer_of_a_missing_topic_does_not_start(services: Services, topic: str) -> None:
    """It asks for the topic until a request's time is up: 40 s, unless it is set as here."""
    consumer = AIOKafkaConsumer(
        topic,
        f"{topic}.missing",
        bootstrap_servers=services.kafka,
        group_id="g",
        request_timeout_ms=300,
    )
    try:
        with pytest.raises(UnknownTopicOrPartitionError):
            await consumer.start()
    finally:
        await consumer.stop()


async def test_the_position_is_after_the_markers_of_a_transaction(
    services: Services, topic: str, admin: KafkaAdmin
) -> None:
    """So a position that is not next to the last record does not mean that it was moved."""
    producer = AIOKafkaProducer(bootstrap_servers=services.kafka, transactional_id=f"{topic}.tx")
    await producer.start()
    async with producer.transaction():
        await producer.send(topic, b"x", partition=0)
    await producer.stop()

    async def marker_is_written() -> bool:
        return (await admin.backlog("nobody", [topic])).total == 2

    await until(marker_is_written)  # the broker writes it after it has answered
    listener = Listener()
    place = TopicPartition(topic, 0)
    async with member(services.kafka, f"{topic}.g", topic, listener) as consumer:
        assert await read(consumer, 1) == [0]
        assert await consumer.position(place) == 2


async def test_the_producer_refuses_a_record_with_neither_key_nor_value(
    producer: AIOKafkaProducer, topic: str
) -> None:
    with pytest.raises(AssertionError, match=r"value|key"):
        await producer.send(topic, value=None, key=None)
    await producer.send_and_wait(topic, value=None, key=b"k")
    await producer.send_and_wait(topic, value=b"", key=None)


async def test_the_producer_keeps_null_binary_and_repeated_headers(
    services: Services, producer: AIOKafkaProducer, topic: str
) -> None:
    headers: Any = [("null", None), ("", b""), ("twice", b"\xff"), ("twice", b"\x00")]
    await producer.send_and_wait(topic, b"x", headers=headers, partition=0)
    async with member(services.kafka, f"{topic}.g", topic, Listener()) as consumer:
        record = await consumer.getone()
        assert list(record.headers) == headers


async def test_the_admin_client_passes_over_an_error_of_the_whole_group(services: Services) -> None:
    """An answer without the partitions that were asked about is therefore no answer."""
    client = AIOKafkaAdminClient(bootstrap_servers=services.kafka)
    answers: Any = client

    async def failed(*_: object) -> Any:
        return SimpleNamespace(topics=[], error_code=15)  # the coordinator is not available

    answers._send_request = failed
    places = [TopicPartition("t", 0)]
    assert (
        await client.list_consumer_group_offsets("g", group_coordinator_id=1, partitions=places)
        == {}
    )


def test_librdkafka_writes_topic_ids_in_plain_base64() -> None:
    assert str(confluent_kafka.Uuid(-1, -1)) == "/////////////////////w"


async def test_our_topic_ids_are_url_safe_and_of_one_length(
    admin: KafkaAdmin, topic_prefix: str
) -> None:
    names = [f"{topic_prefix}id{number}" for number in range(30)]
    await admin.topics.create([TopicSpec(name, 1, {}) for name in names])
    ids = await admin.topics.ids(names)
    assert len(set(ids.values())) == len(names)
    alphabet = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert all(len(topic_id) == 22 and set(topic_id) <= alphabet for topic_id in ids.values())
