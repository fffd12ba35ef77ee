"""The present state of a compacted topic, read from its beginning to where it ends now."""

from __future__ import annotations

from collections.abc import Callable

from .access import KafkaAccess
from .compacted_topic import compacted
from .follow import newer
from .grades import Grades
from .latest import Latest
from .mappings import Mappings
from .unreadable import UnreadableRecord, log_unreadable


async def read_latest(
    brokers: KafkaAccess | str | None = None,
    *,
    latest: Latest | None = None,
    on_unreadable: Callable[[UnreadableRecord], None] = log_unreadable,
) -> Latest:
    """Return the newest state of every event, from `odds.latest`. Raises ClientError.

    A record that cannot be read is skipped, and passed to ``on_unreadable``.
    """
    held = Latest() if latest is None else latest
    async with compacted("odds.latest", brokers) as topic:
        async for record in topic.present():
            newer(held, record, on_unreadable)
    return held


async def read_mappings(
    brokers: KafkaAccess | str | None = None,
    *,
    on_unreadable: Callable[[UnreadableRecord], None] = log_unreadable,
) -> Mappings:
    """Return the mapping table as it is, from `mappings.changes`. Raises ClientError.

    A mapping whose newest record cannot be read is left out; the record is passed to ``on_unreadable``.
    """
    mappings = Mappings(on_unreadable=on_unreadable)
    async with compacted("mappings.changes", brokers) as topic:
        async for record in topic.present():
            mappings.take(record)
    return mappings


async def read_grades(
    brokers: KafkaAccess | str | None = None,
    *,
    on_unreadable: Callable[[UnreadableRecord], None] = log_unreadable,
) -> Grades:
    """Return the grades of mappings as they are, from `mappings.evidence`. Raises ClientError.

    A grade whose newest record cannot be read is left out; the record is passed to ``on_unreadable``.
    """
    grades = Grades(on_unreadable=on_unreadable)
    async with compacted("mappings.evidence", brokers) as topic:
        async for record in topic.present():
            grades.take(record)
    return grades
