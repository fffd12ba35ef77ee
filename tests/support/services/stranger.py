"""Another consumer in a worker's group, as on an operator's console: it reads, commits, and leaves."""

from __future__ import annotations

import asyncio

from confluent_kafka import Consumer, KafkaException

_PATIENCE_S = 60.0


async def read_as_another(servers: str, group: str, topic: str, records: int) -> None:
    """Read so many records from where the group stands, and leave; the positions are committed then."""
    async with asyncio.timeout(2 * _PATIENCE_S):
        await asyncio.to_thread(_read, servers, group, topic, records)


def _read(servers: str, group: str, topic: str, records: int) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": True,
            "session.timeout.ms": 6000,
        }
    )
    try:
        consumer.subscribe([topic])
        for _ in range(records):
            message = consumer.poll(_PATIENCE_S)
            assert message is not None, f"no record of {topic} came"
            if (error := message.error()) is not None:
                raise KafkaException(error)
    finally:
        consumer.close()
