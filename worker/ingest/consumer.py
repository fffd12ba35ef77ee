"""The FastStream application: one batch subscriber on the observation topics.

FastStream is set up to decode nothing and to acknowledge nothing. Its own parser would raise on a header that
is null or not valid UTF-8, and lose the whole batch; its acknowledgement would commit over a batch that was
never processed. The handler gets the records as they are and commits explicit offsets itself.

A partition whose records cannot be read is stopped alone. After any other error of a fetch, reading must not
continue: records that the client had already taken from other partitions are lost by then, although its
positions have moved. Such an error ends the process.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from itertools import chain
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import ConsumerStoppedError
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber
from faststream.message import StreamMessage

from worker.ingest.partitions.assignment import Assignment
from worker.kafka.client.introductions import UNKNOWN, Introduction, introducing
from worker.kafka.client.polls import poll_isolated
from worker.kafka.client.static_members import say_member_names
from worker.kafka.record import size_of

FetchedRecord = ConsumerRecord[bytes, bytes]
Handler = Callable[[Sequence[FetchedRecord]], Awaitable[None]]
# At most so many records, waiting at most so many milliseconds where there are none.
Fetch = Callable[[AIOKafkaConsumer, int, int], Coroutine[None, None, tuple[FetchedRecord, ...]]]


class Fetching(NamedTuple):
    """How much is fetched at once, how long the group waits for a member, and what that says of itself."""

    max_records: int
    max_partition_bytes: int
    max_bytes: int
    wait_ms: int
    session_timeout_ms: int
    rebalance_timeout_ms: int
    member_name: str | None
    introduction: Introduction = UNKNOWN


# The group never removes a member for being slow: it may hold a batch while the database is unavailable.
# The process itself watches whether it makes progress.
_NEVER_MS = 24 * 60 * 60 * 1000
_BEYOND_ALL = 2**63  # no offset of Kafka is


class FetchAhead:
    """Fetches for FastStream, which asks once a batch is done.

    It then gets what was fetched before, and, if that is little, what has come since. Otherwise a record that
    comes just after a fetch would wait for two batches.
    """

    def __init__(self, fetch: Fetch, fetching: Fetching) -> None:
        self._fetch = fetch
        self._fetching = fetching
        self._consumer: AIOKafkaConsumer | None = None
        self._under_way: asyncio.Task[tuple[FetchedRecord, ...]] | None = None

    def begin(self) -> asyncio.Task[tuple[FetchedRecord, ...]]:
        """Fetch now, from where the last batch came from, if that is not being done yet."""
        consumer = self._consumer_of_last()
        if self._under_way is None:
            fetch = self._fetch(consumer, self._fetching.max_records, self._fetching.wait_ms)
            self._under_way = asyncio.create_task(fetch)
            self._under_way.add_done_callback(_looked_at)
        return self._under_way

    def fill(self) -> asyncio.Task[tuple[FetchedRecord, ...]]:
        """Add what has come since to a fetch that has ended a while ago, unless that is much already."""
        self._under_way = asyncio.create_task(self._filled(self.begin()))
        self._under_way.add_done_callback(_looked_at)
        return self._under_way

    async def _filled(
        self, fetch: asyncio.Task[tuple[FetchedRecord, ...]]
    ) -> tuple[FetchedRecord, ...]:
        records = await fetch
        room = self._fetching.max_records - len(records)
        if room <= 0 or 2 * size_of(records) >= self._fetching.max_bytes:
            return records
        more = await self._fetch(self._consumer_of_last(), room, 0)
        begins = {(record.topic, record.partition): record.offset for record in reversed(more)}
        # If the consumer was set back meanwhile, records come again: no record may be in a batch twice.
        kept = [
            record
            for record in records
            if record.offset < begins.get((record.topic, record.partition), _BEYOND_ALL)
        ]
        return (*kept, *more)

    def _consumer_of_last(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("nothing was fetched yet")
        return self._consumer

    def take(self) -> None:
        """Leave the records of the fetch to the caller; the next fetch goes on after them."""
        self._under_way = None

    async def next(self, consumer: AIOKafkaConsumer) -> tuple[FetchedRecord, ...]:
        self._consumer = consumer
        is_ahead = self._under_way is not None
        try:
            return await (self.fill() if is_ahead else self.begin())
        finally:
            self._under_way = None


def _looked_at(fetching: asyncio.Task[tuple[FetchedRecord, ...]]) -> None:
    """Take note of the error of a fetch that nobody waits for any more, after the consumer was stopped."""
    if not fetching.cancelled():
        fetching.exception()


def consume(
    broker: KafkaBroker,
    topics: Sequence[str],
    group: str,
    fetching: Fetching,
    assignment: Assignment,
    *,
    on_fatal: Callable[[BaseException], None],
) -> tuple[BatchSubscriber, FetchAhead]:
    """Declare the subscriber, and what fetches for it; attach a handler with ``handle_with``.

    ``on_fatal`` gets an error of a fetch; nothing is fetched after it.
    """
    say_member_names()
    subscriber = broker.subscriber(
        *topics,
        group_id=group,
        group_instance_id=fetching.member_name,
        partition_assignment_strategy=(introducing(fetching.introduction),),
        batch=True,
        max_records=fetching.max_records,
        fetch_max_wait_ms=fetching.wait_ms,
        fetch_max_bytes=fetching.max_bytes,
        max_partition_fetch_bytes=fetching.max_partition_bytes,
        auto_offset_reset="earliest",
        isolation_level="read_committed",  # what a sender took back was not observed
        ack_policy=AckPolicy.MANUAL,
        no_reply=True,
        max_poll_interval_ms=_NEVER_MS,
        session_timeout_ms=fetching.session_timeout_ms,
        heartbeat_interval_ms=fetching.session_timeout_ms // 6,
        rebalance_timeout_ms=fetching.rebalance_timeout_ms,
        listener=assignment,
        parser=_parse,
        decoder=_decode,
    )
    fetching_ahead = FetchAhead(_fetch_or_end(_polling(assignment), on_fatal), fetching)
    fetch: Any = fetching_ahead.next
    subscriber.get_msg = fetch  # type: ignore[method-assign]  # FastStream has no place for it
    return subscriber, fetching_ahead


def _polling(assignment: Assignment) -> Fetch:
    """Polls in place of FastStream's own, which sleeps as long again after a poll without records."""

    async def poll(
        consumer: AIOKafkaConsumer, max_records: int, wait_ms: int
    ) -> tuple[FetchedRecord, ...]:
        polled = await poll_isolated(consumer, timeout_ms=wait_ms, max_records=max_records)
        for place, failure in polled.failures.items():
            assignment.stop_unreadable(place, failure)
        return tuple(chain(*polled.records.values()))

    return poll


