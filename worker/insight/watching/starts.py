"""Where an insight process starts to read partitions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from aiokafka import TopicPartition

from worker.kafka.connections import admin_of
from worker.kafka.listed_offsets import ListedOffsets
from worker.settings.connected import ConnectedSettings


async def reading_starts(
    settings: ConnectedSettings, partitions: Iterable[TopicPartition], now: datetime
) -> ListedOffsets:
    """Where the group was in each partition, but nothing that is too old. Raises TransientError.

    A partition without a leader has no start: where its young records begin is not known.
    """
    admin = admin_of(settings)
    oldest = now - timedelta(seconds=settings.insight_max_age_s)
    committed = await admin.groups.committed(settings.insight_group_id, partitions)
    ends, silent = await admin.offsets.each_log_end(partitions)
    young = await admin.offsets.at_time(ends, round(oldest.timestamp() * 1000))
    starts: dict[TopicPartition, int] = {}
    for place, end in ends.items():
        first = young.get(place, end)
        known = committed.get(place)
        # A commit beyond the end is of a topic that was created again.
        is_usable = known is not None and first <= known.offset <= end
        starts[place] = known.offset if known is not None and is_usable else first
    return ListedOffsets(starts, silent)
