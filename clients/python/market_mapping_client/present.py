"""The present state of a compacted topic, read from its beginning to where it ends now."""

from __future__ import annotations

from .access import KafkaAccess
from .compacted_topic import compacted
from .follow import newer
from .latest import Latest
from .mappings import Mappings


async def read_latest(
    brokers: KafkaAccess | str | None = None, *, latest: Latest | None = None
) -> Latest:
    """Return the newest state of every event, from `odds.latest`. Raises ClientError."""
    held = Latest() if latest is None else latest
    async with compacted("odds.latest", brokers) as topic:
        async for record in topic.present():
            newer(held, record)
    return held


async def read_mappings(brokers: KafkaAccess | str | None = None) -> Mappings:
    """Return the mapping table as it is, from `mappings.changes`. Raises ClientError."""
    mappings = Mappings()
    async with compacted("mappings.changes", brokers) as topic:
        async for record in topic.present():
            mappings.take(record)
    return mappings
