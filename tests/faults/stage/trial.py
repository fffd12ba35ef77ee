"""A crew on a running stream. A fault is injected, then everything is judged; the next fault follows."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from tests.faults.stage import oracle
from tests.faults.stage.crew import Crew, End
from tests.faults.stage.publisher import Publisher
from tests.faults.stage.report import Row
from tests.faults.stage.switchboard import Struck, Switchboard
from tests.faults.stage.tape import Tape
from tests.faults.stage.verdict import Seen, Verdict, judge
from tests.support.services.installation import Installation, until
from worker.domain.errors import TransientError

BATCH_RECORDS = 20
# So a batch takes up to two further polls in.
POLL_RECORDS = 8
# What a worker has published and not counted at most: a batch being counted, and the first poll of the next.
IN_FLIGHT_RECORDS = BATCH_RECORDS + POLL_RECORDS
PATIENCE_S = 120.0

COUNTS = "SELECT source, external_market_id, occurrence_count FROM unmapped_market_log"


@dataclass
class Trial:
    """``broken`` until it was judged to be whole: after a failure, the next test needs another one."""

    installation: Installation
    crew: Crew
    points: Switchboard
    publisher: Publisher
    tape: Tape
    dice: random.Random
    rows: list[Row]
    seen: Seen = field(default_factory=Seen)
    skipped: set[int] = field(default_factory=set)
    broken: bool = False
    _ends_judged: int = 0

    @property
    def topic(self) -> str:
        return self.installation.settings.topics.observations["sportybet"]

    @property
    def group(self) -> str:
        return self.installation.settings.group_id

    @property
    def database(self) -> str:
        return self.installation.settings.database_url

    @property
    def server(self) -> str:
        """The database that every connection may use while the trial's own is changed."""
        return urlunsplit(urlsplit(self.database)._replace(path="/postgres"))

    async def start(self) -> None:
        """Return when the stream flows and the crew has taken up its work."""
        await self.publisher.start()
        self.crew.start()
        await self.tape.start()
        for slot in self.crew.slots:
            await self.joined(slot)
        await self.caught_up_with(await self.log_ends())

    async def end(self) -> None:
        """Kill what runs; nothing is judged any more."""
        await self.crew.kill()
        await self.publisher.stop()
        await self.tape.stop()

    async def pick(self) -> int:
        """A slot of the crew, by the dice; something runs in it."""
        await self.crew.all_run()
        return self.dice.choice(self.crew.slots)

    async def struck(self, point: str) -> Struck:
        """Wait until an armed point was passed."""
        found: list[Struck] = []

        async def is_struck() -> bool:
            found.extend(filter(None, [self.points.struck(point)]))
            return bool(found)

        await self.wait(is_struck, f"no worker passed {point}")
        return found[0]

    async def flowed(self, records: int = 3 * BATCH_RECORDS) -> None:
        """Wait until the group has committed so many records more than now."""
        goal: list[int] = []

        async def has_flowed() -> bool:
            total = await self._committed_total()
            goal[:] = goal or [total + records]
            return total >= goal[0]

        await self.wait(has_flowed, "the stream does not flow")

    async def sent(self, records: int) -> None:
        """Wait until the stream has so many records more than now."""
        goal = self.publisher.sent + records

        async def is_sent() -> bool:
            return self.publisher.sent >= goal

        await self.wait(is_sent, "the stream does not flow")

    async def group_is_empty(self) -> None:
        """Wait until no member is left: all have gone, or their sessions are over."""
        servers = self.installation.settings.kafka_bootstrap_servers
        admin = AdminClient({"bootstrap.servers": servers})

        async def is_empty() -> bool:
            described = admin.describe_consumer_groups([self.group])[self.group]
            return bool(
                (await asyncio.to_thread(described.result, 30)).state == ConsumerGroupState.EMPTY
            )

        await self.wait(is_empty, "the group is not empty")

    def said(self, event: str, slot: int | None = None, **fields: object) -> Awaitable[None]:
        """Wait until a worker (of this slot) logs this, in a line that was not there at the call.

        So the call stands before what causes the line, and the wait behind it.
        """
        before = self.crew.said(event, slot, fields)

        async def is_said() -> bool:
            return self.crew.said(event, slot, fields) > before

        return self.wait(is_said, f"no worker logged {event} {fields}")

    async def joined(self, slot: int, before: tuple[int, int] = (0, 0)) -> None:
        """Wait until a worker has taken partitions up: for the first time, or since ``before``.

        One that was given up by the group does so only when it is through with the batch that it had in hand.
        """

        async def has_joined() -> bool:
            pid, openings = self.crew.openings(slot)
            return openings > (before[1] if pid == before[0] else 0)

        await self.wait(has_joined, "the worker does not join")

    async def rejoined(self, before: Mapping[int, tuple[int, int]]) -> None:
        """Wait until each of these workers has taken partitions up again."""
        for slot, openings in before.items():
            await self.joined(slot, openings)

    def openings(self) -> dict[int, tuple[int, int]]:
        """What ``rejoined`` is to compare with."""
        return {slot: self.crew.openings(slot) for slot in self.crew.slots}

    async def rebalanced_by_a_guest(self) -> None:
        """Let a consumer that reads nothing join the group, and leave it."""
        settings = self.installation.settings
        guest = AIOKafkaConsumer(
            *settings.topics.observations.values(),
            bootstrap_servers=settings.kafka_bootstrap_servers,
            group_id=self.group,
            enable_auto_commit=False,
            session_timeout_ms=6000,
            rebalance_timeout_ms=60_000,
        )
        async with asyncio.timeout(PATIENCE_S):
            await guest.start()  # returns when it has joined
            await guest.stop()

    async def log_ends(self) -> dict[TopicPartition, int]:
        found: dict[TopicPartition, int] = {}

        async def is_answered() -> bool:
            found.update(await self.installation.admin.offsets.log_ends(await self._places()))
            return True

        await self.wait(is_answered, "the broker does not tell where the log ends")
        return found

    async def caught_up_with(
        self, ends: dict[TopicPartition, int], *, exactly: bool = False
    ) -> None:
        """Wait until the group has committed these offsets, or beyond."""

        def is_done(committed: int | None, end: int) -> bool:
            return committed == end if exactly else (committed or 0) >= end

        async def is_caught_up() -> bool:
            commits = await self.installation.admin.groups.committed(self.group, ends)
            offsets = {place: commit.offset for place, commit in commits.items()}
            return all(is_done(offsets.get(place), end) for place, end in ends.items() if end)

        await self.wait(is_caught_up, f"the group does not catch up with {ends}")

    async def wait(self, condition: Callable[[], Awaitable[bool]], otherwise: str) -> None:
        """`until`, but a failure says what the workers said last."""
        try:
            await until(condition, PATIENCE_S)
        except TimeoutError:
            pytest.fail(f"{otherwise} within {PATIENCE_S:.0f} s\n{self.crew.tails()}")

    async def judged(
        self,
        fault: str,
        *,
        injected: int = 1,
        in_flight: int = 0,
        ends: Sequence[int] = (),
        note: str = "",
    ) -> Row:
        """Wait for recovery, let the stream rest, compare everything with the oracle, let it flow on.

        ``in_flight`` bounds the outputs that may have come again. ``ends`` are the exit codes that workers
        may have ended with by themselves (negative: signals); any other end fails.
        """
        since = time.monotonic()
        await self.caught_up_with(await self.log_ends())
        recovery_s = time.monotonic() - since
        await self.at_rest()
        verdict = await self._verdict()
        row = _row(fault, injected, self.publisher.sent, in_flight, verdict, recovery_s, note)
        self.rows.append(row)
        faults = [*verdict.faults(in_flight), *self._unexpected_ends(ends)]
        if faults:
            pytest.fail("\n".join([f"after: {fault}", *faults, self.crew.tails()]))
        self.broken = False
        self.publisher.resume()
        return row

    async def at_rest(self) -> None:
        """Let the stream pause, and wait until all that was published is committed and told."""
        await self.publisher.pause()
        await self.caught_up_with(await self.log_ends(), exactly=True)
        await self.wait(self._all_announced, "first sightings are not told")

    async def _verdict(self) -> Verdict:
        expected = set(range(self.publisher.sent)) - self.skipped
        new = await self.tape.read()
        table = await self._counts()
        return judge(self.seen, new, expected, table, oracle.counts(expected), self.tape.announced)

    def _unexpected_ends(self, codes: Sequence[int]) -> list[str]:
        new = self.crew.ends[self._ends_judged :]
        self._ends_judged = len(self.crew.ends)
        return [f"a worker ended: {end}" for end in new if not _is_expected(end, codes)]

    async def _all_announced(self) -> bool:
        (row,) = await self.query(
            "SELECT count(*) FROM unmapped_market_log WHERE announced_at IS NULL"
        )
        return bool(row[0] == 0)

    async def query(self, statement: str) -> Sequence[Any]:
        """Ask the trial's database, on a connection that no fault has met yet."""
        client = await asyncpg.connect(self.database, server_settings={"application_name": "judge"})
        try:
            return await client.fetch(statement)  # type: ignore[no-any-return]  # it ships partial types
        finally:
            await client.close()

    async def _counts(self) -> Counter[tuple[str, str]]:
        rows = await self.query(COUNTS)
        return Counter({(source, market): count for source, market, count in rows})

    async def _committed_total(self) -> int:
        commits = await self.installation.admin.groups.committed(self.group, await self._places())
        return sum(commit.offset for commit in commits.values())

    async def _places(self) -> list[TopicPartition]:
        topics = await self.installation.admin.topics.states([self.topic])
        if self.topic not in topics:
            raise TransientError(f"{self.topic} is not there")
        return [
            TopicPartition(self.topic, number) for number in range(topics[self.topic].partitions)
        ]


def _is_expected(end: End, codes: Sequence[int]) -> bool:
    return end.in_order or end.code in codes


def _row(
    fault: str,
    injected: int,
    records: int,
    in_flight: int,
    verdict: Verdict,
    recovery_s: float,
    note: str,
) -> Row:
    repeated = len(verdict.repeated)
    return Row(
        fault=fault,
        injected=injected,
        records=records,
        in_flight=in_flight,
        lost=len(verdict.lost),
        miscounted=len(verdict.miscounted),
        duplicates_allowed=min(repeated, in_flight),
        duplicates_not_allowed=max(0, repeated - in_flight),
        recovery_s=recovery_s,
        note=note,
    )
