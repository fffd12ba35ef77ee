"""Polls that end at a number of bytes: what aiokafka does by itself, and what it does with ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import confluent_kafka
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import consumer, fetcher
from aiokafka.record.memory_records import MemoryRecords
from confluent_kafka.admin import AdminClient

from tests.support.hostile.bombs import MIB, bomb, send_batch
from worker.kafka.client import batches, polls
from worker.kafka.client.batches import read_any_batch
from worker.kafka.client.unreadable import UnreadablePartitions

if TYPE_CHECKING:
    from tests.conftest import Services

VALUE, BATCHES, BOUND = MIB, 12, 3 * MIB
PATIENCE_S = 60
Record = tuple[int, int]


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """As aiokafka has it, until the test says otherwise."""
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    monkeypatch.setattr(fetcher, "PartitionRecords", batches._Theirs)
    monkeypatch.setattr(fetcher, "FetchResult", polls._TheirResult)
    monkeypatch.setattr(consumer, "Fetcher", polls._TheirFetcher)


def test_the_client_polls_by_the_names_that_are_replaced() -> None:
    assert "Fetcher" in AIOKafkaConsumer.start.__code__.co_names
    assert "fetched_records" in AIOKafkaConsumer.getmany.__code__.co_names
    assert "FetchResult" in polls._TheirFetcher._proc_fetch_request.__code__.co_names
    assert {"FetchResult", "getall"} <= set(polls._TheirFetcher.fetched_records.__code__.co_names)


@asynccontextmanager
async def reading(kafka: str, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    async with asyncio.timeout(PATIENCE_S):
        reader = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
        await reader.start()
        try:
            reader.assign([TopicPartition(topic, number) for number in range(2)])
            await reader.seek_to_beginning()
            yield reader
        finally:
            await reader.stop()


async def polls_of(reader: AIOKafkaConsumer, total: int, **limits: Any) -> list[list[Record]]:
    """Partition and offset of the records of every poll that gave some."""
    found: list[list[Record]] = []
    while sum(map(len, found)) < total:
        taken = await reader.getmany(timeout_ms=200, **limits)
        if records := [(each.partition, each.offset) for some in taken.values() for each in some]:
            found.append(records)
    return found


async def fill(producer: AIOKafkaProducer, topic: str) -> None:
    """Two partitions, each of a few kB that unpack to 12 MiB."""
    for number in range(BATCHES):
        for partition in range(2):
            await send_batch(producer, topic, bomb(VALUE if number else 10), partition=partition)


@pytest.mark.services
async def test_by_itself_a_poll_gives_all_that_was_fetched_of_a_partition_whatever_it_unpacks_to(
    services: Services, producer: AIOKafkaProducer, topic: str, restored: None
) -> None:
    await fill(producer, topic)
    async with reading(services.kafka, topic) as reader:
        assert max(map(len, await polls_of(reader, 2 * BATCHES))) >= BATCHES


@pytest.mark.services
@pytest.mark.parametrize("limits", [{}, {"max_records": 2}, {"max_records": 500}])
async def test_with_ours_it_ends_at_the_bound_and_the_next_polls_give_the_rest_in_order(
    services: Services,
    producer: AIOKafkaProducer,
    topic: str,
    restored: None,
    limits: dict[str, int],
) -> None:
    await fill(producer, topic)
    read_any_batch(unpacked_bytes=2 * VALUE, poll_bytes=BOUND)
    async with reading(services.kafka, topic) as reader:
        found = await polls_of(reader, 2 * BATCHES, **limits)
        stands = [await reader.position(TopicPartition(topic, number)) for number in range(2)]
    # The two small ones, and what brings a poll to the bound.
    assert max(map(len, found)) <= min(2 + BOUND // VALUE, limits.get("max_records", 500))
    for partition in range(2):
        assert [offset for poll in found for number, offset in poll if number == partition] == [
            *range(BATCHES)
        ]
    assert stands == [BATCHES, BATCHES]


@pytest.mark.services
async def test_a_record_larger_than_the_bound_is_given_alone(
    services: Services, producer: AIOKafkaProducer, topic: str, restored: None
) -> None:
    await fill(producer, topic)
    read_any_batch(unpacked_bytes=2 * VALUE, poll_bytes=1)
    async with reading(services.kafka, topic) as reader:
        assert set(map(len, await polls_of(reader, 2 * BATCHES))) == {1}


@pytest.mark.services
async def test_what_is_paused_or_sought_between_two_polls_is_not_given_by_the_second(
    services: Services, producer: AIOKafkaProducer, topic: str, restored: None
) -> None:
    await fill(producer, topic)
    read_any_batch(unpacked_bytes=2 * VALUE, poll_bytes=1)
    one, other = (TopicPartition(topic, number) for number in range(2))
    async with reading(services.kafka, topic) as reader:
        before = [record for poll in await polls_of(reader, 3) for record in poll]
        reader.pause(one)
        reader.seek(other, 7)
        assert (await polls_of(reader, 1))[0] == [(1, 7)]
        reader.resume(one)
        taken = sum(number == 0 for number, _ in before)
        rest = [
            record for poll in await polls_of(reader, 2 * BATCHES - taken - 8) for record in poll
        ]
    assert [offset for number, offset in rest if number == 0] == [*range(taken, BATCHES)]
    assert [offset for number, offset in rest if number == 1] == [*range(8, BATCHES)]


@pytest.mark.services
async def test_a_partition_that_cannot_be_read_is_stopped_alone_and_goes_on_once_the_records_are_deleted(
    services: Services, producer: AIOKafkaProducer, topic: str, restored: None
) -> None:
    bombed = TopicPartition(topic, 0)
    await send_batch(producer, topic, bomb(10))
    await send_batch(producer, topic, bomb(3 * MIB))
    await send_batch(producer, topic, bomb(10))
    await send_batch(producer, topic, bomb(10), partition=1)
    read_any_batch(unpacked_bytes=2 * MIB, poll_bytes=BOUND)
    unreadable, found = UnreadablePartitions(again_s=0.2), list[Record]()

    async def read(total: int) -> None:
        while len(found) < total or len(unreadable.places) != (total < 4):
            polled = await unreadable.poll(reader, timeout_ms=100, max_records=500)
            found.extend((each.partition, each.offset) for some in polled.values() for each in some)

    async with reading(services.kafka, topic) as reader:
        await read(2)
        assert unreadable.places == [bombed]
        (sentence,) = unreadable.sentences()
        assert f"{topic}/0 from offset 1 on" in sentence
        await send_batch(producer, topic, bomb(10), partition=1)
        await read(3)
        assert await reader.position(bombed) == 1
        client = AdminClient({"bootstrap.servers": services.kafka})
        place = confluent_kafka.TopicPartition(topic, 0, 2)
        for future in client.delete_records([place]).values():
            await asyncio.to_thread(future.result, PATIENCE_S)
        await read(4)
    assert sorted(found) == [(0, 0), (0, 2), (1, 0), (1, 1)]
    assert unreadable.sentences() == []


def test_many_empty_headers_weigh_what_they_take() -> None:
    def weight(headers: list[tuple[str, bytes]]) -> int:
        record: Any = fetcher.ConsumerRecord("t", 0, 0, 0, 0, b"k", b"v", None, 1, 1, headers)
        return polls._weight(record)

    assert weight([("", b"")] * 1000) - weight([]) >= 100_000
    assert weight([("name", b"content")]) > weight([("", b"")])
