"""What a member of a consumer group says of itself when it joins: its version, and since when it runs.

The broker keeps it with the group, and shows it to everybody who may describe the group. Partitions are
assigned as aiokafka's round robin does, which reads nothing of it: members that say nothing may be among
them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata

_LONGEST: Final = 1000
_LONGEST_VERSION: Final = 60


class Introduction(NamedTuple):
    """The version of a process, and when it began; None where nobody has said it."""

    version: str | None = None
    since: datetime | None = None


UNKNOWN: Final = Introduction()


def introducing(introduction: Introduction) -> type[RoundRobinPartitionAssignor]:
    """The round robin of a member that introduces itself. It has the name of aiokafka's."""
    said = _written(introduction)

    class IntroducedRoundRobin(RoundRobinPartitionAssignor):
        @classmethod
        def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
            return ConsumerProtocolMemberMetadata(cls.version, list(topics), said)

    return IntroducedRoundRobin


def introduction_in(metadata: bytes) -> Introduction:
    """What a member has said when it joined. Any program may be a member: what cannot be read is unknown."""
    try:
        said: object = ConsumerProtocolMemberMetadata.decode(metadata).user_data
        found = json.loads(said) if isinstance(said, bytes) and len(said) <= _LONGEST else None
    except (ValueError, RecursionError):
        return UNKNOWN
    if not isinstance(found, dict):
        return UNKNOWN
    return Introduction(_version(found.get("version")), _moment(found.get("since")))


def _written(introduction: Introduction) -> bytes:
    since = introduction.since
    said = {
        "version": introduction.version,
        "since": None if since is None else since.isoformat(timespec="seconds"),
    }
    return json.dumps({name: text for name, text in said.items() if text}).encode()


def _version(said: object) -> str | None:
    return said[:_LONGEST_VERSION] if isinstance(said, str) and said else None


def _moment(said: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(said) if isinstance(said, str) else None
        return None if at is None or at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
