"""Samples of the newest observations, resolved as a worker resolves them, next to those of a day before.

A bookmaker that changes the form of what it sends is seen here at once, and with an example: metrics show
that a share has risen, but hold no market.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.index import MappingIndex
from worker.insight.drift.sampling import MOST_RECORDS, Sampler, newest_ranges, read_records
from worker.kafka.bounded_reader import OffsetRange
from worker.kafka.connections import admin_of
from worker.kafka.record import RawRecord
from worker.operations.doctor.check import Check
from worker.operations.doctor.database_checks import opened_connection
from worker.operations.doctor.findings import Finding, failure
from worker.operations.doctor.parts import Part
from worker.operations.doctor.shape_verdicts import shape_findings
from worker.runtime.index.live import parse_rows
from worker.settings.connected import ConnectedSettings, with_both
from worker.settings.settings import Settings
from worker.storage.mappings import load_index_rows

_DAY_MS: Final = 24 * 60 * 60 * 1000


class _Records(NamedTuple):
    """Records of a bookmaker, from now and from a day before."""

    newest: Sequence[RawRecord]
    older: Sequence[RawRecord]


async def _shapes(settings: Settings) -> Sequence[Finding]:
    connected = with_both(settings)
    if connected is None:
        address = "set MARKETMAP_KAFKA_BOOTSTRAP_SERVERS and MARKETMAP_DATABASE_URL"
        return [failure("shapes", "no address", address)]
    async with opened_connection(connected) as reading:
        version, rows = await load_index_rows(reading)
    index = MappingIndex(parse_rows(rows).usable.values(), version)
    now_ms = round(time.time() * 1000)
    records: dict[Platform, _Records] = {
        platform: await _records(connected, connected.topics.observations[platform], now_ms)
        for platform in PLATFORMS
    }
    findings: list[Finding] = []
    for platform, (newest, older) in records.items():
        sampler = Sampler(connected, index)
        before = await asyncio.to_thread(sampler.take, older)
        now = await asyncio.to_thread(sampler.take, newest)
        findings += shape_findings(platform, now, before)
    return findings


async def _records(settings: ConnectedSettings, topic: str, now_ms: int) -> _Records:
    """The newest records of a topic, and as many up to a day before, or the first ones of a younger log."""
    admin = admin_of(settings)
    places = await admin.topics.partitions([topic])
    starts = await admin.offsets.log_starts(places)
    ends = await admin.offsets.log_ends(places)
    then = await admin.offsets.at_time(places, now_ms - _DAY_MS)
    newest = newest_ranges(starts, ends)
    of_each = max(1, MOST_RECORDS // max(1, len(newest)))
    older = {}
    for place in newest:
        a_day_before = then.get(place, ends[place])
        end = min(max(a_day_before, starts[place] + of_each), newest[place].first)
        if end > starts[place]:
            older[place] = OffsetRange(max(starts[place], end - of_each), end)
    return _Records(await read_records(settings, newest), await read_records(settings, older))


def checks_of(part: Part, settings: Settings) -> Sequence[Check]:
    """What is to be asked for a part; nothing for one that may not read both observations and mappings."""
    may_read = all(
        "READ" in part.operations_on("TOPIC", name)
        for name in settings.topics.observations.values()
    )
    if not may_read or "user_market_mappings" not in part.needs:
        return ()
    return (Check("shapes", ("kafka", "database"), _shapes, "fix the failures above first"),)
