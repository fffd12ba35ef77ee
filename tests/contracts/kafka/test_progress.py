"""The watchdog compares the consumer's position with the end that the cluster tells: they mean the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.support.services.installation import until
from worker.ingest.consumer import FetchedRecord
from worker.kafka.client.positions import fetch_positions
from worker.kafka.cluster.admin import KafkaAdmin

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services


@pytest.fixture
async def consumer(services: Services, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """Reads partition 0 from its start, as a worker does."""
    async with AIOKafkaConsumer(
        bootstrap_servers=services.kafka,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    ) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        yield consumer


@pytest.fixture
async def transactional(services: Services, topic: str) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(
        bootstrap_servers=services.kafka, transactional_id=f"{topic}.tx"
    ) as producer:
        yield producer


async def arrives(consumer: AIOKafkaConsumer, admin: KafkaAdmin, topic: str, end: int) -> list[int]:
    """Fetch until the position is the end, which must be ``end`` by then; the offsets of what was given."""
    place = TopicPartition(topic, 0)
    offsets: list[int] = []

    async def has_arrived() -> bool:
        for records in (await consumer.getmany(timeout_ms=100)).values():
            offsets.extend(record.offset for record in records)
        ends = await admin.offsets.log_ends([place])
        return ends[place] == end and fetch_positions(consumer, [place]) == ends

    await until(has_arrived)
    return offsets


async def test_the_marker_behind_a_committed_transaction_is_passed(
    consumer: AIOKafkaConsumer, admin: KafkaAdmin, transactional: AIOKafkaProducer, topic: str
) -> None:
    async with transactional.transaction():
        await transactional.send_and_wait(topic, b"x", partition=0)
    assert await arrives(consumer, admin, topic, 2) == [0]


async def test_what_was_aborted_is_passed_with_its_marker(
    consumer: AIOKafkaConsumer,
    admin: KafkaAdmin,
    producer: AIOKafkaProducer,
    transactional: AIOKafkaProducer,
    topic: str,
) -> None:
    await producer.send_and_wait(topic, b"x", partition=0)
    await transactional.begin_transaction()
    await transactional.send_and_wait(topic, b"y", partition=0)
    await transactional.abort_transaction()
    assert await arrives(consumer, admin, topic, 3) == [0]


async def test_what_lies_behind_an_open_transaction_is_not_there_yet(
    consumer: AIOKafkaConsumer,
    admin: KafkaAdmin,
    producer: AIOKafkaProducer,
    transactional: AIOKafkaProducer,
    topic: str,
) -> None:
    await producer.send_and_wait(topic, b"x", partition=0)
    await transactional.begin_transaction()
    await transactional.send_and_wait(topic, b"y", partition=0)
    await producer.send_and_wait(topic, b"z", partition=0)
    assert await arrives(consumer, admin, topic, 1) == [0]
    await transactional.commit_transaction()
    assert await arrives(consumer, admin, topic, 4) == [1, 2]


async def test_one_record_taken_at_a_time_arrives_as_well(
    consumer: AIOKafkaConsumer, admin: KafkaAdmin, transactional: AIOKafkaProducer, topic: str
) -> None:
    place = TopicPartition(topic, 0)
    async with transactional.transaction():
        await transactional.send_and_wait(topic, b"x", partition=0)
    taken = [record async for record in _first(consumer)]
    assert [record.offset for record in taken] == [0]
    assert fetch_positions(consumer, [place])[place] >= 1
    assert await arrives(consumer, admin, topic, 2) == []


async def _first(consumer: AIOKafkaConsumer) -> AsyncIterator[FetchedRecord]:
    while not (fetched := await consumer.getmany(timeout_ms=100, max_records=1)):
        pass
    for records in fetched.values():
        for record in records:
            yield record


async def test_a_partition_that_is_not_assigned_has_no_position(
    consumer: AIOKafkaConsumer, topic: str
) -> None:
    assert fetch_positions(consumer, [TopicPartition(topic, 1)]) == {}
