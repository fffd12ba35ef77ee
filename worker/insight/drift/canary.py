"""Writes the form of each bookmaker's observations by the hour, and opens and closes alarms on it.

Theory of operation. The leader looks every few turns. For each bookmaker it goes through the hours from the
last one that is stored, which may have been incomplete, up to now; after a pause of more than a day, through
the last 24. Of each hour it reads the last records by their times in Kafka, and as many from before it, or
from before an alarm that is open. So a row is a function of the log, the mappings and the open alarms:
whoever takes over writes the same row again. It is written in one statement, before anything is decided about
alarms, and alarms follow from rows. How much each mapping was used is written before it: an hour that has a
row has that too. An hour that the database refuses has no row, and the next one is looked at.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, NamedTuple, Protocol, TypeVar

import structlog
from aiokafka import TopicPartition
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.index import MappingIndex
from worker.insight.drift.hours import (
    HOUR,
    DriftAlarm,
    ShapeHour,
    first_of_open,
    is_over,
    judge_hour,
)
from worker.insight.drift.sampling import SampledRanges, Sampler, newest_ranges, read_records
from worker.insight.drift.shapes import ShapeSample
from worker.insight.drift.stored import hour_of, stored_of
from worker.insight.stepped_over import Refused, stepping_over
from worker.kafka.cluster.offsets import LogOffsets
from worker.kafka.connections import admin_of
from worker.settings.connected import ConnectedSettings
from worker.storage.insight import alarms, mapping_hours, shapes

log = structlog.get_logger()

Result = TypeVar("Result")
# An open alarm is judged by the hours before it for as long as these are kept.
KEPT: Final = timedelta(days=14)
_MOST_BEHIND: Final = 23 * HOUR
# A look takes a second of CPU, and a form changes in all records.
_TURNS: Final = 5


class Step(Protocol):
    """Does work in a thread, and rests after it."""

    def __call__(self, work: Callable[[], Result], /) -> Awaitable[Result]: ...


class _Past(NamedTuple):
    """What is known of a bookmaker's hours, and its alarms."""

    hours: Sequence[ShapeHour]
    alarms: Sequence[DriftAlarm]


class ShapeCanary:
    """Looks at every bookmaker in turns; ``clock`` says which hour it is."""

    def __init__(
        self,
        connection: AsyncConnection,
        settings: ConnectedSettings,
        *,
        step: Step,
        clock: Callable[[], datetime],
        refused: Refused,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._step = step
        self._clock = clock
        self._refused = refused
        self._next_s: dict[Platform, float] = {}
        # Behind an hour that was refused: a look that ends there does not begin with it again.
        self._behind: dict[Platform, datetime] = {}

    async def look(self, index: MappingIndex, until: float) -> None:
        """Look at the bookmakers that are due; what is left at ``until`` is done in the next turn."""
        for platform in PLATFORMS:
            now_s = time.monotonic()
            if now_s >= self._next_s.get(platform, now_s) and await self._look_at(
                platform, index, until
            ):
                self._next_s[platform] = now_s + _TURNS * self._settings.insight_interval_s

    async def _look_at(self, platform: Platform, index: MappingIndex, until: float) -> bool:
        """Go through the hours of a bookmaker; return whether that was all of them."""
        current = _hour(self._clock())
        await shapes.drop_hours(self._connection, current - KEPT)
        await mapping_hours.drop_hours(self._connection, current - mapping_hours.DAY)
        stored = await shapes.read_hours(self._connection, platform, current - KEPT)
        hours = {one.hour: hour_of(one) for one in stored}
        records = await _Log.of(self._settings, self._settings.topics.observations[platform])
        behind = self._behind.get(platform, current - _MOST_BEHIND)
        hour = min(max([current - _MOST_BEHIND, behind, *hours]), current)
        while hour <= current:
            known = await alarms.list_drift(self._connection, platform, current - KEPT)
            past = [DriftAlarm(*one) for one in known]
            before = _Past(list(hours.values()), past)
            with stepping_over("hour", self._refused, platform=platform, hour=hour.isoformat()):
                hours[hour] = await self._judge(platform, hour, records, index, before)
            hour += HOUR
            if hour - HOUR not in hours:
                self._behind[platform] = hour
            if hour <= current and time.monotonic() >= until:
                return False
        return True

    async def _judge(
        self,
        platform: Platform,
        hour: datetime,
        records: _Log,
        index: MappingIndex,
        past: _Past,
    ) -> ShapeHour:
        """Store one hour, and decide about the alarms that follow from it."""
        sampler = Sampler(self._settings, index)
        ranges = await records.newest(hour + HOUR, since=hour)
        before = ShapeSample()
        if ranges:
            older = await records.newest(first_of_open(past.alarms, hour))
            before = await self._sampled(sampler, older)
        now = await self._sampled(sampler, ranges)
        in_hour = await records.count(hour + HOUR, since=hour)
        found = ShapeHour(platform, hour, index.version, now, in_hour)
        row = stored_of(found)
        await mapping_hours.save_hour(self._connection, platform, hour, now.mappings)
        await shapes.save_hour(self._connection, row)
        found = hour_of(row)
        gone: list[str] = []
        for kind, sign in judge_hour(found, before, *past).items():
            if sign is None:
                gone += [one.sign for one in past.alarms if one.sign == kind and is_over(one, hour)]
            elif await alarms.raise_drift(
                self._connection,
                platform=platform,
                sign=kind,
                hour=hour,
                events=now.records,
                reason=sign.sentence,
            ):
                log.warning("insight_drift", platform=platform, sign=kind, reason=sign.sentence)
        if gone:
            await alarms.close_drift(self._connection, platform, gone, hour)
        return found

    async def _sampled(self, sampler: Sampler, ranges: SampledRanges) -> ShapeSample:
        """One sample: the records of two are never in memory together."""
        records = await read_records(self._settings, ranges)
        return await self._step(partial(sampler.take, records))


class _Log:
    """The log of a bookmaker's observations, as it was when somebody began to look."""

    def __init__(
        self,
        offsets: LogOffsets,
        starts: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
    ) -> None:
        self._offsets = offsets
        self._starts = starts
        self._ends = ends
        self._known: dict[datetime, dict[TopicPartition, int]] = {}

    @classmethod
    async def of(cls, settings: ConnectedSettings, topic: str) -> _Log:
        admin = admin_of(settings)
        places = await admin.topics.partitions([topic])
        starts = await admin.offsets.log_starts(places)
        return cls(admin.offsets, starts, await admin.offsets.log_ends(places))

    async def newest(self, until: datetime, since: datetime | None = None) -> SampledRanges:
        """The last records before a time, none before another one."""
        floors = self._starts if since is None else await self._at(since)
        return newest_ranges(floors, await self._at(until))

    async def count(self, until: datetime, since: datetime) -> int:
        """How many records are between two times; the marks of transactions count as well."""
        before, at = await self._at(since), await self._at(until)
        return sum(max(0, at[place] - before[place]) for place in at)

    async def _at(self, moment: datetime) -> dict[TopicPartition, int]:
        known = self._known.get(moment)
        if known is None:
            at = await self._offsets.at_time(self._ends, round(moment.timestamp() * 1000))
            known = {place: min(at.get(place, end), end) for place, end in self._ends.items()}
            self._known[moment] = known
        return known


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
