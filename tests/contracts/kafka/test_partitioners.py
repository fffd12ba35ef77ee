"""Which partition a key leads to: what readers join by, and what a scraper's client may do differently."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2
from confluent_kafka import Producer

from worker.kafka.bounded_reader import read_topic
from worker.kafka.cluster.admin import KafkaAdmin
from worker.kafka.cluster.topics import TopicSpec
from worker.kafka.producer import PRODUCER, Outputs
from worker.kafka.record import Outgoing
from worker.settings.connected import KafkaSettings

if TYPE_CHECKING:
    from tests.conftest import Services

PARTITIONS: Final = 12
KEYS: Final = [f"{number}".encode() for number in range(68995100, 68995160)]
# From the tests of Kafka's Java client, as signed integers of 32 bits.
OF_JAVA: Final = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize("key", OF_JAVA)
def test_the_worker_s_client_hashes_as_java_does(key: bytes) -> None:
    assert murmur2(key) == OF_JAVA[key] % 2**32


def of_java(key: bytes) -> int:
    return int((murmur2(key) & 0x7FFFFFFF) % PARTITIONS)


@pytest.fixture
async def wide_topic(admin: KafkaAdmin, topic_prefix: str) -> str:
    name = f"{topic_prefix}wide"
    await admin.topics.create([TopicSpec(name, PARTITIONS, {})])
    return name


@pytest.mark.services
async def test_the_worker_s_client_partitions_as_java_does(
    producer: AIOKafkaProducer, wide_topic: str
) -> None:
    sent = [await producer.send_and_wait(wide_topic, b"{}", key) for key in KEYS]
    assert [where.partition for where in sent] == list(map(of_java, KEYS))


@pytest.mark.services
async def test_what_the_worker_publishes_arrives_where_java_puts_it_and_in_order(
    services: Services, wide_topic: str
) -> None:
    outputs = Outputs({"bootstrap_servers": services.kafka}, timeout_s=60)
    await outputs.start()
    large = b"x" * 2 * PRODUCER["max_batch_size"]  # it is a batch of its own
    values = [b"first", large, b"third", large, b"last"]
    try:
        await outputs.send(
            [Outgoing(wide_topic, key, value, []) for value in values for key in KEYS[:3]]
        )
    finally:
        await outputs.stop()
    settings = KafkaSettings(kafka_bootstrap_servers=services.kafka)
    records = await read_topic(settings, wide_topic)
    for key in KEYS[:3]:
        of_key = [record for record in records if record.key == key]
        assert {record.partition for record in of_key} == {of_java(key)}
        assert [record.value for record in of_key] == values


def by_librdkafka(services: Services, topic: str, partitioner: str) -> list[int | None]:
    partitions: dict[bytes | None, int | None] = {}
    producer = Producer({"bootstrap.servers": services.kafka, "partitioner": partitioner})
    for key in KEYS:
        producer.produce(
            topic,
            b"{}",
            key,
            on_delivery=lambda error, message: partitions.update(
                {message.key(): -1 if error else message.partition()}
            ),
        )
    assert producer.flush(60) == 0
    return [partitions[key] for key in KEYS]


@pytest.mark.services
async def test_librdkafka_agrees_only_with_its_murmur2_partitioner(
    services: Services, wide_topic: str
) -> None:
    expected = list(map(of_java, KEYS))
    assert by_librdkafka(services, wide_topic, "murmur2_random") == expected
    assert by_librdkafka(services, wide_topic, "consistent_random") != expected
