"""Counts again on purpose: sets watermarks back, so that the workers count from there a second time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aiokafka import TopicPartition

from worker.kafka.cluster.groups import Group
from worker.kafka.connections import admin_of
from worker.kafka.record import Committed
from worker.kafka.retrying import retried
from worker.settings.connected import ConnectedSettings
from worker.storage.engine import opened
from worker.storage.ledger import Ledger
from worker.storage.watermarks import KnownWatermark, WatermarkKey


class SetBack(NamedTuple):
    """A watermark, and where it would be set back to; ``deleted`` offsets of the wish no longer exist."""

    topic: str
    topic_id: str
    partition: int
    watermark: int
    next_offset: int
    deleted: int

    @property
    def records(self) -> int:
        """The maximum number of records that are counted again."""
        return self.watermark - self.next_offset


class GroupHasMembersError(Exception):
    """Workers run: the watermark would move while they count."""

    def __init__(self, group: str, found: Group) -> None:
        who = ", ".join(sorted(f"{member.client_id} on {member.host}" for member in found.members))
        super().__init__(
            f"the group {group} has members ({who or found.state}): stop the workers first"
        )


class ResetPendingError(Exception):
    """Somebody reset the group forward and no worker has read since: the range would be skipped."""

    def __init__(self, place: TopicPartition, offset: int) -> None:
        super().__init__(
            f"the group was reset to {offset} of {place.topic} [{place.partition}]: "
            "reset it to the offset to count from, or let a worker read the reset first"
        )


class Wish(NamedTuple):
    """Count again from an offset of one partition, or from a time in ms; the other one is None."""

    offset: int | None
    timestamp_ms: int | None


async def survey_recount(
    settings: ConnectedSettings, topic: str, partition: int | None, wish: Wish
) -> Sequence[SetBack]:
    """Return what would be set back; partitions that are not counted that far are left out.

    Raises TransientError or a StorageError.
    """
    topic_ids = await admin_of(settings).topics.partitions([topic])
    places = {
        place: one for place, one in topic_ids.items() if partition in {None, place.partition}
    }
    starts = await admin_of(settings).offsets.log_starts(places)
    wished = await _wished(settings, places, wish)
    return set_backs(places, await _watermarks(settings, topic), starts, wished)


def set_backs(
    topic_ids: Mapping[TopicPartition, str],
    watermarks: Sequence[KnownWatermark],
    starts: Mapping[TopicPartition, int],
    wished: Mapping[TopicPartition, int],
) -> Sequence[SetBack]:
    """Watermarks above the wish, of the topic that has the name now; never below the log's start."""
    found = []
    for known in watermarks:
        place = TopicPartition(known.topic, known.partition)
        if topic_ids.get(place) != known.topic_id or place not in wished:
            continue
        target = max(wished[place], starts[place])
        if target < known.next_offset:
            deleted = max(0, starts[place] - wished[place])
            found.append(
                SetBack(
                    *place[:1], known.topic_id, known.partition, known.next_offset, target, deleted
                )
            )
    return found


async def recount(
    settings: ConnectedSettings, wanted: Sequence[SetBack], *, actor: str, reason: str
) -> None:
    """Set the watermarks back, each with its audit row.

    Raises GroupHasMembersError or ResetPendingError before anything is written, else WatermarkConflict,
    TransientError or a StorageError.
    """
    group = await retried(
        lambda: admin_of(settings).groups.describe(settings.group_id),
        patience_s=settings.admin_timeout_s,
    )
    if group.members or group.state not in {"Empty", "Dead"}:
        raise GroupHasMembersError(settings.group_id, group)
    targets = {TopicPartition(each.topic, each.partition): each.next_offset for each in wanted}
    refuse_pending_resets(
        targets, await admin_of(settings).groups.committed(settings.group_id, targets)
    )
    async with opened(
        settings.database_url, application_name="marketmap-cli", pool_size=1
    ) as engine:
        ledger = Ledger(engine, settings.group_id)
        for each in wanted:
            place = WatermarkKey(each.topic_id, each.topic, each.partition)
            await ledger.set_back(
                place, each.watermark, each.next_offset, actor=actor, reason=reason
            )


def refuse_pending_resets(
    targets: Mapping[TopicPartition, int], committed: Mapping[TopicPartition, Committed]
) -> None:
    """Raises ResetPendingError for a reset to beyond its target. Pure."""
    for place, commit in committed.items():
        if commit.offset > targets[place] and commit.is_reset:
            raise ResetPendingError(place, commit.offset)


async def _wished(
    settings: ConnectedSettings, places: Mapping[TopicPartition, str], wish: Wish
) -> Mapping[TopicPartition, int]:
    if wish.timestamp_ms is not None:
        return await admin_of(settings).offsets.at_time(places, wish.timestamp_ms)
    return dict.fromkeys(places, wish.offset or 0)


async def _watermarks(settings: ConnectedSettings, topic: str) -> Sequence[KnownWatermark]:
    async with opened(
        settings.database_url, application_name="marketmap-cli", pool_size=1
    ) as engine:
        return await Ledger(engine, settings.group_id).known([topic])
