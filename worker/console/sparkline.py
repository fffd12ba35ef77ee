"""A share over time as a small line: broken where there is no hour, marked where mappings changed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from worker.operations.evidence.coverage_hours import CoverageHour

WIDTH: Final = 168  # one unit an hour, 7 days
HEIGHT: Final = 24
_HOUR: Final = timedelta(hours=1)


class Sparkline(NamedTuple):
    """The points of each unbroken line, in units of the picture; where marks are; and what it says in words.

    ``lowest`` and ``highest`` are the shares at the bottom and the top.
    """

    lines: Sequence[str]
    marks: Sequence[int]
    lowest: float
    highest: float
    last: float


def sparkline(hours: Sequence[CoverageHour], now: datetime) -> Sparkline | None:
    """Draw the hours of the last 7 days, which are in order; None where no share is known."""
    begin = now - WIDTH * _HOUR
    known = [
        (int((one.hour - begin) / _HOUR), one.share, one.version)
        for one in hours
        if one.share is not None and begin <= one.hour <= now
    ]
    if not known:
        return None
    shares = [share for _, share, _ in known]
    lowest, highest = min(shares), max(shares)
    spread = highest - lowest or 1.0
    lines: list[list[str]] = []
    marks: list[int] = []
    before: tuple[int, int] | None = None
    for place, share, version in known:
        if before is None or place - before[0] > 1:
            lines.append([])
        if before is not None and version != before[1]:
            marks.append(place)
        height = round(HEIGHT - 2 - (HEIGHT - 4) * (share - lowest) / spread, 1)
        lines[-1].append(f"{place},{height:g}")
        before = place, version
    # A single point is drawn as a line of one unit.
    joined = [" ".join(one if len(one) > 1 else [one[0], _next_to(one[0])]) for one in lines]
    return Sparkline(joined, marks, lowest, highest, shares[-1])


def _next_to(point: str) -> str:
    place, _, height = point.partition(",")
    return f"{int(place) + 1},{height}"
