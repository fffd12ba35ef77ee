"""The byte passthrough once more, by librdkafka: what a client in C takes for the same bytes."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from worker.kafka.producer import PRODUCER
from worker.kafka.topic_specs import largest_output
from worker.lab.bench.peers.kafka import say
from worker.settings.connected import KafkaSettings, load_connected


def pass_through(settings: KafkaSettings) -> None:
    """Until the process is ended."""
    output = settings.topics.resolved
    consumer, producer = Consumer(_consuming(settings)), Producer(_producing(settings))
    consumer.subscribe(list(settings.topics.observations.values()), on_assign=_begin)
    while True:
        records = consumer.consume(settings.batch_max_records, timeout=settings.fetch_wait_s)
        for record in records:
            _produce(producer, output, record)
        if records:
            producer.flush()
            consumer.commit(asynchronous=False)


def _produce(producer: Producer, output: str, record: Message) -> None:
    while True:
        try:
            producer.produce(output, record.value(), record.key())
        except BufferError:  # its queue is full
            producer.poll(1)
        else:
            return


def _begin(_: Consumer, places: list[TopicPartition]) -> None:
    if places:
        say("begun")


def _consuming(settings: KafkaSettings) -> dict[str, Any]:
    return {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "group.id": settings.group_id,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "fetch.max.bytes": settings.batch_max_bytes,
        "max.partition.fetch.bytes": settings.max_message_bytes,
        "fetch.wait.max.ms": round(settings.fetch_wait_s * 1000),
        "session.timeout.ms": round(settings.session_timeout_s * 1000),
    }


def _producing(settings: KafkaSettings) -> dict[str, Any]:
    return {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "acks": PRODUCER["acks"],
        "enable.idempotence": PRODUCER["enable_idempotence"],
        "linger.ms": PRODUCER["linger_ms"],
        "batch.size": PRODUCER["max_batch_size"],
        "message.max.bytes": largest_output(settings),
    }


if __name__ == "__main__":
    pass_through(load_connected())
