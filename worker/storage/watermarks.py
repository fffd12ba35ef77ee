"""The watermark of each partition: the offset below which every record is counted.

A watermark is a row of `ingest_watermark`, by consumer group, topic id and partition. The topic id, not the
name, is part of its key: a topic that is deleted and created again begins with new watermarks.

Whoever moves a watermark says which value it has now. If the table has another value, nothing is written and
`WatermarkConflict` returns the value of the table. Counting (`ledger.py`) moves watermarks forwards, in the
transaction that adds the misses. Every other move goes through `change`, which also writes who moved it, and
why, to `watermark_change`.

Each function works in the transaction of the caller.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage import watermarks_sql as sql

Watermarks = dict[tuple[str, int], int]


class WatermarkKey(NamedTuple):
    """Which watermark of the group: a Kafka partition, in the order of the table's key.

    `topic_id` is Kafka's 22 characters of unpadded base64url.
    """

    topic_id: str
    topic: str
    partition: int


class WatermarkMove(NamedTuple):
    """From `expected`, the watermark as the worker knows it, to `next_offset`: all below that is counted."""

    topic_id: str
    topic: str
    partition: int
    expected: int
    next_offset: int


class KnownWatermark(NamedTuple):
    """A partition that was opened before, and how far it is counted."""

    topic: str
    topic_id: str
    partition: int
    next_offset: int


class WatermarkConflict(Exception):  # noqa: N818 (it names what happened, not a mistake)
    """The table's watermarks are not the expected ones; nothing was written.

    `current` has the table's `next_offset` by (topic id, partition) for every partition asked about; one
    that was never opened is absent.
    """

    def __init__(self, current: Watermarks) -> None:
        super().__init__(f"the watermarks are elsewhere: {current}")
        self.current = current


async def open_partitions(
    connection: AsyncConnection, group: str, partitions: Sequence[WatermarkKey]
) -> Watermarks:
    """Return `next_offset` by (topic id, partition); a new partition starts at 0."""
    parameters = {
        "consumer_group": group,
        "topic_ids": [each.topic_id for each in partitions],
        "topics": [each.topic for each in partitions],
        "partitions": [each.partition for each in partitions],
    }
    await connection.execute(sql.OPEN_PARTITIONS, parameters)
    rows = await connection.execute(sql.READ_WATERMARKS, parameters)
    return {(row.topic_id, row.partition): row.next_offset for row in rows}


async def known(
    connection: AsyncConnection, group: str, topics: Iterable[str]
) -> Sequence[KnownWatermark]:
    """Return every watermark under these names, including those of earlier topics with the same name."""
    parameters = {"consumer_group": group, "topics": sorted(topics)}
    return [KnownWatermark(*row) for row in await connection.execute(sql.READ_KNOWN, parameters)]


async def move(connection: AsyncConnection, group: str, moves: Sequence[WatermarkMove]) -> None:
    """Move all watermarks, or none. Raises WatermarkConflict if one is not the expected one."""
    found = (await connection.execute(sql.MOVE_WATERMARKS, arrays(group, moves))).all()
    require_as_expected(moves, found)


async def change(
    connection: AsyncConnection, group: str, move: WatermarkMove, *, actor: str, reason: str
) -> None:
    """Move one watermark in either direction and record who moved it, and why.

    Raises WatermarkConflict if the watermark is not the expected one.
    """
    parameters = {
        "consumer_group": group,
        "topic_id": move.topic_id,
        "partition": move.partition,
        "expected": move.expected,
        "next_offset": move.next_offset,
        "actor": actor,
        "reason": reason,
    }
    found = (await connection.execute(sql.CHANGE_WATERMARK, parameters)).all()
    require_as_expected([move], found)


def arrays(group: str, moves: Sequence[WatermarkMove]) -> dict[str, Any]:
    """Return the parameters of a statement that contains `watermarks_sql.FOUND`."""
    return {
        "consumer_group": group,
        "topic_ids": [move.topic_id for move in moves],
        "partitions": [move.partition for move in moves],
        "expected": [move.expected for move in moves],
        "next_offsets": [move.next_offset for move in moves],
    }


def require_as_expected(moves: Sequence[WatermarkMove], found: Sequence[Row[Any]]) -> None:
    """Raise WatermarkConflict unless the table has every watermark, each as expected."""
    if len(found) != len(moves) or not all(row.as_expected for row in found):
        raise WatermarkConflict({(row.topic_id, row.partition): row.next_offset for row in found})
