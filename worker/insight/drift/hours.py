"""One hour of a bookmaker's observations against the hours before it. Pure.

Theory of operation. Each hour has a sample: its last observations. What is usual follows from the hours
before, apart for each kind of sign:

- While an alarm is open, from the hours before it, so that what goes on for a day does not become usual.
- After it has closed by itself, also from the hours since then; those of the alarm are left out.
- After a person has closed it, from the hours since the alarm began: the new form is the usual one.

Some shares depend on the mappings too, and an hour before may have been resolved under others. So such a
share must also differ from older observations that were resolved under the mappings of now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple, get_args

from worker.insight.drift.shapes import ShapeSample, ShapeSign, SignKind, judge_shapes, pooled

HOUR: Final = timedelta(hours=1)
SIGN_KINDS: Final[tuple[SignKind, ...]] = get_args(SignKind)
# An hour with fewer records says nothing of shares.
LEAST_RECORDS: Final = 5
_MOST_HOURS: Final = 24
_OF_MAPPINGS: Final[frozenset[SignKind]] = frozenset(("unknown_label", "resolved"))
_BEFORE: Final = "in the hours before"


class ShapeHour(NamedTuple):
    """The sample of one bookmaker's hour. ``version`` is that of the mappings it was resolved with.

    ``records`` is how many there were in the hour.
    """

    platform: str
    hour: datetime
    version: int
    sample: ShapeSample
    records: int | None = None


class DriftAlarm(NamedTuple):
    """An alarm on a bookmaker's form: the first and the last hour with the sign, and what became of it."""

    sign: str
    first_hour: datetime
    last_hour: datetime
    is_open: bool
    is_settled: bool  # closed by a person


def first_of_open(alarms: Iterable[DriftAlarm], hour: datetime) -> datetime:
    """The hour before which everything is as usual: the first one of any open alarm, else this hour."""
    return min([hour, *(one.first_hour for one in alarms if one.is_open)])


def judge_hour(
    now: ShapeHour,
    older: ShapeSample,
    hours: Sequence[ShapeHour],
    alarms: Sequence[DriftAlarm],
) -> Mapping[SignKind, ShapeSign | None]:
    """The sign of each kind that can be judged, None where there is none.

    ``older`` are observations from before the hour, and before every open alarm, resolved as this hour is.
    """
    if now.sample.records < LEAST_RECORDS:
        return {}
    under_these = {sign.kind for sign in judge_shapes(now.sample, older, _BEFORE)}
    is_comparable = older.records >= LEAST_RECORDS
    found: dict[SignKind, ShapeSign | None] = {}
    for kind in SIGN_KINDS:
        of_kind = [one for one in alarms if one.sign == kind]
        usual = _usual(now.hour, hours, of_kind)
        if not usual:
            continue
        signs = judge_shapes(now.sample, pooled(one.sample for one in usual), _BEFORE)
        sign = next((one for one in signs if one.kind == kind), None)
        if kind in _OF_MAPPINGS and is_comparable and kind not in under_these:
            sign = None
        found[kind] = sign
    return found


def is_over(alarm: DriftAlarm, now: datetime) -> bool:
    """Whether an alarm closes when this hour has no sign: a part of an hour may have none by chance."""
    return alarm.is_open and now > alarm.last_hour


def _usual(
    now: datetime, hours: Sequence[ShapeHour], alarms: Sequence[DriftAlarm]
) -> list[ShapeHour]:
    def is_usual(hour: datetime) -> bool:
        for one in alarms:
            if one.is_settled and hour < one.first_hour:
                return False
            if one.is_open and hour >= one.first_hour:
                return False
            is_of_it = one.first_hour <= hour <= one.last_hour
            if is_of_it and not one.is_open and not one.is_settled:
                return False
        return True

    usual = [
        one
        for one in hours
        if one.hour < now and one.sample.records >= LEAST_RECORDS and is_usual(one.hour)
    ]
    return sorted(usual, key=lambda one: one.hour)[-_MOST_HOURS:]
