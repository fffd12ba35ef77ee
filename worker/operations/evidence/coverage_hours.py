"""How much of what each bookmaker sells is resolved, by the hour: in the samples of the insight process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.insight import shapes
from worker.storage.insight.shapes import StoredHour

MOST_DAYS: Final = 14


class CoverageHour(NamedTuple):
    """A sample of one hour: markets on its observations, and how many of them were resolved.

    ``version`` is that of the mappings: where it differs from the hour before, mappings were changed.
    """

    platform: str
    hour: datetime
    version: int
    observations: int
    markets: int
    resolved: int

    @property
    def share(self) -> float | None:
        return self.resolved / self.markets if self.markets else None


async def read_coverage(
    connection: AsyncConnection, platforms: Sequence[str], days: int
) -> list[CoverageHour]:
    """Return the hours of the last days, by bookmaker and in their order."""
    since = datetime.now(UTC) - timedelta(days=days)
    found: list[CoverageHour] = []
    for platform in platforms:
        found += map(coverage_of, await shapes.read_hours(connection, platform, since))
    return found


def coverage_of(hour: StoredHour) -> CoverageHour:
    counts = hour.markets if isinstance(hour.markets, Mapping) else {}
    numbers = {name: one for name, one in counts.items() if isinstance(one, int)}
    sampled = hour.platform, hour.hour, hour.version, hour.observations
    return CoverageHour(*sampled, sum(numbers.values()), numbers.get("resolved", 0))


def coverage_json(hour: CoverageHour) -> dict[str, Any]:
    values = hour._asdict() | {"hour": hour.hour.astimezone(UTC).isoformat()}
    return values | {"share": None if hour.share is None else round(hour.share, 4)}
