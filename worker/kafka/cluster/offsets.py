"""Where the logs of partitions begin and end, and which offset belongs to a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import confluent_kafka
from aiokafka import TopicPartition
from confluent_kafka import IsolationLevel, KafkaException
from confluent_kafka.admin import ListOffsetsResultInfo, OffsetSpec

from worker.domain.errors import TransientError
from worker.kafka.cluster.librdkafka import Librdkafka, in_words, is_refusal, is_silence
from worker.kafka.listed_offsets import ListedOffsets, in_sentence

_NO_SUCH_OFFSET: Final = -1
_NO_RECORD: Final = -1

_NO_ANSWER: Final = "no answer in time"
# The client ends a call itself, with an answer for each partition; so much later, it does not.
_GRACE_S: Final = 1.0

# Of each partition the answer, or in words why there is none.
Answers = dict[TopicPartition, ListOffsetsResultInfo | str]


class LogOffsets:
    """Every call may raise TransientError, and FatalError when the cluster refuses us."""

    def __init__(self, client: Librdkafka, *, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s

    async def log_starts(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset of the oldest record that is still in each log."""
        return (await self.each_log_start(partitions)).of_all()

    async def log_ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The last stable offset: the one after the last record that a reader of committed records sees."""
        return (await self.each_log_end(partitions)).of_all()

    async def high_watermarks(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """The offset after the last record, committed or in an open transaction."""
        return (await self.each_high_watermark(partitions)).of_all()

    async def each_log_start(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        """As ``log_starts``, of the partitions that somebody answers for."""
        return _bounds(await self._list_offsets(partitions, OffsetSpec.earliest()))

    async def each_log_end(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        """As ``log_ends``, of the partitions that somebody answers for."""
        return _bounds(await self._list_offsets(partitions, OffsetSpec.latest()))

    async def each_high_watermark(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        """As ``high_watermarks``, of the partitions that somebody answers for."""
        level = IsolationLevel.READ_UNCOMMITTED
        return _bounds(await self._list_offsets(partitions, OffsetSpec.latest(), level))

    async def at_time(
        self, partitions: Iterable[TopicPartition], timestamp_ms: int
    ) -> dict[TopicPartition, int]:
        """The first offset whose record is of that time or later; a partition without one is left out."""
        found = _all(await self._list_offsets(partitions, OffsetSpec.for_timestamp(timestamp_ms)))
        return {
            place: each.offset for place, each in found.items() if each.offset > _NO_SUCH_OFFSET
        }

    async def newest_times(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The latest timestamp of any record, in ms; empty partitions are left out."""
        found = _all(await self._list_offsets(partitions, OffsetSpec.max_timestamp()))
        return {
            place: each.timestamp for place, each in found.items() if each.timestamp > _NO_RECORD
        }

    async def _list_offsets(
        self,
        partitions: Iterable[TopicPartition],
        spec: OffsetSpec,
        level: IsolationLevel = IsolationLevel.READ_COMMITTED,
    ) -> Answers:
        return await self._client.call(self._list_offsets_now, sorted(partitions), spec, level)

    def _list_offsets_now(
        self, places: list[TopicPartition], spec: OffsetSpec, level: IsolationLevel
    ) -> Answers:
        if not places:
            return {}
        futures = self._client.admin.list_offsets(
            {confluent_kafka.TopicPartition(*place): spec for place in places},
            isolation_level=level,
            request_timeout=self._timeout_s,
        )
        return answers_of(futures, self._timeout_s + _GRACE_S)


def answers_of(futures: Mapping[confluent_kafka.TopicPartition, Any], timeout_s: float) -> Answers:
    """The broker's answer for each partition, or in words why there is none.

    Raises KafkaException when nobody answers at all, or we are refused; TimeoutError.
    """
    found: Answers = {}
    failures: list[KafkaException] = []
    for place, future in futures.items():
        at = TopicPartition(place.topic, place.partition)
        try:
            answer = future.result(timeout_s)
        except KafkaException as error:
            if is_refusal(error):
                raise
            failures.append(error)
            found[at] = in_words(error)
        else:
            # Of a broker that has not answered in time, while others have, there is no error.
            is_missing = answer.offset == confluent_kafka.OFFSET_INVALID
            found[at] = _NO_ANSWER if is_missing else answer
    if len(failures) == len(futures) and all(map(is_silence, failures)):
        raise failures[0]
    return found


def _bounds(found: Answers) -> ListedOffsets:
    offsets: dict[TopicPartition, int] = {}
    silent: dict[TopicPartition, str] = {}
    for place, answer in found.items():
        if isinstance(answer, str):
            silent[place] = answer
        elif answer.offset < 0:
            silent[place] = _NO_ANSWER  # no log begins or ends there
        else:
            offsets[place] = answer.offset
    return ListedOffsets(offsets, silent)


def _all(found: Answers) -> dict[TopicPartition, ListOffsetsResultInfo]:
    """Raises TransientError if any partition has no answer."""
    answers = {place: each for place, each in found.items() if not isinstance(each, str)}
    silent = {place: each for place, each in found.items() if isinstance(each, str)}
    if silent:
        raise TransientError(f"Kafka does not answer: {in_sentence(silent)}")
    return answers
