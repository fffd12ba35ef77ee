"""What the status page shows of the whole group: its members, and how far each topic is counted.

Every worker can find this out: Kafka knows the members and where the logs end, the database what is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from aiokafka import TopicPartition

from worker.domain.errors import FatalError, TransientError
from worker.kafka.cluster.groups import Group, Member
from worker.storage.errors import StorageError
from worker.storage.watermarks import KnownWatermark

_MOST_MEMBERS: Final = 50
_TIMEOUT_S: Final = 3.0


class GroupTopic(NamedTuple):
    """A topic as the group reads it: ``records`` are not counted yet, most of them in ``furthest``."""

    topic: str
    partitions: int
    unread: int
    records: int
    furthest: int


class ShownMember(NamedTuple):
    """A member of the group; ``reads`` has its partitions, by topic."""

    member_id: str
    host: str
    version: str | None
    since: datetime | None
    reads: Sequence[tuple[str, str]]


class GroupStatus(NamedTuple):
    """``silence`` says why nothing is known, None when all was answered. ``more`` members are not shown."""

    state: str
    members: Sequence[ShownMember]
    topics: Sequence[GroupTopic]
    more: int = 0
    silence: str | None = None


class DescribedGroups(Protocol):
    async def describe(self, name: str) -> Group:
        """The group's state and members. Raises TransientError, and FatalError when it is refused."""


class DescribedTopics(Protocol):
    async def partitions(self, names: Iterable[str]) -> dict[TopicPartition, str]:
        """Every partition of topics that must exist, with its topic's id. Raises as above."""


class LogBounds(Protocol):
    async def log_starts(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Raises as above."""

    async def log_ends(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Raises as above."""


class SurveyedCluster(Protocol):
    @property
    def groups(self) -> DescribedGroups: ...
    @property
    def topics(self) -> DescribedTopics: ...
    @property
    def offsets(self) -> LogBounds: ...


class KnownWatermarks(Protocol):
    async def known(self, topics: Iterable[str]) -> Sequence[KnownWatermark]:
        """Raises a StorageError."""


class GroupSurvey:
    def __init__(
        self, cluster: SurveyedCluster, ledger: KnownWatermarks, group: str, topics: Sequence[str]
    ) -> None:
        self._cluster = cluster
        self._ledger = ledger
        self._group = group
        self._topics = topics

    async def look(self) -> GroupStatus:
        """What is known within three seconds; a cluster that does not answer is a sentence of its own."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                return await self._look()
        except (TransientError, FatalError, StorageError, TimeoutError) as error:
            silence = str(error) or f"no answer within {_TIMEOUT_S:.0f} s"
            return GroupStatus("unknown", (), (), silence=silence)

    async def _look(self) -> GroupStatus:
        group = await self._cluster.groups.describe(self._group)
        topic_ids = await self._cluster.topics.partitions(self._topics)
        known = await self._ledger.known(self._topics)
        starts = await self._cluster.offsets.log_starts(topic_ids)
        ends = await self._cluster.offsets.log_ends(topic_ids)
        counted = {(each.topic_id, each.partition): each.next_offset for each in known}
        behind = {
            place: max(0, ends[place] - max(starts[place], counted.get((topic_id, place[1]), 0)))
            for place, topic_id in topic_ids.items()
        }
        members = sorted(group.members, key=lambda member: (member.host, member.member_id))
        return GroupStatus(
            group.state,
            [shown_member(one) for one in members[:_MOST_MEMBERS]],
            group_topics(behind, group),
            len(members[_MOST_MEMBERS:]),
        )


def shown_member(member: Member) -> ShownMember:
    """A member with its partitions, those that follow one another as a range. Pure."""
    by_topic: dict[str, list[int]] = {}
    for place in sorted(member.partitions):
        by_topic.setdefault(place.topic, []).append(place.partition)
    reads = [(topic, _ranges(numbers)) for topic, numbers in by_topic.items()]
    version, since = member.said
    return ShownMember(member.member_id, member.host, version, since, reads)


def _ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers as people write them: 0-3, 5."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def group_topics(behind: Mapping[TopicPartition, int], group: Group) -> list[GroupTopic]:
    """``behind`` is how many records of each partition are not counted. Pure."""
    by_topic: dict[str, list[TopicPartition]] = {}
    for place in sorted(behind):
        by_topic.setdefault(place.topic, []).append(place)
    return [
        GroupTopic(
            topic,
            len(places),
            sum(group.owner_of(place) is None for place in places),
            sum(behind[place] for place in places),
            max(places, key=behind.__getitem__).partition,
        )
        for topic, places in by_topic.items()
    ]