def _fetch_or_end(fetch: Fetch, on_fatal: Callable[[BaseException], None]) -> Fetch:
    async def guarded(
        consumer: AIOKafkaConsumer, max_records: int, wait_ms: int
    ) -> tuple[FetchedRecord, ...]:
        try:
            return await fetch(consumer, max_records, wait_ms)
        except ConsumerStoppedError:
            raise
        except Exception as error:  # FastStream would restart with records lost, for ever
            on_fatal(error)
            await asyncio.Event().wait()
            raise

    return guarded


def handle_with(subscriber: BatchSubscriber, handler: Handler) -> None:
    async def handle(records: Any) -> None:
        try:
            await handler(records)
        finally:
            records.clear()  # FastStream's message is in a cycle: the collector would come far too late

    subscriber(handle)


def application(bootstrap_servers: str, client_id: str, connection: dict[str, Any]) -> FastStream:
    """A FastStream application with a broker of its own, whose access log (two lines a batch) is silent."""
    broker = KafkaBroker(
        bootstrap_servers,
        client_id=client_id,
        allow_auto_create_topics=False,
        apply_types=False,
        logger=None,
        log_level=logging.WARNING,
        graceful_timeout=None,  # the assignment drains, within a bound of its own
        **connection,
    )
    return FastStream(broker, logger=None)


async def _parse(records: tuple[FetchedRecord, ...]) -> StreamMessage[Any]:
    return KafkaAckableMessage(
        raw_message=list(records),  # one that can be emptied
        body=b"",
        headers={},
        reply_to="",  # a sender may not choose what this process publishes, or where
        content_type=None,
        message_id="",
        correlation_id="",
        consumer=_NoConsumer(),
    )


async def _decode(message: StreamMessage[Any]) -> Any:
    return message.raw_message


class _NoConsumer:
    """Replaces FastStream's acknowledgement: nothing is acknowledged through it."""

    async def commit(self) -> None:
        raise NotImplementedError("offsets are committed explicitly")

    def seek(self, partition: Any, offset: int) -> None:
        raise NotImplementedError("positions are set explicitly")
