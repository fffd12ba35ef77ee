"""Times and durations as people type them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from worker.domain.books.rows import abbreviate

_LONGEST: Final = timedelta(days=36_500)  # from today, it leads to a time that everything can hold
_AGO: Final = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)
TIME_HELP: Final = (
    "ISO 8601 with an offset (2026-11-22T12:00:00Z), or how long ago (30m, 2h, 1d12h)"
)


def parse_ago(text: str) -> timedelta | None:
    """Read ``1h30m`` as a duration above 0 and of up to 100 years; None for anything else."""
    found = _AGO.fullmatch(text)
    if not found or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    duration = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return duration if timedelta() < duration <= _LONGEST else None


def parse_moment(text: str, now: datetime) -> datetime:
    """Return a time in UTC; a duration counts back from ``now``. Raises ValueError, for people to read."""
    ago = parse_ago(text)
    if ago:
        return (now - ago).astimezone(UTC)
    try:  # in the years 1 and 9999, an offset may lead out of the calendar
        moment = datetime.fromisoformat(text)
        in_utc = moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        raise ValueError(f"{abbreviate(text)} is not a time: {TIME_HELP}") from None
    if in_utc is None:
        raise ValueError(f"{abbreviate(text)} has no offset from UTC: {TIME_HELP}")
    return in_utc


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch, as Kafka counts, from 0: it gives -1 and -2 meanings of their own."""
    return max(0, round(moment.timestamp() * 1000))
