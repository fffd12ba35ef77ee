import asyncio
from typing import Any, cast

import pytest
from aiokafka.errors import MessageSizeTooLargeError, RequestTimedOutError

from worker.domain.errors import FatalError
from worker.kafka.producer import COMPRESSION, PRODUCER, Outputs
from worker.kafka.record import Outgoing


class FakeProducer:
    """A producer whose acknowledgements the test gives."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes | None, bytes | None]] = []
        self.acks: list[asyncio.Future[None]] = []
        self.refuses: Exception | None = None
        self.full = asyncio.Event()

    async def send(
        self, topic: str, *, value: Any, key: Any, headers: Any, partition: int | None
    ) -> asyncio.Future[None]:
        if self.refuses is not None:
            raise self.refuses
        self.sent.append((topic, key, value))
        self.acks.append(asyncio.get_running_loop().create_future())
        if len(self.acks) == 2:
            self.full.set()
        return self.acks[-1]

    async def stop(self) -> None:
        await asyncio.Event().wait()


def outputs_to(producer: FakeProducer, timeout_s: float = 60) -> Outputs:
    outputs = Outputs({}, max_bytes=1000, timeout_s=timeout_s)
    outputs._producer = cast("Any", producer)
    return outputs


def test_outputs_are_compressed_with_zstd() -> None:
    assert PRODUCER["compression_type"] == COMPRESSION == "zstd"


TWO = [Outgoing("t", b"k", b"1", []), Outgoing("t", b"k", b"2", [])]


async def test_all_are_sent_before_the_first_acknowledgement_and_every_one_is_awaited() -> None:
    producer = FakeProducer()
    sending = asyncio.create_task(outputs_to(producer).send(TWO))
    await producer.full.wait()
    producer.acks[1].set_result(None)
    await asyncio.sleep(0)
    assert not sending.done()
    producer.acks[0].set_result(None)
    await sending
    assert [value for _, _, value in producer.sent] == [b"1", b"2"]


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
    records = [Outgoing("t", None, None, []), Outgoing("t", b"k", None, [])]
    sending = asyncio.create_task(outputs_to(producer).send(records))
    await producer.full.wait()
    for ack in producer.acks:
        ack.set_result(None)
    await sending
    assert producer.sent == [("t", None, b""), ("t", b"k", None)]


async def test_before_it_is_started_nothing_can_be_sent() -> None:
    with pytest.raises(FatalError, match="not started"):
        await Outputs({}, max_bytes=1000, timeout_s=1).send(TWO)


async def test_stopping_is_bounded_though_the_client_waits_for_ever() -> None:
    outputs = outputs_to(FakeProducer())
    async with asyncio.timeout(60):
        await outputs.stop(0.02)
        await outputs.stop(0.02)
    with pytest.raises(FatalError):
        await outputs.send(TWO)


async def test_a_broker_that_is_not_there_is_fatal_at_the_start() -> None:
    outputs = Outputs({"bootstrap_servers": "127.0.0.1:1"}, max_bytes=1000, timeout_s=30)
    with pytest.raises(FatalError, match="cannot reach Kafka"):
        await outputs.start()
