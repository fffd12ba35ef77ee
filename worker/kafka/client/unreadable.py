"""Polls of a reader that stops a partition whose next records cannot be read, and reads all others on.

Such a partition is paused where it stands: nothing of it is skipped, so nothing behind it is committed. It is
tried again now and then, for retention may have deleted the records by then, and another broker may have
sound ones. Until it stands somewhere else, it counts as stopped.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError

from worker.kafka.client.polls import AnyRecord, UnreadableRecordsError, poll_isolated
from worker.kafka.client.positions import fetch_positions

log = structlog.get_logger()

_AGAIN_S: Final = 60.0


class _Stop(NamedTuple):
    failure: UnreadableRecordsError
    at_s: float


class UnreadablePartitions:
    """The partitions of one consumer that are stopped because their next records cannot be read."""

    def __init__(self, *, again_s: float = _AGAIN_S) -> None:
        self._again_s = again_s
        self._stops: dict[TopicPartition, _Stop] = {}

    @property
    def places(self) -> list[TopicPartition]:
        return sorted(self._stops)

    def sentences(self) -> list[str]:
        """Say of each which it is, and why it is stopped."""
        return [_sentence(place, self._stops[place].failure) for place in self.places]

    async def poll(
        self, consumer: AIOKafkaConsumer, *, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[AnyRecord]]:
        """Return the next records of all partitions that can be read."""
        self._try_again(consumer)
        polled = await poll_isolated(consumer, timeout_ms=timeout_ms, max_records=max_records)
        self._forget(consumer)
        for place, failure in polled.failures.items():
            self._stop(place, failure)
        return polled.records

    def _try_again(self, consumer: AIOKafkaConsumer) -> None:
        now_s = time.monotonic()
        for place, stop in self._stops.items():
            if now_s - stop.at_s >= self._again_s:
                self._stops[place] = stop._replace(at_s=now_s)
                with suppress(IllegalStateError):  # assigned to another process by now
                    consumer.resume(place)

    def _forget(self, consumer: AIOKafkaConsumer) -> None:
        """Forget what was revoked, and what stands somewhere else by now."""
        assigned = consumer.assignment()
        positions = fetch_positions(consumer, self._stops)
        for place, stop in list(self._stops.items()):
            at = stop.failure.offset
            if place not in assigned or positions.get(place, at) != at:
                del self._stops[place]

    def _stop(self, place: TopicPartition, failure: UnreadableRecordsError) -> None:
        if place not in self._stops:
            log.error(
                "partition_stopped",
                topic=place.topic,
                partition=place.partition,
                cause="UNREADABLE",
                position=failure.offset,
                error=_sentence(place, failure),
            )
        self._stops[place] = _Stop(failure, time.monotonic())


def _sentence(place: TopicPartition, failure: UnreadableRecordsError) -> str:
    return f"{place.topic}/{place.partition} is stopped: {failure}"
