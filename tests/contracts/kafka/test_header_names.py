"""Header names that are no text: what aiokafka does with them, and what ours makes of it.

Should an upgrade read them by itself, the first tests fail, and `worker/kafka/client/header_names.py` can go.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import consumer, fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

from tests.support.hostile.header_names import ESCAPED, RawName, batch, send
from worker.domain.errors import FatalError
from worker.kafka.client import batches, polls
from worker.kafka.client.batches import Batches, read_any_batch

if TYPE_CHECKING:
    from tests.conftest import Services

BAD = RawName("bad")
THREE = [(b"1", "good"), (b"2", BAD), (b"3", "good")]
PATIENCE_S = 60
BOUND = 1 << 20


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    monkeypatch.setattr(fetcher, "PartitionRecords", batches._Theirs)
    monkeypatch.setattr(fetcher, "FetchResult", polls._TheirResult)
    monkeypatch.setattr(consumer, "Fetcher", polls._TheirFetcher)


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch, theirs: None) -> None:
    read_any_batch(unpacked_bytes=BOUND, poll_bytes=BOUND)


def read(content: bytes) -> list[Any]:
    """All records of the answer to a fetch, the way the fetcher reads them."""
    answer = Batches(content, unpacked_bytes=BOUND)
    records: list[Any] = []
    while answer.has_next():
        each = answer.next_batch()
        assert each.validate_crc()
        records += each
    return records


def test_the_client_reads_record_batches_by_the_two_names_that_are_replaced() -> None:
    assert {"MemoryRecords", "PartitionRecords"} <= set(
        fetcher.Fetcher._proc_fetch_request.__code__.co_names
    )


def test_the_clients_own_reader_raises_at_the_record_with_the_name() -> None:
    records = iter(DefaultRecordBatch(bytes(batch(*THREE).build())))
    assert next(records).value == b"1"
    with pytest.raises(UnicodeDecodeError):
        next(records)


def test_the_clients_reader_without_extensions_raises_as_well() -> None:
    with pytest.raises(CorruptRecordException) as raised:
        list(_DefaultRecordBatchPy(bytes(batch(*THREE).build())))
    assert isinstance(raised.value.__cause__, UnicodeDecodeError)


@pytest.mark.parametrize("codec", range(5), ids=["none", "gzip", "snappy", "lz4", "zstd"])
def test_ours_reads_all_records_and_escapes_the_name(codec: int) -> None:
    records = read(bytes(batch(*THREE, codec=codec).build()))
    assert [(r.offset, r.timestamp, r.key, r.value) for r in records] == [
        (0, 1000, b"k", b"1"),
        (1, 1001, b"k", b"2"),
        (2, 1002, b"k", b"3"),
    ]
    assert [r.headers[0] for r in records] == [
        ("good", b"content"),
        (ESCAPED, b"content"),
        ("good", b"content"),
    ]
    assert all(r.headers[1] == ("null", None) for r in records)


def test_what_needs_no_escaping_is_read_by_the_clients_own_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "EscapingBatch", None)
    assert len(read(bytes(batch((b"1", "good"), (b"2", "gut: ü")).build()))) == 2


def test_batches_behind_each_other_are_read_and_one_that_is_cut_off_is_left_out() -> None:
    one, other = bytes(batch(*THREE).build()), bytes(batch((b"4", "good")).build())
    assert [record.value for record in read(one + other)] == [b"1", b"2", b"3", b"4"]
    assert [record.value for record in read(one + other[:-1])] == [b"1", b"2", b"3"]
    cut_off = Batches(one[:20], unpacked_bytes=BOUND)
    assert (cut_off.has_next(), cut_off.size_in_bytes()) == (False, 20)
    assert not Batches(b"", unpacked_bytes=BOUND).has_next()


def test_a_batch_whose_records_are_no_records_is_refused_as_before() -> None:
    content = bytearray(batch((b"1", "good")).build())
    content[-1] ^= 0xFF
    with pytest.raises(CorruptRecordException):
        list(Batches(bytes(content), unpacked_bytes=BOUND).next_batch())


@pytest.mark.services
async def test_the_broker_takes_such_a_record_and_the_clients_consumer_never_gets_past_it(
    services: Services, producer: AIOKafkaProducer, topic: str, theirs: None
) -> None:
    await send(producer, topic, *THREE)
    async with asyncio.timeout(PATIENCE_S):
        consumer = await reader(services.kafka, topic)
        try:
            for _ in range(2):
                await raised_by_a_fetch(consumer)
            assert await consumer.position(TopicPartition(topic, 0)) == 0
        finally:
            await consumer.stop()


@pytest.mark.services
async def test_with_ours_the_consumer_gets_all_records(
    services: Services, producer: AIOKafkaProducer, topic: str, ours: None
) -> None:
    await send(producer, topic, *THREE)
    await producer.send_and_wait(topic, b"4", partition=0)
    async with asyncio.timeout(PATIENCE_S):
        consumer = await reader(services.kafka, topic)
        try:
            records = [await consumer.getone() for _ in range(4)]
        finally:
            await consumer.stop()
    assert [record.value for record in records] == [b"1", b"2", b"3", b"4"]
    assert records[1].headers[0][0] == ESCAPED


def test_what_cannot_be_read_is_named_by_its_place(ours: None) -> None:
    content = bytearray(batch(*THREE).build())
    content[-1] ^= 0xFF
    place = TopicPartition("observations.bet9ja", 3)
    untyped: Any = fetcher
    records = untyped.PartitionRecords(
        place, untyped.MemoryRecords(bytes(content)), [], 17, None, None, True, 1
    )
    with pytest.raises(FatalError, match=r"observations\.bet9ja/3 from offset 17 on.*CRC"):
        list(records)


async def reader(kafka: str, topic: str) -> AIOKafkaConsumer:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    consumer.seek(place, 0)
    return consumer


async def raised_by_a_fetch(consumer: AIOKafkaConsumer) -> None:
    """Every other fetch raises: in between, the client drops what it could not read and asks again."""
    while True:
        try:
            records = await consumer.getmany(timeout_ms=200)
        except UnicodeDecodeError:
            return
        assert not records
