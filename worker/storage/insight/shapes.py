"""The form of each bookmaker's observations by the hour: written by the insight process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.errors import driver_errors_translated
from worker.storage.insight import shapes_sql as sql


class StoredHour(NamedTuple):
    """What a sample of one hour shows; ``markets`` counts by outcome, ``unread`` has levels and names.

    ``records`` is how many there were in the hour; None in rows of before it was stored.
    """

    platform: str
    hour: datetime
    version: int
    observations: int
    unreadable: int
    markets: Any
    recalled: int | None
    unread: Any
    examples: Any
    records: int | None


async def read_hours(
    connection: AsyncConnection, platform: str, since: datetime
) -> Sequence[StoredHour]:
    """Return the hours of a bookmaker from this one on, in their order."""
    with driver_errors_translated():
        found = await connection.execute(sql.READ, {"platform": platform, "since": since})
        return [StoredHour(*row) for row in found]


async def save_hour(connection: AsyncConnection, hour: StoredHour) -> None:
    """Store an hour, or what is known of it now."""
    as_json = {name: json.dumps(getattr(hour, name)) for name in ("markets", "unread", "examples")}
    with driver_errors_translated():
        await connection.execute(sql.SAVE, {**hour._asdict(), **as_json})


async def drop_hours(connection: AsyncConnection, oldest: datetime) -> None:
    """Drop the hours before this one."""
    with driver_errors_translated():
        await connection.execute(sql.DROP, {"oldest": oldest})
