"""What FastStream does to us, and what ours makes of it. An upgrade that changes it shall fail here."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
from aiokafka import (
    AIOKafkaConsumer,
    AIOKafkaProducer,
    ConsumerRebalanceListener,
    ConsumerRecord,
    TopicPartition,
)
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from faststream.kafka.parser import AioKafkaBatchParser

from worker.ingest.consumer import FetchedRecord, Fetching, application, consume, handle_with
from worker.ingest.partitions.assignment import Assignment
from worker.kafka.client.batches import read_any_batch
from worker.kafka.cluster.admin import KafkaAdmin
from worker.kafka.cluster.topics import TopicSpec

if TYPE_CHECKING:
    from tests.conftest import Services


@pytest.fixture(autouse=True)
def reading_is_prepared() -> None:
    """As the worker does before it makes its consumer: our polls need our fetcher."""
    read_any_batch(unpacked_bytes=2**27, poll_bytes=2**24)


PATIENCE_S = 60
FETCHING = Fetching(
    max_records=100,
    max_partition_bytes=1 << 20,
    max_bytes=1 << 22,
    wait_ms=20,
    session_timeout_ms=6000,
    rebalance_timeout_ms=10_000,
    member_name=None,
)
Handler = Callable[[Sequence[FetchedRecord]], Awaitable[None]]
Consumer = Callable[[], "AIOKafkaConsumer | None"]


def record(*headers: tuple[str, bytes | None], value: bytes = b"{}") -> FetchedRecord:
    untyped: Any = headers  # the client's annotation knows no null
    return ConsumerRecord("t", 0, 0, 0, 0, b"k", value, None, 1, len(value), untyped)


class Listener(ConsumerRebalanceListener):
    """Does nothing, as FastStream's own would."""

    def on_partitions_revoked(self, revoked: Any) -> None: ...

    def on_partitions_assigned(self, assigned: Any) -> None: ...


@asynccontextmanager
async def subscribed(kafka: str, topic: str, handler: Handler) -> AsyncIterator[Consumer]:
    """Our application on one topic, with a handler of the test's; its consumer."""
    app = application(kafka, "contract", {})
    broker: Any = app.broker
    errors: list[BaseException] = []
    listener = cast("Assignment", Listener())
    subscriber, _ = consume(
        broker, [topic], f"{topic}.group", FETCHING, listener, on_fatal=errors.append
    )
    handle_with(subscriber, handler)
    await app.start()
    try:
        yield lambda: subscriber.consumer
    finally:
        await app.stop()
    assert not errors, "fetching went wrong"


@pytest.mark.parametrize("value", [None, b"\xff"], ids=["null", "not utf-8"])
async def test_the_default_parser_raises_on_a_header_that_is_no_text(value: bytes | None) -> None:
    parser = AioKafkaBatchParser(msg_class=KafkaAckableMessage, regex=None)
    with pytest.raises((AttributeError, UnicodeDecodeError)):
        await parser.parse_batch((record(), record(("h", value))))


async def test_the_default_parser_lets_a_sender_choose_a_topic_to_reply_to() -> None:
    parser = AioKafkaBatchParser(msg_class=KafkaAckableMessage, regex=None)
    assert (await parser.parse_batch((record(("reply_to", b"anywhere")),))).reply_to == "anywhere"


async def test_the_default_decoder_fails_a_whole_batch_over_one_record() -> None:
    parser = AioKafkaBatchParser(msg_class=KafkaAckableMessage, regex=None)
    typed = ("content-type", b"application/json")
    message = await parser.parse_batch((record(typed), record(typed, value=b"{")))
    with pytest.raises(json.JSONDecodeError):
        await parser.decode_batch(message)


def test_by_default_it_reads_from_the_end_of_a_topic() -> None:
    assert (
        inspect.signature(KafkaBroker.subscriber).parameters["auto_offset_reset"].default
        == "latest"
    )


def test_manual_is_a_policy_of_its_own() -> None:
    assert AckPolicy.MANUAL not in {AckPolicy.ACK, AckPolicy.ACK_FIRST, AckPolicy.NACK_ON_ERROR}


@pytest.mark.services
async def test_our_subscriber_hands_over_records_whatever_their_headers_say(
    services: Services, admin: KafkaAdmin, topic: str, producer: AIOKafkaProducer
) -> None:
    elsewhere = f"{topic}.stolen"
    await admin.topics.create([TopicSpec(elsewhere, 1, {})])
    headers: list[Any] = [
        [("null", None)],
        [("binary", b"\xff\x00")],
        [("reply_to", elsewhere.encode()), ("correlation_id", b"\xff")],
        [("content-type", b"application/json")],
        [],
    ]
    for number, each in enumerate(headers):
        await producer.send_and_wait(topic, b"{%d" % number, b"k", headers=each, partition=0)
    seen: list[FetchedRecord] = []
    complete = asyncio.Event()

    async def handle(records: Sequence[FetchedRecord]) -> None:
        seen.extend(records)
        if len(seen) == len(headers):
            complete.set()

    async with subscribed(services.kafka, topic, handle), asyncio.timeout(PATIENCE_S):
        await complete.wait()
    assert [one.value for one in seen] == [b"{%d" % number for number in range(len(headers))]
    assert [list(one.headers) for one in seen] == headers
    assert (await admin.backlog("nobody", [elsewhere])).total == 0


@pytest.mark.services
async def test_after_a_handler_that_raised_the_position_stays_past_the_batch_and_nothing_is_committed(
    services: Services, topic: str, producer: AIOKafkaProducer, admin: KafkaAdmin
) -> None:
    """So nothing may leave the handler: the next commit without offsets would commit over the batch."""
    place = TopicPartition(topic, 0)
    raised, went_on = asyncio.Event(), asyncio.Event()

    async def handle(records: Sequence[FetchedRecord]) -> None:
        if raised.is_set():
            went_on.set()
            return
        raised.set()
        raise ValueError("a defect")

    await producer.send_and_wait(topic, b"0", partition=0)
    async with (
        subscribed(services.kafka, topic, handle) as consumer_now,
        asyncio.timeout(PATIENCE_S),
    ):
        await raised.wait()
        await producer.send_and_wait(topic, b"1", partition=0)
        await went_on.wait()
        consumer = consumer_now()
        assert consumer is not None
        assert await consumer.position(place) == 2
        assert await admin.groups.committed(f"{topic}.group", [place]) == {}
        await consumer.commit()
        assert (await admin.groups.committed(f"{topic}.group", [place]))[place].offset == 2
