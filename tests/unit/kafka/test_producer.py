import asyncio
from typing import Any, cast

import pytest
from aiokafka.errors import MessageSizeTooLargeError, RequestTimedOutError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.domain.errors import FatalError
from worker.kafka.producer import COMPRESSION, PRODUCER, Outputs, partition_of
from worker.kafka.record import Outgoing

_BATCH_BYTES = 500


class FakeProducer:
    """A producer whose acknowledgements the test gives. `full`: it has all the batches."""

    def __init__(self, batches: int = 2) -> None:
        self.batches = batches
        self.sent: list[tuple[str, int, list[tuple[bytes | None, bytes | None]]]] = []
        self.acks: list[asyncio.Future[None]] = []
        self.refuses: Exception | None = None
        self.full = asyncio.Event()

    async def partitions_for(self, topic: str) -> set[int]:
        return {"t": {0}, "two": {0, 1}}[topic]

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(_BATCH_BYTES, 0)

    async def send_batch(
        self, batch: BatchBuilder, topic: str, *, partition: int
    ) -> asyncio.Future[None]:
        if self.refuses is not None:
            raise self.refuses
        records = DefaultRecordBatch(bytes(batch._build()))
        self.sent.append((topic, partition, [(record.key, record.value) for record in records]))
        self.acks.append(asyncio.get_running_loop().create_future())
        if len(self.acks) == self.batches:
            self.full.set()
        return self.acks[-1]

    def acknowledge(self) -> None:
        for ack in self.acks:
            ack.set_result(None)

    async def stop(self) -> None:
        await asyncio.Event().wait()


def outputs_to(producer: FakeProducer, timeout_s: float = 60) -> Outputs:
    outputs = Outputs({}, timeout_s=timeout_s)
    outputs._producer = cast("Any", producer)
    return outputs


def test_outputs_are_compressed_with_zstd() -> None:
    assert PRODUCER["compression_type"] == COMPRESSION == "zstd"


# Of two partitions.
TWO = [Outgoing("two", b"k", b"1", [], partition=0), Outgoing("two", b"k", b"2", [], partition=1)]


async def test_all_are_sent_before_the_first_acknowledgement_and_every_one_is_awaited() -> None:
    producer = FakeProducer()
    sending = asyncio.create_task(outputs_to(producer).send(TWO))
    await producer.full.wait()
    producer.acks[1].set_result(None)
    await asyncio.sleep(0)
    assert not sending.done()
    producer.acks[0].set_result(None)
    await sending
    assert producer.sent == [("two", 0, [(b"k", b"1")]), ("two", 1, [(b"k", b"2")])]


async def test_a_partition_gets_its_records_in_order_in_batches_of_bounded_size() -> None:
    producer = FakeProducer(batches=4)
    values = [b"%d" % number * 100 for number in range(6)] + [b"x" * 3 * _BATCH_BYTES, b"last"]
    records = [Outgoing("t", b"k", value, []) for value in values]
    sending = asyncio.create_task(outputs_to(producer).send(records))
    await producer.full.wait()
    assert not sending.done()
    producer.acknowledge()
    await sending
    batches = [[value for _, value in of_batch] for _, _, of_batch in producer.sent]
    assert [value for batch in batches for value in batch] == values
    assert [len(batch) for batch in batches] == [3, 3, 1, 1]


@LAWS
@given(st.binary(max_size=300), st.integers(1, 100))
def test_a_key_has_the_partition_that_the_client_gives_it(key: bytes, partitions: int) -> None:
    numbers = list(range(partitions))
    assert partition_of(key, numbers) == DefaultPartitioner()(key, numbers, numbers)
    assert partition_of(key, numbers) == DefaultPartitioner()(key, numbers, numbers)  # known by now


async def test_records_without_a_key_take_turns() -> None:
    producer = FakeProducer()
    records = [Outgoing("two", None, b"%d" % number, []) for number in range(4)]
    sending = asyncio.create_task(outputs_to(producer).send(records))
    await producer.full.wait()
    producer.acknowledge()
    await sending
    assert producer.sent == [
        ("two", 0, [(None, b"0"), (None, b"2")]),
        ("two", 1, [(None, b"1"), (None, b"3")]),
    ]


async def test_a_record_that_is_not_acknowledged_is_fatal() -> None:
    producer = FakeProducer()
    sending = asyncio.create_task(outputs_to(producer).send(TWO))
    await producer.full.wait()
    producer.acks[0].set_exception(RequestTimedOutError())
    producer.acks[1].set_result(None)
    with pytest.raises(FatalError, match="2 records are not acknowledged"):
        await sending


async def test_an_acknowledgement_that_does_not_come_within_the_bound_is_fatal() -> None:
    with pytest.raises(FatalError):
        await outputs_to(FakeProducer(), timeout_s=0.02).send(TWO)


async def test_a_record_that_the_client_refuses_is_fatal() -> None:
    producer = FakeProducer()
    producer.refuses = MessageSizeTooLargeError()
    with pytest.raises(FatalError):
        await outputs_to(producer).send(TWO)


async def test_a_tombstone_without_a_key_gets_an_empty_value_and_one_with_a_key_keeps_none() -> (
    None
):
    producer = FakeProducer()
    records = [Outgoing("two", None, None, [], 0), Outgoing("two", b"k", None, [], 1)]
    sending = asyncio.create_task(outputs_to(producer).send(records))
    await producer.full.wait()
    producer.acknowledge()
    await sending
    assert producer.sent == [("two", 0, [(None, b"")]), ("two", 1, [(b"k", None)])]


async def test_before_it_is_started_nothing_can_be_sent() -> None:
    with pytest.raises(FatalError, match="not started"):
        await Outputs({}, timeout_s=1).send(TWO)


async def test_stopping_is_bounded_though_the_client_waits_for_ever() -> None:
    outputs = outputs_to(FakeProducer())
    async with asyncio.timeout(60):
        await outputs.stop(0.02)
        await outputs.stop(0.02)
    with pytest.raises(FatalError):
        await outputs.send(TWO)


async def test_a_broker_that_is_not_there_is_fatal_at_the_start() -> None:
    outputs = Outputs({"bootstrap_servers": "127.0.0.1:1"}, timeout_s=30)
    with pytest.raises(FatalError, match="cannot reach Kafka"):
        await outputs.start()
