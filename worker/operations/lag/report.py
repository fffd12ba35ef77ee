"""How far each partition is behind, who reads it, and what about it is a sign of trouble.

A worker counts a batch first and commits it then, so of a healthy partition the watermark is never behind the
commit. The questions are asked in that order as well, for traffic goes on between them:

1. the commits, 2. the watermarks: a commit that is beyond a watermark that was read later is a real one;
3. the commits again, while a member reads and some watermark is ahead: a batch that was only just counted is
   committed a moment later, and only one that stays uncommitted is a sign;
4. where the log starts and ends: it only grows, so nothing that was read before lies beyond its end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from aiokafka import TopicPartition

from worker.ingest.partitions.marks import CommitMark, read_mark
from worker.kafka.bounded_reader import OffsetRange, peek
from worker.kafka.cluster.groups import ConsumerGroups, Group, Member
from worker.kafka.connections import admin_of
from worker.kafka.record import Committed
from worker.kafka.retrying import retried
from worker.settings.connected import ConnectedSettings
from worker.storage.engine import opened
from worker.storage.ledger import Ledger

_PEEK_S: Final = 10.0
# How long a batch that is counted may take until it is committed, before that is a sign.
_SETTLE_S: Final = 2.0
_SETTLE_PAUSE_S: Final = 0.1

SignCode = Literal[
    "NOT_OWNED",
    "REPLAY",
    "NO_MARK",
    "FOREIGN_COMMIT",
    "OTHER_TOPIC",
    "WATERMARK_AHEAD",
    "COMMIT_AHEAD",
    "BEYOND_END",
    "TRUNCATED",
    "DELETED",
]


class Sign(NamedTuple):
    """Something an operator should know of a partition; ``detail`` is a sentence."""

    code: SignCode
    detail: str


class PartitionFacts(NamedTuple):
    """What the cluster and the database say. None where there is no commit, no watermark, no owner.

    ``committed_since`` is the offset committed when the watermark had been read, as far as it was asked for.
    """

    topic: str
    partition: int
    topic_id: str
    log_start: int
    log_end: int
    committed: Committed | None
    watermark: int | None
    owner: Member | None
    committed_since: int | None = None

    @property
    def mark(self) -> CommitMark | None:
        return read_mark(self.committed.metadata) if self.committed else None

    @property
    def next_offset(self) -> int:
        """What is read next, as far as commit and watermark say; within the log."""
        mark = self.mark
        is_ours = mark is not None and mark.topic_id == self.topic_id
        if self.committed is None or not (is_ours or self.committed.is_reset):
            wanted = self.watermark or 0
        else:
            wanted = self.committed.offset
        return min(max(wanted, self.log_start), self.log_end)


class PartitionLag(NamedTuple):
    """``records`` are offsets behind the log's end; ``seconds`` the age of the oldest, None for unknown."""

    facts: PartitionFacts
    records: int
    seconds: float | None
    signs: Sequence[Sign]


@dataclass(frozen=True, slots=True)
class LagReport:
    """All partitions of a group, by topic and number."""

    group: str
    state: str
    members: Sequence[Member]
    partitions: Sequence[PartitionLag]

    @property
    def records(self) -> int:
        return sum(each.records for each in self.partitions)

    @property
    def seconds(self) -> float:
        """Of the partition that is furthest behind, as far as that is known."""
        return max((each.seconds or 0.0 for each in self.partitions), default=0.0)


def partition_lag(
    facts: PartitionFacts, oldest_ms: int | None, now_ms: int, *, has_members: bool
) -> PartitionLag:
    """``oldest_ms`` is the time of the record at ``next_offset``, None when none was found. Pure."""
    records = facts.log_end - facts.next_offset
    age = None if oldest_ms is None else max(0.0, (now_ms - oldest_ms) / 1000)
    return PartitionLag(
        facts, records, age if records else 0.0, signs_of(facts, has_members=has_members)
    )


def signs_of(facts: PartitionFacts, *, has_members: bool) -> Sequence[Sign]:
    """Pure."""
    signs = []
    if has_members and facts.owner is None:
        signs.append(Sign("NOT_OWNED", "no member of the group reads it"))
    if facts.committed is not None:
        signs += _signs_of_commit(facts, facts.committed, facts.mark)
    if facts.watermark is not None and facts.watermark > facts.log_end:
        beyond = facts.watermark - facts.log_end
        signs.append(Sign("BEYOND_END", f"counted {beyond} beyond the log's end: it was cut off"))
    return signs


