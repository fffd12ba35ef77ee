"""Snapshot processes on a trial's stream, and what they keep, judged against the oracle."""

from __future__ import annotations

import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.faults.stage import oracle
from tests.faults.stage.crew import Crew
from tests.faults.stage.points import TAKEOVERS, Point
from tests.faults.stage.report import Row
from tests.faults.stage.switchboard import Struck, Switchboard
from tests.faults.stage.trial import PATIENCE_S, Trial
from tests.support.services.installation import until
from tests.support.services.nursery import Nursery
from worker.kafka.record import Record

PROCESSES = 2
FLOW = 60

Condition = Callable[[], Awaitable[bool]]


class LatestTrial:
    """``PROCESSES`` snapshot processes that follow what the trial's workers publish."""

    def __init__(
        self,
        trial: Trial,
        nursery: Nursery,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.trial = trial
        folder = trial.installation.folder / "latest-points"
        self.points = Switchboard(folder)
        self.crew = Crew(
            trial.installation,
            PROCESSES,
            nursery,
            points=folder,
            static=False,
            environment={"MARKETMAP_SNAPSHOT_UNSEEN_S": "0", **environment},
            kind="snapshot",
        )

    async def start(self) -> None:
        """Return when all that is published by now is in the topic."""
        self.crew.start()
        await self.flowed(1)

    async def end(self) -> None:
        await self.crew.kill()

    async def flowed(self, records: int = FLOW) -> None:
        """Wait until this number of further resolved events has been read."""
        goal: list[int] = []

        async def has_flowed() -> bool:  # a broker that was restarted may not know yet
            total = await self._committed()
            goal[:] = goal or [total + records]
            return total >= goal[0]

        await self._wait(has_flowed, "the snapshot processes do not go on")

    async def struck(self, point: str) -> Struck:
        """Wait until an armed point was passed."""
        found: list[Struck] = []

        async def is_struck() -> bool:
            found.extend(filter(None, [self.points.struck(point)]))
            return bool(found)

        await self._wait(is_struck, f"no snapshot process passed {point}")
        return found[0]

    async def stopped_at(self, point: Point, number: signal.Signals) -> int:
        """Have a process stopped there by a signal; its pid."""
        is_takeover = point.name in TAKEOVERS
        nth = 1 if is_takeover else self.trial.dice.randint(1, 8)
        await self.crew.all_run()
        self.points.arm(point.name, nth, number)
        if is_takeover:
            await self.crew.restart(self.trial.dice.choice(self.crew.slots))
        return (await self.struck(point.name)).pid

    def openings(self) -> int:
        """How many partitions were opened so far, by any process."""
        return self.crew.said("snapshot_opened", None, {})

    async def taken_over(self, before: int) -> None:
        """Wait until a partition was opened since ``before``."""

        async def is_taken_over() -> bool:
            return self.openings() > before

        await self._wait(is_taken_over, "nobody takes the partitions over")

    async def judged(self, fault: str, *, injected: int) -> Row:
        """Let the stream rest, compare the topic with the oracle, let it flow on."""
        trial = self.trial
        await trial.at_rest()
        since = time.monotonic()
        await self._wait(self._is_through, "the snapshot processes do not catch up")
        recovery_s = time.monotonic() - since
        expected = oracle.newest(set(range(trial.publisher.sent)) - trial.skipped)
        records = await self._committed_records()
        backwards, wrong = went_back(records), differences(records, expected)
        row = Row(
            fault=fault,
            injected=injected,
            records=trial.publisher.sent,
            in_flight=0,
            lost=len(wrong),
            miscounted=0,
            duplicates_allowed=0,
            duplicates_not_allowed=len(backwards),
            recovery_s=recovery_s,
            note="odds.latest: lost are keys that do not hold the newest",
        )
        trial.rows.append(row)
        faults = [*(f"written behind a newer one: {each}" for each in backwards[:12]), *wrong[:12]]
        if faults:
            pytest.fail("\n".join([f"after: {fault}", *faults, self.crew.tails()]))
        trial.broken = False
        trial.publisher.resume()
        return row

    async def _committed_records(self) -> list[Record]:
        """All of the topic that is committed, in the order of the log within each partition.

        The product's own reader would change the client under the consumer of the trial, which is reading.
        """
        installation = self.trial.installation
        consumer = AIOKafkaConsumer(
            bootstrap_servers=installation.settings.kafka_bootstrap_servers,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await consumer.start()
        try:
            places = list(
                await installation.admin.topics.partitions([installation.settings.topics.latest])
            )
            consumer.assign(places)
            ends = await consumer.end_offsets(places)
            records: list[Record] = []
            while any([await consumer.position(place) < end for place, end in ends.items()]):
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    records += batch
            return records
        finally:
            await consumer.stop()

    async def _committed(self) -> int:
        commits = await self._commits()
        return sum(commits.values())

    async def _commits(self) -> dict[TopicPartition, int]:
        settings = self.trial.installation.settings
        admin = self.trial.installation.admin
        places = await admin.topics.partitions([settings.topics.resolved])
        commits = await admin.groups.committed(settings.snapshot_group_id, places)
        return {place: commits[place].offset if place in commits else 0 for place in places}

    async def _is_through(self) -> bool:
        commits = await self._commits()
        ends = await self.trial.installation.admin.offsets.log_ends(commits)
        return all(commits[place] >= end for place, end in ends.items())

    async def _wait(self, condition: Condition, otherwise: str) -> None:
        try:
            await until(condition, PATIENCE_S)
        except TimeoutError:
            pytest.fail(f"{otherwise} within {PATIENCE_S:.0f} s\n{self.crew.tails()}")


def number_of(record: Record) -> int:
    return int(orjson.loads(record.value or b"")["event"]["home"])


def went_back(records: Iterable[Record]) -> list[str]:
    """What was written though it is no newer than what its key held; ``records`` are in the log's order."""
    held: dict[tuple[int, bytes | None], int] = {}
    found = []
    for record in records:
        place, number = (record.partition, record.key), number_of(record)
        if number <= held.get(place, -1):
            found.append(f"{number} of {(record.key or b'').decode()}")
        held[place] = max(number, held.get(place, -1))
    return found


def differences(records: Sequence[Record], expected: Mapping[str, int]) -> list[str]:
    """Keys that do not hold what they have to, one sentence each."""
    held = {(record.key or b"").decode(): number_of(record) for record in records}
    return [
        f"{key} holds {held.get(key)}, the oracle says {expected.get(key)}"
        for key in sorted(held.keys() | expected.keys())
        if held.get(key) != expected.get(key)
    ]
