"""Which partitions are opened and when, if one of them cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition

from worker.domain.errors import TransientError
from worker.kafka.client.polls import UnreadableRecordsError
from worker.runtime.snapshot import following
from worker.runtime.snapshot.following import Snapshot
from worker.runtime.snapshot.metrics import SnapshotMetrics
from worker.settings.connected import KafkaSettings

SETTINGS = KafkaSettings(kafka_bootstrap_servers="nowhere:1")
PLACES = [TopicPartition(SETTINGS.topics.resolved, number) for number in range(3)]
LATEST = SETTINGS.topics.latest
UNREADABLE = UnreadableRecordsError(TopicPartition(LATEST, 0), 7, ValueError("damaged"))


class Consumer:
    """A member of the group with all partitions."""

    def __init__(self) -> None:
        self.resumed: list[int] = []

    def assignment(self) -> set[TopicPartition]:
        return set(PLACES)

    async def position(self, place: TopicPartition) -> int:
        del place
        return 0

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        del offsets

    def resume(self, place: TopicPartition) -> None:
        self.resumed.append(place.partition)


class Opened:
    keys = 0

    async def close(self) -> None:
        pass


class Stage:
    """A snapshot process that opens partitions; opening those in ``faults`` fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.faults: dict[int, Exception] = {}
        self.tried: list[int] = []
        consumer: Any = Consumer()
        self.consumer = consumer
        self.delay_s = 0.0
        self.snapshot = Snapshot(SETTINGS, SnapshotMetrics(), retry_delay=lambda _: self.delay_s)
        self.snapshot._consumer = consumer
        monkeypatch.setattr(following, "open_partition", self._open)
        monkeypatch.setattr(following, "_REST", 0)  # an attempt takes no time here

    async def _open(self, _: KafkaSettings, partition: int, *rest: object) -> Opened:
        self.tried.append(partition)
        if partition in self.faults:
            raise self.faults[partition]
        return Opened()

    async def turn(self) -> list[int]:
        """The partitions that are tried in one turn."""
        self.tried.clear()
        await self.snapshot._open_assigned(self.consumer)
        return list(self.tried)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


@pytest.mark.parametrize("fault", [TransientError("no leader"), UNREADABLE])
async def test_a_partition_that_cannot_be_opened_keeps_no_other_from_it(
    stage: Stage, fault: Exception
) -> None:
    stage.faults[0] = fault
    stage.delay_s = 3600
    assert [await stage.turn() for _ in range(3)] == [[0], [1, 2], []]
    assert stage.consumer.resumed == [1, 2]
    assert stage.snapshot.not_ready() == [f"{LATEST}/0 cannot be opened: {fault}"]
    assert stage.snapshot.not_started() == []


async def test_it_is_tried_again_after_the_others_and_opened_once_that_can_be_done(
    stage: Stage,
) -> None:
    stage.faults[0] = stage.faults[1] = TransientError("no leader")
    assert [await stage.turn() for _ in range(4)] == [[0], [1], [2, 0], [0]]
    stage.faults.clear()
    assert await stage.turn() == [0, 1]
    assert stage.snapshot.not_ready() == []
    assert await stage.turn() == []


async def test_what_is_assigned_to_another_process_is_not_waited_for(stage: Stage) -> None:
    stage.faults[0] = TransientError("no leader")
    await stage.turn()
    stage.consumer.assignment = lambda: set(PLACES[1:])
    stage.consumer.pause = lambda *_: None
    await stage.snapshot.assigned(set(PLACES[1:]))
    await stage.turn()
    assert stage.snapshot.not_ready() == []
