"""Print each newer state of an event as it is resolved, one JSON document a line."""

import argparse
import asyncio
import logging
import sys
from collections.abc import AsyncIterator

from . import Latest, ResolvedEvent
from .access import KafkaAccess, access_of
from .compacted_state import KafkaRecord
from .connecting import consumer, translated
from .errors import ClientError


async def follow(
    topic: str = "odds.resolved",
    brokers: KafkaAccess | str | None = None,
    *,
    latest: Latest | None = None,
) -> AsyncIterator[ResolvedEvent]:
    """Yield every newer state from the topic's start on, without end. Without a group each reader sees all.

    Parts of a snapshot are joined into one state. An event that has ended comes once more, as it was sent.
    ``topic`` is the usual name, `odds.resolved` or `odds.latest`. ``brokers``: addresses, or all of the
    access; by default the environment says both. Raises ClientError.
    """
    access = access_of(brokers)
    held = Latest() if latest is None else latest
    async with consumer(access, access.topic(topic)) as client:
        while True:
            with translated(access):
                record = await client.getone()
            event = newer(held, record)
            if event is not None:
                yield event


def newer(latest: Latest, record: KafkaRecord) -> ResolvedEvent | None:
    """Let ``latest`` take a record; return the new state of its event if there is one."""
    if record.value is None:  # a tombstone of odds.latest
        latest.take_tombstone(record.key, record.headers)
        return None
    event = ResolvedEvent.model_validate_json(record.value)
    if not latest.take(event):
        return None
    return latest.get(event.platform, event.event.id) or event


async def show(topic: str, brokers: str | None) -> None:
    async for event in follow(topic, brokers):
        print(event.model_dump_json(), flush=True)  # noqa: T201  # what the command is for


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", metavar="HOST:PORT")
    parser.add_argument("--topic", default="odds.resolved")
    options = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it says is said in one sentence
    try:
        asyncio.run(show(options.topic, options.bootstrap_servers))
    except ClientError as error:
        sys.exit(f"follow: {error}")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
