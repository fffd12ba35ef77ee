"""What brokers and clients do that the delivery relies on, or guards against."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import confluent_kafka
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.structs import OffsetAndMetadata
from confluent_kafka.admin import AdminClient
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage

from tests.support.services.installation import until
from worker.kafka.cluster.admin import KafkaAdmin
from worker.kafka.cluster.topics import TopicSpec
from worker.kafka.record import Committed

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services

PATIENCE_S = 60


async def values_in(kafka: str, topic: str, count: int) -> list[bytes | None]:
    """The values of the first records that a reader of committed records sees."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def deleted(kafka: str, topic: str) -> None:
    client = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    (future,) = client.delete_topics([topic]).values()
    await asyncio.to_thread(future.result, PATIENCE_S)


async def test_a_topic_that_is_created_again_has_another_id_and_starts_at_zero(
    services: Services, admin: KafkaAdmin, topic: str, producer: AIOKafkaProducer
) -> None:
    """So a watermark that is kept under the name alone would swallow its first records."""
    await producer.send_and_wait(topic, b"of the first topic", partition=0)
    before = (await admin.topics.ids([topic]))[topic]
    await deleted(services.kafka, topic)

    async def is_gone() -> bool:
        return topic not in await admin.topics.states([topic])

    await until(is_gone)
    await admin.topics.create([TopicSpec(topic, 1, {})])
    assert (await admin.topics.ids([topic]))[topic] != before
    async with asyncio.timeout(PATIENCE_S):
        again = AIOKafkaProducer(bootstrap_servers=services.kafka)
        await again.start()
        sent = await again.send_and_wait(topic, b"of the second", partition=0)
        await again.stop()
    assert sent.offset == 0


async def test_a_commit_goes_out_under_the_generation_of_the_moment(
    services: Services, admin: KafkaAdmin, topic: str
) -> None:
    """So one that belongs to a batch from before a rebalance moves the group back: nothing refuses it."""
    place = TopicPartition(topic, 0)
    assigned = Assigned()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=services.kafka,
        group_id=f"{topic}.g",
        enable_auto_commit=False,
        session_timeout_ms=6000,
        heartbeat_interval_ms=300,
    )
    consumer.subscribe([topic], listener=assigned)
    await consumer.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await assigned.times(1)
            await consumer.commit({place: OffsetAndMetadata(9, "after")})
            coordinator: Any = consumer._coordinator
            coordinator.request_rejoin()
            await assigned.times(2)
            await consumer.commit({place: OffsetAndMetadata(3, "from before")})
    finally:
        await consumer.stop()
    assert (await admin.groups.committed(f"{topic}.g", [place]))[place] == Committed(
        3, "from before"
    )


class Assigned(ConsumerRebalanceListener):
    """Counts assignments; raises in each when told to."""

    def __init__(self, *, failing: bool = False) -> None:
        self._count = 0
        self._failing = failing
        self._changed = asyncio.Condition()

    async def on_partitions_revoked(self, revoked: Any) -> None: ...

    async def on_partitions_assigned(self, assigned: Any) -> None:
        async with self._changed:
            self._count += 1
            self._changed.notify_all()
        if self._failing:
            raise ValueError("a defect in the listener")

    async def times(self, count: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._count >= count)


async def test_what_a_listener_raises_is_swallowed_and_reading_goes_on(
    services: Services, topic: str, producer: AIOKafkaProducer
) -> None:
    """So opening partitions must hand its errors on by itself."""
    await producer.send_and_wait(topic, b"x", partition=0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=services.kafka, group_id=f"{topic}.g", auto_offset_reset="earliest"
    )
    listener = Assigned(failing=True)
    consumer.subscribe([topic], listener=listener)
    await consumer.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await listener.times(1)
            assert (await consumer.getone()).offset == 0
    finally:
        await consumer.stop()


async def test_a_transaction_is_committed_though_a_record_of_it_was_refused(
    services: Services, admin: KafkaAdmin, topic_prefix: str
) -> None:
    """So every acknowledgement of a transaction is awaited before it is committed."""
    small, narrow = f"{topic_prefix}small", f"{topic_prefix}narrow"
    await admin.topics.create(
        [TopicSpec(small, 1, {}), TopicSpec(narrow, 1, {"max.message.bytes": "1000"})]
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=services.kafka, transactional_id=f"{topic_prefix}tx"
    )
    await producer.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await producer.begin_transaction()
            refused = await producer.send(narrow, b"x" * 100_000, partition=0)
            await (await producer.send(small, b"kept", partition=0))
            with pytest.raises(KafkaError):
                await refused
            await producer.commit_transaction()
    finally:
        await producer.stop()
    assert await values_in(services.kafka, small, 1) == [b"kept"]


