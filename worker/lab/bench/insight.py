"""The insight process: memory after each stage, and the CPU that a scrape takes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import asyncpg
import orjson
import psutil

from schemas.fields import timestamp_text
from worker.kafka.connections import admin_of
from worker.kafka.topic_specs import topic_specs
from worker.lab.bench.contestants import Contestant
from worker.lab.bench.cut import size
from worker.lab.bench.ground import Ground, RunSite, scraper, send
from worker.lab.bench.meters import cpu_s, peak_mib
from worker.lab.bench.processes import Process, started, until
from worker.lab.bench.workloads import Message, Workload
from worker.lab.synthetic.expected import Expected, Generated
from worker.lab.synthetic.scrape import generate_scrape

SCRAPE_S: Final = 300
_SEED: Final = 1
_GLANCE_S: Final = 0.5
_PATIENCE_S: Final = 3600.0
_MIB: Final = 2**20
_PROCESS: Final = Contestant(
    "insight", "the insight process", "worker.cli", ("run", "insight"), begins="insight_leads"
)
# It works half of the time, and writes what it has found every five seconds.
_QUICK: Final = {"insight_cpu_share": 1.0, "insight_interval_s": 5.0}
_COUNTS: Final = """
SELECT
    (SELECT count(*) FROM watched_event WHERE books > 1) AS events,
    (SELECT count(*) FROM mapping_evidence) AS evidence,
    (SELECT count(DISTINCT (source, external_market_id)) FROM suggestion) AS suggestions,
    (SELECT count(*) FROM alarm) AS alarms
"""


class InsightStage(NamedTuple):
    """Memory at the end of a stage, and what it took."""

    name: str
    rss_mib: float
    peak_mib: float
    seconds: float
    cpu_s: float


class InsightCost(NamedTuple):
    """One process over a scrape of ``messages``, and over the same events once more with moved times."""

    messages: int
    stages: Sequence[InsightStage]
    events: int
    evidence: int
    suggestions: int
    alarms: int

    @property
    def share(self) -> float:
        """The share of one core that a scrape takes once everything is judged, at one per five minutes."""
        return self.stages[-1].cpu_s / SCRAPE_S


async def measure_insight(ground: Ground, events: int, *, partitions: int) -> InsightCost:
    """Run one process over a scrape until everything is judged, then over the next one."""
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    first = _scrape(events, began)
    published = await ground.publish(first, partitions=partitions)
    group = f"{published.settings.topic_prefix}insight"
    async with ground.place(published, insight_group_id=group, **_QUICK) as site:
        grades = site.settings.topics.evidence
        await admin_of(site.settings).topics.create(
            [spec for spec in topic_specs(site.settings) if spec.name == grades]
        )
        async with started(_PROCESS, site) as (process,):
            watch = _Watch(process)
            await process.has_said(_PROCESS.begins)
            watch.stage("it leads")
            await _has_read(site, process)
            watch.stage("a scrape is read")
            await _has_said(process, "waiting")
            watch.stage("its events are compared")
            await _has_said(process, "left")
            watch.stage("all mappings and missed markets are judged")
            await _publish_again(site, first, began + timedelta(seconds=SCRAPE_S))
            await _has_read(site, process)
            await _has_said(process, "left")
            watch.stage("the next scrape is read and judged")
            counts = await _counts(site)
    return InsightCost(len(first.messages), watch.stages, *counts)


class _Watch:
    """Measures a process from one stage to the next."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._measured = psutil.Process(process.pid)
        self._since_s = self._measured.create_time()
        self._since_cpu_s = 0.0
        self.stages: list[InsightStage] = []

    def stage(self, name: str) -> None:
        now_s, taken_s = datetime.now(UTC).timestamp(), cpu_s(self._measured)
        rss = self._measured.memory_info().rss / _MIB
        seconds, used_s = now_s - self._since_s, taken_s - self._since_cpu_s
        self.stages.append(InsightStage(name, rss, peak_mib(self._process.pid), seconds, used_s))
        self._since_s, self._since_cpu_s = now_s, taken_s


def _scrape(events: int, began: datetime) -> Workload:
    """A scrape as it is sent: its observations as objects would take gigabytes."""
    scrape = generate_scrape(seed=_SEED, events=events, started_at=began)
    return Workload("scrape", [_as_sent(seen) for seen in scrape])


def _as_sent(seen: Generated) -> Message:
    nothing = Expected((), (), ())
    light = seen._replace(observation={}, expected=nothing)
    return Message(light, orjson.dumps(seen.observation), size(seen))


async def _publish_again(site: RunSite, scrape: Workload, at: datetime) -> None:
    """The same observations, seen later."""
    async with scraper(site.settings) as producer:
        acks = []
        for message in scrape.messages:
            document = orjson.loads(message.value) | {"observed_at": timestamp_text(at)}
            later = Message(message.seen, orjson.dumps(document), message.markets)
            acks.append(await send(producer, site.settings, later))
        await asyncio.gather(*acks)


async def _has_read(site: RunSite, process: Process) -> None:
    """Wait until all that is published is committed."""
    admin = admin_of(site.settings)
    topics = site.settings.topics.observations.values()

    async def is_read() -> bool:
        process.require_alive()
        backlog = await admin.backlog(site.settings.insight_group_id, topics)
        return backlog.done == backlog.total

    await until(is_read, every_s=_GLANCE_S, patience_s=_PATIENCE_S)


async def _has_said(process: Process, nothing: str) -> None:
    """Wait for the end of a turn, from now on, that has nothing of this left to do."""
    before = process.times_said("insight_judged")

    async def is_said() -> bool:
        process.require_alive()
        later = process.lines("insight_judged")[before:]
        return any(line[nothing] == 0 for line in later)

    await until(is_said, every_s=_GLANCE_S, patience_s=_PATIENCE_S)


async def _counts(site: RunSite) -> tuple[int, int, int, int]:
    connection = await asyncpg.connect(site.settings.database_url)
    try:
        events, evidence, suggestions, alarms = await connection.fetchrow(_COUNTS)
    finally:
        await connection.close()
    return events, evidence, suggestions, alarms