def _signs_of_commit(
    facts: PartitionFacts, committed: Committed, mark: CommitMark | None
) -> list[Sign]:
    offset = committed.offset
    if mark is None and not committed.is_reset:
        what = (
            f"another consumer of the group committed {offset}: workers continue at what is counted"
        )
        return [Sign("FOREIGN_COMMIT", what)]
    if mark is not None and mark.topic_id != facts.topic_id:
        return [Sign("OTHER_TOPIC", "the commit is of a topic that had the name before")]
    signs = []
    watermark = facts.watermark or 0
    if mark is None:
        signs.append(
            Sign("NO_MARK", f"committed by somebody else than a worker, at {offset}: a reset")
        )
    elif offset < mark.replay_to:
        signs.append(Sign("REPLAY", f"published again, not counted, up to {mark.replay_to}"))
    elif max(offset, facts.committed_since or 0) < watermark:
        signs.append(
            Sign("WATERMARK_AHEAD", f"counted {watermark - offset} further than committed")
        )
    elif offset > watermark:
        signs.append(Sign("COMMIT_AHEAD", f"committed {offset - watermark} further than counted"))
    if mark is not None and mark.truncated_at is not None:
        signs.append(
            Sign(
                "TRUNCATED", f"stopped: the log ended at {mark.truncated_at}, below what is counted"
            )
        )
    if offset > facts.log_end:
        signs.append(Sign("BEYOND_END", f"committed {offset - facts.log_end} beyond the log's end"))
    if offset < facts.log_start:
        signs.append(
            Sign(
                "DELETED", f"{facts.log_start - offset} offsets were deleted before they were read"
            )
        )
    return signs


async def survey_lag(settings: ConnectedSettings, now_ms: int) -> LagReport:
    """Ask for all of it. Raises TransientError or a StorageError."""

    async def ask() -> tuple[Group, Sequence[PartitionFacts]]:
        # The topics first: of all clients, the one that is asked for them tells best why it is refused.
        topic_ids = await admin_of(settings).topics.partitions(
            list(settings.topics.observations.values())
        )
        group = await admin_of(settings).groups.describe(settings.group_id)
        return group, await _facts(settings, group, topic_ids)

    group, facts = await retried(ask, patience_s=settings.admin_timeout_s)
    stretches = {
        TopicPartition(each.topic, each.partition): OffsetRange(each.next_offset, each.log_end)
        for each in facts
    }
    oldest = await peek(settings, stretches, max_records=1, timeout_s=_PEEK_S)
    ages = {place: records[0].timestamp for place, records in oldest.items()}
    has_members = bool(group.members)
    partitions = [
        partition_lag(
            each,
            ages.get(TopicPartition(each.topic, each.partition)),
            now_ms,
            has_members=has_members,
        )
        for each in facts
    ]
    return LagReport(settings.group_id, group.state, group.members, partitions)


async def _facts(
    settings: ConnectedSettings, group: Group, topic_ids: Mapping[TopicPartition, str]
) -> Sequence[PartitionFacts]:
    admin = admin_of(settings)
    committed = await admin.groups.committed(settings.group_id, topic_ids)
    watermarks = await _watermarks(settings)
    counted = {
        place: watermarks[topic_id, place.partition]
        for place, topic_id in topic_ids.items()
        if (topic_id, place.partition) in watermarks
    }
    since: Mapping[TopicPartition, Committed] = committed
    if group.members:
        since = await _settled(admin.groups, settings.group_id, committed, counted)
    starts, ends = (
        await admin.offsets.log_starts(topic_ids),
        await admin.offsets.log_ends(topic_ids),
    )
    return [
        PartitionFacts(
            topic=place.topic,
            partition=place.partition,
            topic_id=topic_id,
            log_start=starts[place],
            log_end=ends[place],
            committed=committed.get(place),
            watermark=watermarks.get((topic_id, place.partition)),
            owner=group.owner_of(place),
            committed_since=since[place].offset if place in since else None,
        )
        for place, topic_id in sorted(topic_ids.items())
    ]


async def _settled(
    groups: ConsumerGroups,
    group: str,
    committed: Mapping[TopicPartition, Committed],
    counted: Mapping[TopicPartition, int],
) -> Mapping[TopicPartition, Committed]:
    """The commits once each has come up to what was counted, or when it has not for too long."""
    since, deadline = committed, time.monotonic() + _SETTLE_S
    while _is_ahead(counted, since) and time.monotonic() < deadline:
        await asyncio.sleep(_SETTLE_PAUSE_S)
        since = await groups.committed(group, counted)
    return since


def _is_ahead(
    counted: Mapping[TopicPartition, int], committed: Mapping[TopicPartition, Committed]
) -> bool:
    return any(
        place not in committed or committed[place].offset < watermark
        for place, watermark in counted.items()
    )


async def _watermarks(settings: ConnectedSettings) -> dict[tuple[str, int], int]:
    async with opened(
        settings.database_url, application_name="marketmap-cli", pool_size=1
    ) as engine:
        known = await Ledger(engine, settings.group_id).known(settings.topics.observations.values())
    return {(each.topic_id, each.partition): each.next_offset for each in known}