async def test_what_is_larger_than_a_topic_takes_is_refused_by_the_broker_alone(
    services: Services, admin: KafkaAdmin, topic_prefix: str
) -> None:
    """So what is published is cut to what the topics are made for, not to what the client lets through."""
    name = f"{topic_prefix}narrow"
    await admin.topics.create([TopicSpec(name, 1, {"max.message.bytes": "1000"})])
    producer = AIOKafkaProducer(bootstrap_servers=services.kafka, max_request_size=1 << 20)
    await producer.start()
    try:
        future = await producer.send(name, b"x" * 100_000, partition=0)
        with pytest.raises(MessageSizeTooLargeError):
            await asyncio.wait_for(future, PATIENCE_S)
    finally:
        await producer.stop()


async def test_another_policy_commits_over_a_batch_whose_handler_raised(
    services: Services, admin: KafkaAdmin, topic: str, producer: AIOKafkaProducer
) -> None:
    await producer.send_and_wait(topic, b"x", partition=0)
    broker = KafkaBroker(services.kafka, logger=None, graceful_timeout=None)

    async def raise_always(_: list[bytes]) -> None:
        raise ValueError("a defect")

    subscriber: Any = broker.subscriber(
        topic,
        group_id=f"{topic}.g",
        batch=True,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.ACK,
    )
    subscriber(raise_always)
    place = TopicPartition(topic, 0)
    await broker.start()
    try:

        async def is_committed() -> bool:
            committed = await admin.groups.committed(f"{topic}.g", [place])
            return place in committed and committed[place].offset == 1

        await until(is_committed)
    finally:
        await broker.stop()


async def test_another_policy_hands_a_failed_batch_over_again_without_end(
    services: Services, topic: str, producer: AIOKafkaProducer
) -> None:
    await producer.send_and_wait(topic, b"x", partition=0)
    broker = KafkaBroker(services.kafka, logger=None, graceful_timeout=None)
    often = asyncio.Event()
    calls: list[int] = []

    async def raise_always(_: list[bytes]) -> None:
        calls.append(1)
        if len(calls) == 20:
            often.set()
        raise ValueError("a defect")

    subscriber: Any = broker.subscriber(
        topic,
        group_id=f"{topic}.g",
        batch=True,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    subscriber(raise_always)
    await broker.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await often.wait()
    finally:
        await broker.stop()


async def test_a_batch_holds_records_of_several_partitions_and_topics(
    services: Services, admin: KafkaAdmin, topic: str, producer: AIOKafkaProducer
) -> None:
    other = f"{topic}.other"
    await admin.topics.create([TopicSpec(other, 1, {})])
    broker = KafkaBroker(services.kafka, logger=None, graceful_timeout=None)
    mixed = asyncio.Event()

    async def publish() -> None:
        for name, partition in ((topic, 0), (topic, 1), (other, 0)):
            await producer.send_and_wait(name, b"x", partition=partition)

    async def handle(_: Any, message: KafkaMessage) -> None:
        raw: Any = message.raw_message
        if len({(record.topic, record.partition) for record in raw}) > 1:
            mixed.set()
        else:
            await publish()  # the client fetches from all of them meanwhile

    await publish()
    subscriber: Any = broker.subscriber(
        topic,
        other,
        group_id=f"{topic}.g",
        batch=True,
        auto_offset_reset="earliest",
        max_records=200,
        ack_policy=AckPolicy.MANUAL,
    )
    subscriber(handle)
    await broker.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await mixed.wait()
    finally:
        await broker.stop()


async def test_an_answer_about_altered_offsets_hides_the_refusal_of_a_partition(
    services: Services, topic: str
) -> None:
    """Nothing is raised while the group has members: the error comes with the partition."""
    assigned = Assigned()
    consumer = AIOKafkaConsumer(bootstrap_servers=services.kafka, group_id=f"{topic}.g")
    consumer.subscribe([topic], listener=assigned)
    await consumer.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await assigned.times(1)
        client = AdminClient({"bootstrap.servers": services.kafka, "log_level": 0})
        wanted = confluent_kafka.ConsumerGroupTopicPartitions(
            f"{topic}.g", [confluent_kafka.TopicPartition(topic, 0, 3)]
        )
        (future,) = client.alter_consumer_group_offsets([wanted]).values()
        answer = await asyncio.to_thread(future.result, PATIENCE_S)
        assert (
            answer.topic_partitions[0].error.code() == confluent_kafka.KafkaError.UNKNOWN_MEMBER_ID
        )
    finally:
        await consumer.stop()
