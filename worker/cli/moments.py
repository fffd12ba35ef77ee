"""Times and durations as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from worker.domain.books.rows import abbreviate

_AGO: Final = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)
TIME_HELP: Final = (
    "ISO 8601 with an offset (2026-11-22T12:00:00Z), or how long ago (30m, 2h, 1d12h)"
)


def parse_ago(text: str) -> timedelta | None:
    """Read ``1h30m`` as a duration above 0; None for anything else."""
    found = _AGO.fullmatch(text)
    if not found or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) or None


def parse_moment(text: str, now: datetime) -> datetime:
    """Return a time in UTC; a duration counts back from ``now``. Raises ValueError, for people to read."""
    ago = parse_ago(text)
    try:
        moment = now - ago if ago else datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(f"{abbreviate(text)} is not a time: {TIME_HELP}") from None
    if moment.tzinfo is None:
        raise ValueError(f"{abbreviate(text)} has no offset from UTC: {TIME_HELP}")
    return moment.astimezone(UTC)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch, as Kafka counts."""
    return round(moment.timestamp() * 1000)
