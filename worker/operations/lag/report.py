"""How far each partition is behind, who reads it, and what about it is a sign of trouble.

A worker counts a batch first and commits it then, so of a healthy partition the watermark is never behind the
commit. The questions are asked in that order as well, for traffic goes on between them:

1. the commits, 2. the watermarks: a commit that is beyond a watermark that was read later is a real one;
3. the commits again, while a member reads and some watermark is ahead: a batch that was only just counted is
   committed a moment later, and only one that stays uncommitted is a sign;
4. where the log ends, then up to where it can be read: only an open transaction keeps the second one below;
   a log only grows, so nothing that was read before lies beyond its end.

The snapshot processes and the insight processes count nothing: of their groups only the commits are asked
for. The leading insight process assigns itself all partitions, so its group has no members.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final, Literal, NamedTuple

from aiokafka import TopicPartition

from worker.ingest.partitions.marks import CommitMark, read_mark
from worker.kafka.bounded_reader import OffsetRange, peek
from worker.kafka.client.polls import UnreadableRecordsError
from worker.kafka.cluster.groups import ConsumerGroups, Group, Member
from worker.kafka.cluster.transactions import OpenTransaction
from worker.kafka.connections import admin_of
from worker.kafka.record import Committed
from worker.kafka.retrying import retried
from worker.settings.connected import ConnectedSettings, KafkaSettings
from worker.storage.engine import opened
from worker.storage.ledger import Ledger

_PEEK_S: Final = 10.0
# How long a batch that is counted may take until it is committed, before that is a sign.
_SETTLE_S: Final = 2.0
_SETTLE_PAUSE_S: Final = 0.1
# For how long a transaction is open before that is a sign.
_LONG_OPEN_S: Final = 5

# The watermarks by topic id and partition.
_AskWatermarks = Callable[[], Awaitable[dict[tuple[str, int], int]]]

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
    "BRAKE",
    "UNREADABLE",
    "DELETED",
    "OPEN_TRANSACTION",
    "NO_LEADER",
]


class Sign(NamedTuple):
    """Something an operator should know of a partition; ``detail`` is a sentence."""

    code: SignCode
    detail: str


class PartitionFacts(NamedTuple):
    """What the cluster and the database say. None where there is no commit, no watermark, no owner.

    ``committed_since`` is the offset committed when the watermark had been read, as far as it was asked for.
    ``log_end`` is the last stable offset. An open transaction holds back what is between it and
    ``high_watermark``. ``is_counted`` is false for a group that has commits only, without marks.
    ``silence`` says why nobody answers for the partition: what is said of its log means nothing then.
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
    high_watermark: int | None = None
    open_transaction: OpenTransaction | None = None
    is_counted: bool = True
    silence: str | None = None

    @property
    def place(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)

    @property
    def end(self) -> int:
        """Where the log ends, with what is held back."""
        return max(self.log_end, self.high_watermark or 0)

    @property
    def held_back(self) -> int:
        return self.end - self.log_end

    @property
    def mark(self) -> CommitMark | None:
        return read_mark(self.committed.metadata) if self.committed else None

    @property
    def next_offset(self) -> int:
        """What is read next, as far as commit and watermark say; within the log."""
        mark = self.mark
        is_ours = mark is not None and mark.topic_id == self.topic_id
        decides = is_ours or not self.is_counted
        if self.committed is None or not (decides or self.committed.is_reset):
            wanted = self.watermark or 0
        else:
            wanted = self.committed.offset
        return min(max(wanted, self.log_start), self.end)


class PartitionLag(NamedTuple):
    """``records`` are offsets behind the log's end; ``seconds`` the age of the oldest, None for unknown.

    Of a partition that nobody answers for, ``records`` is 0: see ``is_known``.
    """

    facts: PartitionFacts
    records: int
    seconds: float | None
    signs: Sequence[Sign]

    @property
    def is_known(self) -> bool:
        return self.facts.silence is None


@dataclass(frozen=True, slots=True)
class LagReport:
    """All partitions of a group, by topic and number."""

    group: str
    state: str
    members: Sequence[Member]
    partitions: Sequence[PartitionLag]

    @property
    def records(self) -> int:
        """Of the partitions whose log somebody answers for."""
        return sum(each.records for each in self.partitions)

    @property
    def seconds(self) -> float:
        """Of the partition that is furthest behind, as far as that is known."""
        return max((each.seconds or 0.0 for each in self.partitions), default=0.0)


