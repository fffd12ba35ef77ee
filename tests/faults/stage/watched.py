"""Insight processes on a scrape, and what they write, judged against a run that nothing disturbed."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import asyncpg
import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.faults.stage.crew import Crew
from tests.faults.stage.pair import Pair
from tests.faults.stage.points import LEADS, Point
from tests.faults.stage.report import Row
from tests.faults.stage.switchboard import Struck, Switchboard
from tests.support.services.insights import (
    HIDE,
    SWAP,
    USUAL,
    keep_usual,
    on_two_books,
)
from tests.support.services.installation import (
    Installation,
    Published,
    installed,
    temporary_database,
    until,
)
from tests.support.services.nursery import Nursery
from worker.domain.books.platforms import PLATFORMS
from worker.insight.watching.published_grades import published_grades
from worker.kafka.record import RawRecord
from worker.kafka.topic_specs import topic_specs
from worker.lab.bench.cut import by_market, part
from worker.lab.synthetic.scrape import generate_scrape

# The server ends a silent session after a minute, and a judgement takes a second of CPU.
_PATIENCE_S: Final = 300.0
PROCESSES: Final = 2
EVENTS: Final = 14
QUICK: Final = {"MARKETMAP_INSIGHT_INTERVAL_S": "3", "MARKETMAP_INSIGHT_CPU_SHARE": "1"}
GRADES: Final = "the topic of grades"
_TABLES: Final = (
    *("watched_event", "mapping_evidence", "suggestion", "evidence_sample", "alarm"),
    *("shape_hour", "mapping_hour"),
)
# Which hours have no observations follows from the time of the run.
_COMPARED: Final = {"shape_hour": "WHERE observations + unreadable > 0"}
_IS_SHAPED: Final = "SELECT count(DISTINCT platform) FROM shape_hour WHERE hour >= $1"
# When something was written says nothing about what; numbers of alarms are given out once.
_WHEN: Final = frozenset({"updated_at", "raised_at", "status_changed_at", "id"})
# Follows from the events of this moment. What is suggested is judged again only for a quarter of new events.
AT_ONCE: Final = ("watched_event", "mapping_evidence")

Tables = Mapping[str, Sequence[str]]
Condition = Callable[[], Awaitable[bool]]


def records(seed: int) -> list[Published]:
    """A scrape of a minute ago, of markets that are mapped or hidden."""
    started_at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    found: list[Published] = []
    for seen in generate_scrape(seed=seed, events=EVENTS, started_at=started_at, size="slim"):
        wanted = {
            one.external_market_id for one in seen.expected.markets if one.canonical_id in USUAL
        }
        markets = {id_: rows for id_, rows in by_market(seen).items() if id_ in wanted}
        value = orjson.dumps(part(seen, markets).observation)
        found.append((f"observations.{seen.platform}", seen.key.encode(), value, []))
    return found


@dataclass
class WatchedTrial:
    """``expected`` is what a run came to that nothing disturbed; ``rows`` are those of the suite's report."""

    installation: Installation
    nursery: Nursery
    published: Sequence[Published]
    rows: list[Row]
    published_at: datetime
    expected: Tables = field(default_factory=dict)
    _runs: int = 0
    _topic_evidence: str = ""

    @property
    def events(self) -> int:
        return len(on_two_books(self.published))

    async def undisturbed(self) -> None:
        """Find out what is to be expected: one process, and after it another one."""
        async with self.run() as run:
            await run.through()
            await run.again()
            self.expected = await self.tables()
        assert self.expected["alarm"], "there is no alarm that could be lost"
        assert self.expected["suggestion"], "there is no suggestion that could be lost"
        assert self.expected["shape_hour"], "there is no hour that could be lost"

    @asynccontextmanager
    async def run(
        self, environment: Mapping[str, str] = MappingProxyType({})
    ) -> AsyncIterator[WatchedRun]:
        """Processes that begin from nothing, with a group and a topic of grades of their own."""
        for table in _TABLES:
            await self.query(f"DELETE FROM {table}")  # noqa: S608  # names of our own
        self._runs += 1
        group = f"{self.installation.settings.insight_group_id}-{self._runs}"
        self._topic_evidence = f"mappings.evidence.{self._runs}"
        settings = self.installation.settings.model_copy(
            update={"topic_evidence": self._topic_evidence}
        )
        topic = [spec for spec in topic_specs(settings) if spec.name == settings.topics.evidence]
        await self.installation.admin.topics.create(topic)
        own = {"MARKETMAP_TOPIC_EVIDENCE": self._topic_evidence}
        run = WatchedRun(self, group, {**own, **environment})
        try:
            yield run
        finally:
            await run.crew.kill()

    async def tables(self) -> Tables:
        """All that is stored and published, without the times at which it was written."""
        found: dict[str, Sequence[str]] = {}
        for table in _TABLES:
            statement = f"SELECT * FROM {table} {_COMPARED.get(table, '')}"  # noqa: S608  # names of our own
            rows = await self.query(statement)
            kept = [
                {name: value for name, value in row.items() if name not in _WHEN} for row in rows
            ]
            found[table] = sorted(map(repr, kept))
        return found | {GRADES: await self._grades()}

    async def _grades(self) -> Sequence[str]:
        """The grades that the topic holds once it is compacted."""
        settings = self.installation.settings
        place = TopicPartition(settings.topic_prefix + self._topic_evidence, 0)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka_bootstrap_servers,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await consumer.start()
        try:
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            records: list[RawRecord] = []
            while await consumer.position(place) < end:
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    records += batch
        finally:
            await consumer.stop()
        return sorted(map(repr, published_grades(records).items()))

    async def query(self, statement: str, *values: object) -> Sequence[Any]:
        """Ask on a connection that no fault has met yet."""
        client = await asyncpg.connect(self.installation.settings.database_url)
        try:
            return await client.fetch(statement, *values)  # type: ignore[no-any-return]  # it ships partial types
        finally:
            await client.close()


