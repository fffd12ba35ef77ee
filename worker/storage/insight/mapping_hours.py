"""How much each mapping is used, by the hour: written by the insight process with the hour it sampled.

Theory of operation. A sample of an hour (`shape_hour`) is some records of it. `mapping_hour` says on how many
of them a mapping resolved a market, `shape_hour.records` how many records the hour had. So how much a mapping
is used in a day is estimated hour by hour: the records of the hour, times the share of its sample.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.errors import driver_errors_translated

# What a use is pooled over: the current hour, and the 23 before it.
DAY: Final = timedelta(hours=24)

# To write the same again changes nothing.
_SAVE = text("""
WITH counted AS (
    SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:counts AS integer[]))
        AS counted (canonical_id, observations)
), gone AS (
    DELETE FROM mapping_hour
    WHERE platform = :platform AND hour = :hour AND canonical_id <> ALL (CAST(:ids AS text[]))
)
INSERT INTO mapping_hour AS kept (canonical_id, platform, hour, observations)
SELECT canonical_id, :platform, :hour, observations FROM counted
ON CONFLICT (canonical_id, platform, hour) DO UPDATE SET observations = excluded.observations
WHERE kept.observations <> excluded.observations
""")

_DROP = text("DELETE FROM mapping_hour WHERE hour < :oldest")

_SAMPLED = text("""
SELECT platform, sum(observations + unreadable), CAST(sum(records) AS bigint)
FROM shape_hour
WHERE hour > now() - CAST(:day AS interval) AND records IS NOT NULL AND observations + unreadable > 0
GROUP BY platform
""")

_USED = text("""
SELECT canonical_id, platform, sum(used.observations),
    CAST(round(sum(1.0 * records * used.observations / (hours.observations + unreadable))) AS bigint)
FROM mapping_hour AS used
JOIN shape_hour AS hours USING (platform, hour)
WHERE (CAST(:ids AS text[]) IS NULL OR canonical_id = ANY (CAST(:ids AS text[])))
    AND hour > now() - CAST(:day AS interval) AND records IS NOT NULL AND hours.observations + unreadable > 0
GROUP BY canonical_id, platform
""")


class Sampled(NamedTuple):
    """How many records of a bookmaker were sampled in the last day, and of how many."""

    sampled: int
    records: int


class MappingUse(NamedTuple):
    """On how many sampled records a mapping resolved a market; about how many records a day that makes."""

    observations: int
    per_day: int


class MappingUses(NamedTuple):
    """By bookmaker what was sampled; by mapping and bookmaker what was found. What is absent was not seen."""

    sampled: Mapping[str, Sampled]
    used: Mapping[tuple[str, str], MappingUse]


NO_USES: Final = MappingUses({}, {})


async def save_hour(
    connection: AsyncConnection, platform: str, hour: datetime, observations: Mapping[str, int]
) -> None:
    """Store on how many sampled observations of an hour each mapping was used."""
    values = {
        "platform": platform,
        "hour": hour,
        "ids": list(observations),
        "counts": list(observations.values()),
    }
    with driver_errors_translated():
        await connection.execute(_SAVE, values)


async def drop_hours(connection: AsyncConnection, oldest: datetime) -> None:
    """Drop the hours before this one."""
    with driver_errors_translated():
        await connection.execute(_DROP, {"oldest": oldest})


async def read_uses(
    connection: AsyncConnection, canonical_ids: Collection[str] | None = None
) -> MappingUses:
    """Return how much mappings were used in the last day; without ids, all of them."""
    ids = None if canonical_ids is None else list(canonical_ids)
    with driver_errors_translated():
        sampled = await connection.execute(_SAMPLED, {"day": DAY})
        used = await connection.execute(_USED, {"day": DAY, "ids": ids})
        return MappingUses(
            {platform: Sampled(*one) for platform, *one in sampled},
            {(canonical_id, platform): MappingUse(*one) for canonical_id, platform, *one in used},
        )