def partition_lag(
    facts: PartitionFacts,
    oldest_ms: int | None,
    now_ms: int,
    *,
    has_members: bool,
    is_read_through: bool = False,
    held_since_ms: int | None = None,
    unreadable: UnreadableRecordsError | None = None,
) -> PartitionLag:
    """``oldest_ms`` is the time of the record at ``next_offset``, None when none was found. Pure.

    ``is_read_through`` says that no record is left for readers: only markers of transactions, which have
    offsets, too. ``held_since_ms`` is the time of the first record that an open transaction holds back.
    ``unreadable`` says why the records at ``next_offset`` cannot be read.
    """
    if facts.silence is not None:
        return PartitionLag(facts, 0, None, signs_of(facts, has_members=has_members))
    records = facts.held_back if is_read_through else facts.end - facts.next_offset
    age = None if oldest_ms is None else max(0.0, (now_ms - oldest_ms) / 1000)
    signs = [
        *signs_of(facts, has_members=has_members),
        *_signs_of_failure(unreadable),
        *_signs_of_transaction(facts, held_since_ms, now_ms),
    ]
    return PartitionLag(facts, records, age if records else 0.0, signs)


def _signs_of_failure(unreadable: UnreadableRecordsError | None) -> Iterator[Sign]:
    if unreadable is not None:
        what = (
            f"the records from offset {unreadable.offset} on cannot be read: {unreadable.cause!r}"
        )
        yield Sign("UNREADABLE", what)


def _signs_of_transaction(
    facts: PartitionFacts, since_ms: int | None, now_ms: int
) -> Iterator[Sign]:
    """A sender's transaction is open for a moment; only one that stays so is a sign.

    The record was stamped by its sender's clock. If that is ahead of ours, nobody knows for how long.
    """
    is_new = since_ms is not None and 0 <= now_ms - since_ms < 1000 * _LONG_OPEN_S
    if facts.open_transaction is None or not facts.held_back or is_new:
        return
    since = "an unknown time"
    if since_ms is not None:
        since = datetime.fromtimestamp(since_ms / 1000, UTC).isoformat(timespec="seconds")
    _, producer_id, epoch = facts.open_transaction
    what = (
        f"{facts.held_back} offsets from {facts.log_end} on wait for a transaction of "
        f"producer id {producer_id}, epoch {epoch}, open since {since}"
    )
    yield Sign("OPEN_TRANSACTION", what)


def signs_of(facts: PartitionFacts, *, has_members: bool) -> Sequence[Sign]:
    """Pure."""
    signs = []
    if has_members and facts.owner is None:
        signs.append(Sign("NOT_OWNED", "no member of the group reads it"))
    if facts.silence is not None:  # the other signs compare with a log of which nothing is known
        return [*signs, Sign("NO_LEADER", f"nobody answers for it: {facts.silence}")]
    if facts.committed is not None and facts.is_counted:
        signs += _signs_of_commit(facts, facts.committed, facts.mark)
    elif facts.committed is not None:
        signs += _signs_of_offset(facts, facts.committed.offset)
    if facts.watermark is not None and facts.watermark > facts.end:
        beyond = facts.watermark - facts.end
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
    if mark is not None:
        signs += _signs_of_stop(mark, offset)
    return [*signs, *_signs_of_offset(facts, offset)]


def _signs_of_offset(facts: PartitionFacts, offset: int) -> Iterator[Sign]:
    if offset > facts.end:
        yield Sign("BEYOND_END", f"committed {offset - facts.end} beyond the log's end")
    if offset < facts.log_start:
        deleted = facts.log_start - offset
        yield Sign("DELETED", f"{deleted} offsets were deleted before they were read")


def _signs_of_stop(mark: CommitMark, offset: int) -> Iterator[Sign]:
    """What the worker that stopped the partition has left in its mark."""
    if mark.truncated_at is not None:
        what = f"stopped: the log ended at {mark.truncated_at}, below what is counted"
        yield Sign("TRUNCATED", what)
    if mark.brake is not None:
        what = (
            f"stopped by the brake at {offset}, before more dead letters:"
            f" {mark.brake.run} in a row, {mark.brake.dead} of the last {mark.brake.window}"
        )
        yield Sign("BRAKE", what)


async def survey_lag(settings: ConnectedSettings, now_ms: int) -> LagReport:
    """Ask for all of it, of the workers' group. Raises TransientError or a StorageError."""
    followed = _Followed(settings.group_id, list(settings.topics.observations.values()))
    return await _survey(settings, followed, now_ms, partial(_watermarks, settings))


