"""Every record as it came: fetch many, publish, await, commit. `json`: read and written by orjson between."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import orjson

from worker.lab.bench.peers.kafka import consumer_of, producer_of
from worker.settings.connected import KafkaSettings, load_connected


def unchanged(value: bytes) -> bytes:
    return value


def read_and_written(value: bytes) -> bytes:
    return orjson.dumps(orjson.loads(value))


async def pass_through(settings: KafkaSettings, change: Callable[[bytes], bytes]) -> None:
    """Until the process is ended."""
    output = settings.topics.resolved
    async with producer_of(settings) as producer, consumer_of(settings) as consumer:
        while True:
            fetched = await consumer.getmany(
                timeout_ms=round(settings.fetch_wait_s * 1000),
                max_records=settings.batch_max_records,
            )
            acks = [
                await producer.send(output, change(record.value), record.key)
                for records in fetched.values()
                for record in records
            ]
            if acks:
                await asyncio.gather(*acks)
                await consumer.commit()


if __name__ == "__main__":
    change = {"bytes": unchanged, "json": read_and_written}[sys.argv[1]]
    asyncio.run(pass_through(load_connected(), change))