class WatchedRun:
    """One run of processes over the trial's scrape."""

    def __init__(self, trial: WatchedTrial, group: str, environment: Mapping[str, str]) -> None:
        self._trial = trial
        self._group = group
        folder = trial.installation.folder / f"{group}-points"
        self.points = Switchboard(folder)
        self.crew = Crew(
            trial.installation,
            PROCESSES,
            trial.nursery,
            points=folder,
            static=False,
            environment={**QUICK, "MARKETMAP_INSIGHT_GROUP_ID": group, **environment},
            kind="insight",
            name=group,
        )
        self.crew.start()

    async def stopped_at(self, point: Point, number: signal.Signals, dice: random.Random) -> int:
        """Have the leader stopped there by a signal; its pid."""
        takes_lead = point.name in LEADS
        killed: list[int] = []
        if takes_lead and self.crew.ends:
            # Whoever took the lead from the last one that died may have passed the point already.
            await self.crew.all_run()
            killed = [self.crew.signal(slot, signal.SIGKILL) for slot in self.crew.slots]
        self.points.arm(point.name, 1 if takes_lead else dice.randint(1, point.often), number)
        for pid in killed:
            await self.crew.ended(pid)
        return (await self._struck(point.name)).pid

    async def killed_at_each(self, points: Sequence[Point]) -> None:
        """Have, for each point, the first process that passes it killed there, in whatever order.

        All are armed at once: grades are sent once, and a turn of a slow machine may send them before it
        comes to suggestions.
        """
        for point in points:
            self.points.arm(point.name)
        for point in points:
            await self.crew.ended((await self._struck(point.name)).pid)

    async def leads(self, before: int) -> None:
        """Wait until a process has taken the lead since ``before``."""

        async def has_led() -> bool:
            return self.led() > before

        await self._wait(has_led, "nobody takes the lead")

    def led(self) -> int:
        """How often a process has taken the lead."""
        return self.crew.said("insight_leads", None, {})

    async def through(self) -> None:
        """Wait until all is read and committed, and everything is judged."""
        await self._wait(self._is_read, "the observations are not read")
        fields: dict[str, object] = {"events": self._trial.events, "waiting": 0, "left": 0}
        before = self.crew.said("insight_judged", None, fields)

        async def is_judged() -> bool:
            return self.crew.said("insight_judged", None, fields) > before

        await self._wait(is_judged, "the events are not judged")
        await self._wait(self._is_shaped, "the form of the observations is not stored")

    async def again(self) -> None:
        """Kill all: the next leader judges everything again, from what is stored."""
        await self.crew.all_run()
        for slot in self.crew.slots:
            await self.crew.ended(self.crew.signal(slot, signal.SIGKILL))
        await self.through()

    async def judged(self, fault: str, *, injected: int = 1) -> Row:
        """Compare the tables with those of the undisturbed run, now and after a last kill."""
        since = time.monotonic()
        await self.through()
        recovery_s = time.monotonic() - since
        expected = self._trial.expected
        now = await self._trial.tables()
        faults = [each for table in AT_ONCE for each in differences(table, now, expected)]
        await self.again()
        then = await self._trial.tables()
        faults += [
            each for table in (*_TABLES, GRADES) for each in differences(table, then, expected)
        ]
        row = Row(
            fault=fault,
            injected=injected,
            records=len(self._trial.published),
            in_flight=0,
            lost=sum(each.startswith("lost") for each in faults),
            miscounted=sum(not each.startswith("lost") for each in faults),
            duplicates_allowed=0,
            duplicates_not_allowed=0,
            recovery_s=recovery_s,
            note="insight: tables that differ from those of a run without faults",
        )
        self._trial.rows.append(row)
        if faults:
            pytest.fail("\n".join([f"after: {fault}", *faults[:12], self.crew.tails()]))
        return row

    async def _struck(self, point: str) -> Struck:
        found: list[Struck] = []

        async def is_struck() -> bool:
            found.extend(filter(None, [self.points.struck(point)]))
            return bool(found)

        await self._wait(is_struck, f"no insight process passed {point}")
        return found[0]

    async def _is_read(self) -> bool:
        installation = self._trial.installation
        topics = installation.settings.topics.observations.values()
        backlog = await installation.admin.backlog(self._group, topics)
        return backlog.done == backlog.total == len(self._trial.published)

    async def _is_shaped(self) -> bool:
        """Whether each bookmaker's hours are stored, up to the one in which all was published."""
        hour = self._trial.published_at.replace(minute=0, second=0, microsecond=0)
        ((platforms,),) = await self._trial.query(_IS_SHAPED, hour)
        return int(platforms) == len(PLATFORMS)

    async def _wait(self, condition: Condition, otherwise: str) -> None:
        try:
            await until(condition, _PATIENCE_S)
        except TimeoutError:
            pytest.fail(f"{otherwise} within {_PATIENCE_S:.0f} s\n{self.crew.tails()}")


def differences(table: str, found: Tables, expected: Tables) -> list[str]:
    """Rows that are not there or not to be there, one sentence each."""
    lost = [f"lost from {table}: {row[:300]}" for row in expected[table] if row not in found[table]]
    more = [
        f"not expected in {table}: {row[:300]}"
        for row in found[table]
        if row not in expected[table]
    ]
    twice = len(found[table]) - len(set(found[table]))
    return [*lost, *more, *([f"twice in {table}: {twice} rows"] if twice else [])]


@asynccontextmanager
async def opened(
    pair: Pair,
    template: str,
    nursery: Nursery,
    folder: Path,
    rows: list[Row],
    *,
    seed: str = "0",
) -> AsyncIterator[WatchedTrial]:
    """A trial on a new installation: few mappings, one of them wrong and one hidden, and a scrape."""
    async with (
        temporary_database(pair.postgres, template) as url,
        installed(pair.kafka, url, folder) as installation,
    ):
        await keep_usual(installation)
        for statement in (HIDE, SWAP):
            await installation.query(statement)
        published = records(random.Random(seed).randrange(10**6))
        await installation.publish(published)
        trial = WatchedTrial(installation, nursery, published, rows, datetime.now(UTC))
        await trial.undisturbed()
        yield trial
