"""Keeps the compacted topic of grades as the table of evidence is.

Theory of operation. What is published follows from the table alone, so nothing has to remember it: a new
leader first takes over the producer's name, which fences off an earlier leader, and then reads the topic.
From then on it knows what the topic says, and publishes each grade that differs from the table, and a
tombstone for each that the table does not have. A process that is killed anywhere leaves a topic that lacks
some of this, and the next one publishes what is missing.

A grade is published when it changes, or when it is that of another version of its mapping. It comes from
evidence of which the newest may be seconds old: it decides nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas import ID_HEADER, grade_key
from schemas.cloud_events import cloud_event
from worker.insight.graded import GradedEvidence, read_graded
from worker.kafka.bounded_reader import read_topic
from worker.kafka.connections import client_connection
from worker.kafka.fenced_producer import fenced_outputs
from worker.kafka.record import Outgoing, RawRecord
from worker.runtime.relay.publishing import Sender
from worker.settings.connected import ConnectedSettings

_AT_ONCE: Final = 500


class PublishedGrade(NamedTuple):
    """A grade of one version of a mapping."""

    grade: str
    mapping_version: int


PublishedGrades = Mapping[bytes, PublishedGrade | None]


class GradePublisher:
    """``published`` is what the topic says, by key; None for what cannot be read."""

    def __init__(self, topic: str, outputs: Sender, published: PublishedGrades) -> None:
        self._topic = topic
        self._outputs = outputs
        self._published = dict(published)

    async def publish(self, connection: AsyncConnection, now: datetime) -> int:
        """Publish what differs from the table; return how many records that were. Raises TransientError."""
        found = await read_graded(connection)
        outputs = changed_grades(self._topic, found, self._published, now)
        for at in range(0, len(outputs), _AT_ONCE):
            await self._outputs.send(outputs[at : at + _AT_ONCE])
        self._published = {**_wanted(found)}
        return len(outputs)


@asynccontextmanager
async def grade_publisher(settings: ConnectedSettings) -> AsyncIterator[GradePublisher]:
    """Take over the topic of grades. Raises TransientError, also when it is missing."""
    topic = settings.topics.evidence
    async with fenced_outputs(
        client_connection(settings),
        f"{topic}-insight",
        max_bytes=settings.max_message_bytes,
        timeout_s=settings.publish_timeout_s,
    ) as outputs:
        yield GradePublisher(topic, outputs, published_grades(await read_topic(settings, topic)))


def published_grades(records: Iterable[RawRecord]) -> PublishedGrades:
    """What records of the topic, in its order, say."""
    found: dict[bytes, PublishedGrade | None] = {}
    for record in records:
        key = record.key or b""
        if record.value is None:
            found.pop(key, None)
        else:
            found[key] = _read(record.value)
    return found


def changed_grades(
    topic: str, found: Iterable[GradedEvidence], published: PublishedGrades, now: datetime
) -> list[Outgoing]:
    """The records that bring a topic that says ``published`` to the grades that were found."""
    by_key = {_key(one): one for one in found}
    outputs = [
        _graded(topic, key, one, now)
        for key, one in sorted(by_key.items())
        if published.get(key) != PublishedGrade(one.grade, one.version)
    ]
    gone = sorted(published.keys() - by_key.keys())
    return outputs + [Outgoing(topic, key, None, _headers(key, now)) for key in gone]


def _wanted(found: Iterable[GradedEvidence]) -> PublishedGrades:
    return {_key(one): PublishedGrade(one.grade, one.version) for one in found}


def _key(one: GradedEvidence) -> bytes:
    return grade_key(one.platform, one.canonical_id).encode()


def _graded(topic: str, key: bytes, one: GradedEvidence, now: datetime) -> Outgoing:
    message: dict[str, Any] = {
        "schema_version": 1,
        "canonical_id": one.canonical_id,
        "platform": one.platform,
        "grade": one.grade,
        "mapping_version": one.version,
        "graded_at": now.astimezone(UTC).isoformat(),
    }
    return Outgoing(topic, key, orjson.dumps(message), _headers(key, now))


def _headers(key: bytes, now: datetime) -> list[tuple[str, bytes | None]]:
    event_id = f"{key.decode()}@{now.astimezone(UTC).isoformat()}"
    return [
        (ID_HEADER, event_id.encode()),
        ("content-type", b"application/json"),
        *cloud_event("MappingGraded", event_id, "mapping_evidence", now),
    ]


def _read(value: bytes) -> PublishedGrade | None:
    try:
        document = orjson.loads(value)
        return PublishedGrade(document["grade"], document["mapping_version"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
