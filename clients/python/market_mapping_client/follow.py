"""Print each newer state of an event as it is resolved, one JSON document a line."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable

from . import Latest, ResolvedEvent
from .access import KafkaAccess, access_of
from .compacted_state import KafkaRecord
from .connecting import consumer, translated
from .running import run
from .unreadable import UnreadableRecord, log_unreadable, unreadable


async def follow(
    topic: str = "odds.resolved",
    brokers: KafkaAccess | str | None = None,
    *,
    latest: Latest | None = None,
    on_unreadable: Callable[[UnreadableRecord], None] = log_unreadable,
) -> AsyncIterator[ResolvedEvent]:
    """Yield every newer state from the topic's start on, without end. Without a group each reader sees all.

    Parts of a snapshot are joined into one state. An event that has ended comes once more, as it was sent.
    ``topic`` is the usual name, `odds.resolved` or `odds.latest`. ``brokers``: addresses, or all of the
    access; by default the environment says both. A record that is no resolved event is skipped, and passed to
    ``on_unreadable``, which by default logs a warning. Raises ClientError.
    """
    access = access_of(brokers)
    held = Latest() if latest is None else latest
    async with consumer(access, access.topic(topic)) as client:
        while True:
            with translated(access):
                record = await client.getone()
            event = newer(held, record, on_unreadable)
            if event is not None:
                yield event


def newer(
    latest: Latest,
    record: KafkaRecord,
    on_unreadable: Callable[[UnreadableRecord], None] = log_unreadable,
) -> ResolvedEvent | None:
    """Let ``latest`` take a record; return the new state of its event if there is one."""
    if record.value is None:  # a tombstone of odds.latest
        latest.take_tombstone(record.key, record.headers)
        return None
    try:
        event = ResolvedEvent.model_validate_json(record.value)
    except ValueError as error:  # pydantic's ValidationError is one
        on_unreadable(unreadable(record, error))
        return None
    if not latest.take(event):
        return None
    return latest.get(event.platform, event.event.id) or event


async def show(topic: str, brokers: str | None, seconds: float | None) -> None:
    """Print the states, a document a line; ``seconds`` ends it, None never does."""
    end = asyncio.timeout(seconds)
    try:
        async with end:
            async for event in follow(topic, brokers):
                print(event.model_dump_json(), flush=True)  # noqa: T201  # what the command is for
    except TimeoutError:
        if not end.expired():
            raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", metavar="HOST:PORT")
    parser.add_argument("--topic", default="odds.resolved")
    parser.add_argument(
        "--seconds",
        type=float,
        metavar="NUMBER",
        help="stop after this time; by default it never ends",
    )
    options = parser.parse_args()
    run(show(options.topic, options.bootstrap_servers, options.seconds))


if __name__ == "__main__":
    main()
