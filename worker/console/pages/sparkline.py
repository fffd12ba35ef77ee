"""The last week as a small picture. Pure.

A share is a line: broken where there is no hour, marked where mappings changed. How often something happened
is bars: as wide as the time that was counted, as high as the rate in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from worker.operations.evidence.coverage_hours import CoverageHour
from worker.operations.unmapped.missed_days import MissedSpan

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


class SparkBars(NamedTuple):
    """The bars as one path, in units of the picture, and how often a day it was in each.

    A list has many pictures, and a shape for each bar would take most of its time.
    """

    path: str
    per_day: Sequence[float]

    @property
    def view_box(self) -> str:
        return f"0 0 {WIDTH} {HEIGHT}"


def spark_bars(spans: Sequence[MissedSpan], now: datetime) -> SparkBars | None:
    """Draw what of these is in the last 7 days; None where nothing is."""
    begin = now - WIDTH * _HOUR
    shown = [one for one in spans if one.end > begin]
    if not shown:
        return None
    highest = max(one.per_day for one in shown) or 1.0
    bars: list[str] = []
    for one in shown:
        left = max(0.0, (one.begin - begin) / _HOUR)
        # A gap tells two bars of one height apart; what is rare is still seen.
        width = max((one.end - begin) / _HOUR - left - 1, 1)
        height = max(HEIGHT * one.per_day / highest, 1)
        bars.append(f"M{left:.1f} {HEIGHT}v-{height:.1f}h{width:.1f}v{height:.1f}z")
    return SparkBars("".join(bars), [one.per_day for one in shown])


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
