"""Defaults of the libraries that are wrong for us and are therefore set. A change shall be noticed."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import anyio
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import codec as aiokafka_codec
from faststream import AckPolicy
from faststream._internal.endpoint.subscriber.utils import MultiLock
from faststream.kafka import KafkaBroker
from faststream.kafka.subscriber.usecase import BatchSubscriber

from worker.ingest.consumer import Fetching, application, consume
from worker.ingest.partitions.assignment import Assignment

FETCHING = Fetching(
    max_records=100,
    max_partition_bytes=1 << 20,
    max_bytes=1 << 22,
    wait_ms=20,
    session_timeout_ms=6000,
    rebalance_timeout_ms=30_000,
    member_name=None,
)


def default_of(call: Any, name: str) -> Any:
    return inspect.signature(call).parameters[name].default


def ours() -> BatchSubscriber:
    broker: Any = application("127.0.0.1:1", "contract", {}).broker

    def fail(error: BaseException) -> NoReturn:
        raise error

    subscriber, _ = consume(broker, ["t"], "g", FETCHING, cast("Assignment", None), on_fatal=fail)
    return subscriber


def test_faststream_acknowledges_before_a_record_is_processed_and_ours_never_does() -> None:
    theirs: Any = KafkaBroker().subscriber("t", group_id="g", batch=True)
    assert theirs.ack_policy is AckPolicy.ACK_FIRST
    assert theirs._connection_args["enable_auto_commit"] is True
    assert ours().ack_policy is AckPolicy.MANUAL
    assert ours()._connection_args["enable_auto_commit"] is False


def test_what_our_consumer_is_given_is_what_the_delivery_rests_on() -> None:
    given = ours()._connection_args
    assert given["auto_offset_reset"] == "earliest"
    assert given["isolation_level"] == "read_committed"
    assert (
        given["rebalance_timeout_ms"] == FETCHING.rebalance_timeout_ms > given["session_timeout_ms"]
    )
    assert given["heartbeat_interval_ms"] * 3 <= given["session_timeout_ms"]
    assert given["max_poll_interval_ms"] >= 24 * 60 * 60 * 1000


def test_by_default_what_an_aborted_transaction_wrote_is_read() -> None:
    assert default_of(AIOKafkaConsumer.__init__, "isolation_level") == "read_uncommitted"


@pytest.mark.parametrize(
    ("told", "waits"), [({}, 7000), ({"rebalance_timeout_ms": 90_000}, 90_000)]
)
async def test_a_rebalance_waits_only_for_the_session_timeout_unless_it_is_told_otherwise(
    told: dict[str, int], waits: int
) -> None:
    consumer = AIOKafkaConsumer("t", session_timeout_ms=7000, **told)
    assert consumer._rebalance_timeout_ms == waits
    await consumer.stop()


async def test_a_producer_waits_for_one_replica_and_may_write_twice_unless_it_is_told_otherwise() -> (
    None
):
    assert default_of(AIOKafkaProducer.__init__, "enable_idempotence") is False
    assert default_of(AIOKafkaProducer.__init__, "request_timeout_ms") == 40_000
    producer = AIOKafkaProducer()
    assert producer._sender._acks == 1
    await producer.stop()


def test_to_reject_on_error_is_to_acknowledge() -> None:
    with pytest.warns(UserWarning, match="same effect as AckPolicy.ACK"):
        KafkaBroker().subscriber(
            "t", group_id="g", batch=True, ack_policy=AckPolicy.REJECT_ON_ERROR
        )


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_a_packed_batch_is_unpacked_whole_however_large_it_becomes(codec: str) -> None:
    """There is no limit to give: what a sender may pack is bounded by the topic's largest message alone."""
    large = b" " * (32 * 1024 * 1024)
    packed = getattr(aiokafka_codec, f"{codec}_encode")(large)
    assert len(packed) < len(large) / 15
    unpack = getattr(aiokafka_codec, f"{codec}_decode")
    assert len(unpack(packed)) == len(large)
    assert len(inspect.signature(unpack).parameters) == 1


async def test_an_empty_poll_of_theirs_waits_a_second_time() -> None:
    """So ours is another one."""

    class Empty:
        _fetcher = SimpleNamespace(failures={})

        async def getmany(self, **_: Any) -> dict[Any, Any]:
            return {}

    subscriber, slept = ours(), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    theirs: Any = BatchSubscriber.get_msg
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anyio, "sleep", sleep)
        assert await theirs(subscriber, Empty()) == ()
        assert len(slept) == 1
        our_own: Any = subscriber.get_msg
        assert await our_own(Empty()) == ()
    assert len(slept) == 1


async def test_without_a_graceful_timeout_a_stop_does_not_wait_for_the_handler() -> None:
    """So the assignment drains before it, within a bound of its own."""
    lock = MultiLock()
    with lock:
        await lock.wait_release(None)
    application_broker: Any = application("127.0.0.1:1", "contract", {}).broker
    assert application_broker.config.graceful_timeout is None
