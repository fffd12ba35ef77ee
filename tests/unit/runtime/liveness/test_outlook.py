from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from aiokafka import TopicPartition

from worker.domain.errors import TransientError
from worker.kafka.record import Partition
from worker.runtime.liveness.outlook import BatchProgress, Positions, ProgressProbe, StallCause
from worker.runtime.liveness.watchdog import Awaited

PLACE = TopicPartition("t", 0)


class Cluster:
    """Says what the test wants, or does not answer."""

    def __init__(self) -> None:
        self.ends: dict[TopicPartition, int] = {}
        self.error: Exception | None = None
        self.hangs = False
        self.asked: list[object] = []

    @property
    def topics(self) -> Self:
        return self

    @property
    def offsets(self) -> Self:
        return self

    async def states(self, names: Iterable[str]) -> None:
        await self._answer(list(names))

    async def log_ends(self, partitions: Iterable[TopicPartition]) -> Positions:
        await self._answer(list(partitions))
        return self.ends

    async def high_watermarks(self, partitions: Iterable[TopicPartition]) -> Positions:
        return self.ends

    async def _answer(self, about: object) -> None:
        self.asked.append(about)
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error


class Held(NamedTuple):
    partition: Partition
    position: int


class Assigned:
    def __init__(self) -> None:
        self.owned: Sequence[Held] = [Held(Partition("t", 0, "id"), 5)]
        self.is_open = True
        self.epoch = 1


class World:
    def __init__(self) -> None:
        self.cluster = Cluster()
        self.assigned = Assigned()
        self.batch_progress = BatchProgress()
        self.handed_over: dict[TopicPartition, int] = {}
        self.database_blocks = False
        self.blocked: list[StallCause] = []
        self.outlook = ProgressProbe(
            self.cluster,
            self.assigned,
            self.batch_progress,
            topics=["t"],
            handed_over=lambda _: self.handed_over,
            database_blocks=lambda: self.database_blocks,
            report=lambda blocked: self.blocked.append(blocked.cause),
            timeout_s=0.05,
        )
        self.outlook.expects_partitions = True

    async def see(self) -> list[Awaited]:
        return await self.outlook.look()

    async def names(self) -> list[object]:
        return [standing.name for standing in await self.see()]


async def test_a_worker_with_nothing_to_do_has_nothing_that_should_move() -> None:
    world = World()
    world.cluster.ends, world.handed_over = {PLACE: 5}, {PLACE: 5}
    assert await world.see() == []
    assert world.outlook.silence is None


async def test_records_beyond_what_was_handed_over_should_be_fetched() -> None:
    world = World()
    world.cluster.ends, world.handed_over = {PLACE: 9}, {PLACE: 7}
    assert await world.see() == [Awaited(PLACE, 7, "t/0: records from offset 7 on are not fetched")]


async def test_a_partition_the_consumer_has_no_position_in_is_judged_by_where_its_work_stands() -> (
    None
):
    world = World()
    world.cluster.ends = {PLACE: 9}
    ((name, token, _),) = await world.see()
    assert (name, token) == (PLACE, 5)


async def test_markers_behind_the_last_record_that_were_passed_are_nothing_to_fetch() -> None:
    world = World()
    world.cluster.ends, world.handed_over = {PLACE: 6}, {PLACE: 6}
    assert world.assigned.owned[0].position == 5
    assert await world.see() == []


async def test_a_batch_in_progress_should_get_on_step_by_step() -> None:
    world = World()
    tokens = set()
    with world.batch_progress.held():
        for _ in range(2):
            ((name, token, _),) = await world.see()
            tokens.add(token)
            world.batch_progress.part_done()
    assert name == "batch"
    assert len(tokens) == 2
    assert await world.see() == []


async def test_while_the_database_is_waited_for_only_kafka_is_judged() -> None:
    world = World()
    world.database_blocks, world.assigned.is_open = True, False
    world.cluster.ends = {PLACE: 9}
    with world.batch_progress.held():
        assert await world.see() == []
        assert world.blocked == ["database"]
        world.cluster.error = TransientError("Kafka does not answer: no broker")
        assert await world.names() == ["kafka"]


async def test_partitions_should_be_opened_when_they_are_expected_and_kafka_answers() -> None:
    world = World()
    world.assigned.is_open, world.assigned.owned = False, []
    assert await world.names() == ["opening"]
    assert world.cluster.asked == [["t"]], (
        "a cluster of which no partition is owned is asked for the topics"
    )
    world.outlook.expects_partitions = False
    assert await world.see() == []


async def test_a_cluster_that_does_not_answer_is_named_and_told() -> None:
    world = World()
    world.cluster.error = TransientError("Kafka does not answer: no broker")
    assert await world.see() == [Awaited("kafka", None, "Kafka does not answer: no broker")]
    assert world.outlook.silence == "Kafka does not answer: no broker"
    assert world.blocked == ["kafka"]
    world.cluster.error = None
    await world.see()
    assert world.outlook.silence is None


async def test_a_question_that_hangs_is_no_answer() -> None:
    world = World()
    world.cluster.hangs = True
    assert await world.names() == ["kafka"]
