"""An example: print each newer state of an event as it is resolved, one JSON document a line."""

import argparse
import asyncio
from collections.abc import AsyncIterator

from aiokafka import AIOKafkaConsumer

from . import Latest, ResolvedEvent


async def follow(
    bootstrap_servers: str, topic: str, latest: Latest | None = None
) -> AsyncIterator[ResolvedEvent]:
    """Yield every newer state from the topic's start on, without end. Without a group each reader sees all.

    Parts of a snapshot are joined into one state. An event that has ended comes once more, as it was sent.
    """
    if latest is None:
        latest = Latest()
    async with AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap_servers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    ) as consumer:
        async for record in consumer:
            if record.value is None:  # a tombstone of odds.latest
                latest.take_tombstone(record.key, record.headers)
                continue
            event = ResolvedEvent.model_validate_json(record.value)
            if latest.take(event):
                yield latest.get(event.platform, event.event.id) or event


async def show(bootstrap_servers: str, topic: str) -> None:
    async for event in follow(bootstrap_servers, topic):
        print(event.model_dump_json(), flush=True)  # noqa: T201  # the example's output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", required=True, metavar="HOST:PORT")
    parser.add_argument("--topic", default="odds.resolved")
    options = parser.parse_args()
    try:
        asyncio.run(show(options.bootstrap_servers, options.topic))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
