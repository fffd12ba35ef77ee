from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from aiokafka import TopicPartition

from worker.domain.errors import TransientError
from worker.kafka.listed_offsets import ListedOffsets
from worker.kafka.record import Partition
from worker.runtime.liveness.outlook import BatchProgress, ProgressProbe, StallCause
from worker.runtime.liveness.watchdog import Awaited, Progress

PLACE = TopicPartition("t", 0)


class Cluster:
    """Says what the test wants, or does not answer."""

    def __init__(self) -> None:
        self.ends: dict[TopicPartition, int] = {}
        self.leaderless: set[TopicPartition] = set()
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

    async def each_log_end(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        await self._answer(list(partitions))
        return self._listed(partitions)

    async def each_high_watermark(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        return self._listed(partitions)

    def _listed(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        silent = {place: "no leader" for place in partitions if place in self.leaderless}
        answered = [place for place in partitions if place not in silent]
        return ListedOffsets({place: self.ends.get(place, 0) for place in answered}, silent)

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
        self.is_settled = True
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
    world.database_blocks, world.assigned.is_settled = True, False
    world.cluster.ends = {PLACE: 9}
    with world.batch_progress.held():
        assert await world.see() == []
        assert world.blocked == ["database"]
        world.cluster.error = TransientError("Kafka does not answer: no broker")
        assert await world.names() == ["kafka"]


async def test_partitions_should_be_opened_when_they_are_expected_and_kafka_answers() -> None:
    world = World()
    world.assigned.is_settled, world.assigned.owned = False, []
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


async def test_a_partition_without_a_leader_is_no_silence_and_the_others_are_judged() -> None:
    world = World()
    other = TopicPartition("t", 1)
    world.assigned.owned = [*world.assigned.owned, Held(Partition("t", 1, "id"), 5)]
    world.cluster.leaderless, world.cluster.ends = {PLACE}, {PLACE: 9, other: 9}
    assert await world.names() == [other]
    assert (world.outlook.silence, world.blocked) == (None, [])
    assert world.outlook.silent_partitions() == ["t/0: nobody says where its log ends: no leader"]
    world.cluster.leaderless = set()
    assert await world.names() == [PLACE, other]
    assert world.outlook.silent_partitions() == []


async def test_a_worker_whose_only_partition_has_no_leader_does_not_end() -> None:
    world, progress = World(), Progress(120, 10)
    world.cluster.leaderless = {PLACE}
    verdicts = {progress.look(at_s, await world.see()).state for at_s in range(0, 400, 10)}
    assert verdicts == {"moving"}
    world.cluster.error = TransientError("Kafka does not answer: no broker")
    assert await world.names() == ["kafka"], "a cluster that answers nothing at all is silent"