async def survey_snapshot_lag(settings: KafkaSettings, now_ms: int) -> LagReport:
    """Ask for all of it, of the snapshot processes' group. Raises TransientError."""
    followed = _Followed(settings.snapshot_group_id, [settings.topics.resolved])
    return await _survey(settings, followed, now_ms, None)


async def survey_insight_lag(settings: KafkaSettings, now_ms: int) -> LagReport:
    """Ask for all of it, of the insight processes' group. Raises TransientError."""
    topics = list(settings.topics.observations.values())
    return await _survey(settings, _Followed(settings.insight_group_id, topics), now_ms, None)


class _Followed(NamedTuple):
    """A group, and the topics that it reads."""

    group: str
    topics: Sequence[str]


async def _survey(
    settings: KafkaSettings, followed: _Followed, now_ms: int, watermarks: _AskWatermarks | None
) -> LagReport:
    async def ask() -> tuple[Group, Sequence[PartitionFacts]]:
        # The topics first: of all clients, the one that is asked for them tells best why it is refused.
        topic_ids = await admin_of(settings).topics.partitions(followed.topics)
        group = await admin_of(settings).groups.describe(followed.group)
        return group, await _facts(settings, followed, group, topic_ids, watermarks)

    group, facts = await retried(ask, patience_s=settings.admin_timeout_s)
    stretches = {
        each.place: OffsetRange(each.next_offset, each.log_end)
        for each in facts
        if each.silence is None
    }
    oldest = await peek(settings, stretches, max_records=1, timeout_s=_PEEK_S)
    ages = {place: records[0].timestamp for place, records in oldest.records.items() if records}
    read_through = {place for place, records in oldest.records.items() if not records}
    held_since = await _held_since(settings, facts)
    has_members = bool(group.members)
    partitions = [
        partition_lag(
            each,
            ages.get(each.place, held_since.get(each.place)),
            now_ms,
            has_members=has_members,
            is_read_through=each.place in read_through,
            held_since_ms=held_since.get(each.place),
            unreadable=oldest.failures.get(each.place),
        )
        for each in facts
    ]
    return LagReport(followed.group, group.state, group.members, partitions)


async def _facts(
    settings: KafkaSettings,
    followed: _Followed,
    group: Group,
    topic_ids: Mapping[TopicPartition, str],
    ask_watermarks: _AskWatermarks | None,
) -> Sequence[PartitionFacts]:
    admin = admin_of(settings)
    committed = await admin.groups.committed(followed.group, topic_ids)
    watermarks = {} if ask_watermarks is None else await ask_watermarks()
    counted = {
        place: watermarks[topic_id, place.partition]
        for place, topic_id in topic_ids.items()
        if (topic_id, place.partition) in watermarks
    }
    since: Mapping[TopicPartition, Committed] = committed
    if group.members:
        since = await _settled(admin.groups, followed.group, committed, counted)
    high_watermarks, silent = await admin.offsets.each_high_watermark(topic_ids)
    starts, no_start = await admin.offsets.each_log_start(high_watermarks)
    ends, no_end = await admin.offsets.each_log_end(starts)
    silences = {**silent, **no_start, **no_end}
    held_back = [place for place, end in ends.items() if end < high_watermarks[place]]
    transactions = await admin.transactions.open(held_back)
    return [
        PartitionFacts(
            topic=place.topic,
            partition=place.partition,
            topic_id=topic_id,
            log_start=starts.get(place, 0),
            log_end=ends.get(place, 0),
            committed=committed.get(place),
            watermark=watermarks.get((topic_id, place.partition)),
            owner=group.owner_of(place),
            committed_since=since[place].offset if place in since else None,
            high_watermark=high_watermarks.get(place) if place in ends else None,
            open_transaction=transactions.get(place),
            is_counted=ask_watermarks is not None,
            silence=silences.get(place),
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


async def _held_since(
    settings: KafkaSettings, facts: Sequence[PartitionFacts]
) -> dict[TopicPartition, int]:
    """The time of the first record of each partition that an open transaction holds back."""
    ranges = {each.place: OffsetRange(each.log_end, each.end) for each in facts if each.held_back}
    first = await peek(
        settings, ranges, max_records=1, timeout_s=_PEEK_S, isolation_level="read_uncommitted"
    )
    return {place: records[0].timestamp for place, records in first.records.items() if records}


async def _watermarks(settings: ConnectedSettings) -> dict[tuple[str, int], int]:
    async with opened(
        settings.database_url, application_name="marketmap-cli", pool_size=1
    ) as engine:
        known = await Ledger(engine, settings.group_id).known(settings.topics.observations.values())
    return {(each.topic_id, each.partition): each.next_offset for each in known}
