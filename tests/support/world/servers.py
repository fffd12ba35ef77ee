"""Kafka, Postgres, the workers on them, and everything that operators and accidents do to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Final

from aiokafka import TopicPartition

from tests.support.markets import observation, sportybet
from tests.support.world.group import FakeGroup
from tests.support.world.ledger import FakeLedger, Tables
from tests.support.world.log import FakeLog
from tests.support.world.loop import SteppedLoop
from tests.support.world.network import Network, Request, Sender
from tests.support.world.oracle import Oracle, Source
from tests.support.world.worker import BATCH, FakeWorker, Output
from worker.ingest.handler import BatchHandler
from worker.storage.errors import StorageUnavailable
from worker.storage.ledger import MissRow
from worker.storage.watermarks import WatermarkMove

TOPIC: Final = "observations.sportybet"
GROUP: Final = "group"
PARTITIONS: Final = 2
TICK_S: Final = 4.0
# A market whose count is at the largest integer: the database refuses to add to it.
FULL: Final = "full"
_LARGEST_INTEGER: Final = 2**31 - 1
_SEEN_AT: Final = datetime(2026, 11, 22, tzinfo=UTC)


def topic_id(number: int) -> str:
    """An id of the form that Kafka gives; the topic gets another one when it is created again."""
    return f"topic-{number:016}"


class Servers:
    """What there is, and an oracle that is told of all that happens to it."""

    def __init__(
        self,
        *,
        handler: type[BatchHandler[Output]] = BatchHandler,
        ledger: type[FakeLedger] = FakeLedger,
    ) -> None:
        self.loop = SteppedLoop()
        self.network = Network()
        self.log = FakeLog(TOPIC, topic_id(0), PARTITIONS)
        self.group = FakeGroup(lambda: self.log.places)
        full = MissRow(
            "sportybet", FULL, None, "[]", "UNKNOWN_MARKET", 0, _SEEN_AT, _SEEN_AT, _LARGEST_INTEGER
        )
        self.ledger = ledger(Tables(misses={("sportybet", FULL): full}), GROUP)
        self.oracle = Oracle()
        self.workers: list[FakeWorker] = []
        self.backup: Tables | None = None
        self.is_database_away = False
        self._handler = handler
        self._numbers = count()
        self._topics = count(1)

    @property
    def alive(self) -> list[FakeWorker]:
        return [worker for worker in self.workers if not worker.is_dead]

    @property
    def running(self) -> list[FakeWorker]:
        return [worker for worker in self.alive if not worker.is_frozen]

    def watermark(self, partition: int) -> int:
        return self.ledger.tables.watermarks.get((GROUP, self.log.topic_id, partition), 0)

    def published(self, sender: Sender, output: Output) -> None:
        """Whoever publishes after its partitions were given to others does so beside their owner."""
        source, worker = Source.of(output.source_id), self._worker(sender)
        self.oracle.published.append(source)
        worker.in_flight.add(source)
        if not self._is_owner(worker):
            self.oracle.may_repeat([source])

    def counted(self, sender: Sender, moves: Sequence[WatermarkMove]) -> None:
        """What is counted is not taken up again, unless the commit still says that an operator wants it."""
        worker = self._worker(sender)
        for move in moves:
            place = TopicPartition(move.topic, move.partition)
            commit = self.group.committed([place]).get(place)
            if commit is None or not commit.is_reset:
                worker.in_flight -= {
                    source
                    for source in worker.in_flight
                    if source.is_in(move.topic_id, move.partition)
                    and move.expected <= source.offset < move.next_offset
                }

    def note_commits(self) -> None:
        """What the group has committed is not taken up again."""
        found = self.group.committed(self.log.places)
        commits = {place: commit for place, commit in found.items() if commit.leader_epoch is None}
        for worker in self.workers:
            if worker.in_flight and worker.consumer.generation == self.group.generation:
                worker.in_flight -= {
                    source
                    for source in worker.in_flight
                    for place, commit in commits.items()
                    if place.partition == source.partition and source.offset < commit.offset
                }

    def died(self, sender: Sender) -> None:
        self.oracle.may_repeat(self._worker(sender).in_flight)

    def append(self, partition: int, *, good: bool = True) -> None:
        miss = f"m{next(self._numbers)}" if good else None
        offset = self.log.append(partition, b"{" if miss is None else _missing(miss))
        self.oracle.misses[Source(self.log.topic_id, partition, offset)] = miss

    def append_refused(self, partition: int) -> None:
        """It is published, refused, and published once more as a dead letter, each time that it is read."""
        offset = self.log.append(partition, _missing(FULL))
        source = Source(self.log.topic_id, partition, offset)
        self.oracle.misses[source] = None
        self.oracle.twice.add(source)

    def start(self) -> None:
        worker = FakeWorker(f"w{len(self.workers)}")
        self.workers.append(worker)
        worker.build(self, self._handler)
        self.loop.start(worker.consumer.run())
        self.loop.start(worker.poll())

    def stop(self, worker: FakeWorker) -> None:
        self.loop.start(worker.stop())

    def check_logs(self, worker: FakeWorker) -> None:
        self.loop.start(worker.check_logs())

    def kill(self, worker: FakeWorker) -> None:
        self.died(worker)
        worker.is_dead = True

    def kill_all(self) -> None:
        for worker in self.alive:
            self.kill(worker)
        for name in self.group.members:
            self.expire(name)

    def expire(self, name: str) -> None:
        """A session is over: what its member has in flight may come a second time."""
        for worker in self.workers:
            if worker.name == name:
                self.died(worker)
        self.group.leave(name)

    def pass_a_moment(self) -> None:
        self.loop.advance(2 * BATCH.seconds)

    def pass_time(self) -> None:
        """Drains and commits may run into their bounds: what is in flight may come again."""
        for worker in self.alive:
            self.died(worker)
        self.loop.advance(TICK_S)

    def fail(self, request: Request, error: Exception) -> None:
        self.died(request.sender)
        self.network.fail(request, error)

    def toggle_database(self) -> None:
        self.is_database_away = not self.is_database_away

    def back_up(self) -> None:
        self.backup = self.ledger.tables.copy()

    def restore(self) -> None:
        """Sessions end; what is not in the backup is to be counted again, what an operator skips is not."""
        assert self.backup is not None
        for request in [request for request in self.network.requests if request.kind == "count"]:
            self.network.fail(request, StorageUnavailable("terminated"))
        self.ledger.tables = self.backup.copy()
        commits = self.group.committed(self.log.places)
        for place in self.log.places:
            watermark = self.watermark(place.partition)
            self.oracle.may_repeat(self._from(place.partition, watermark))
            if (commit := commits.get(place)) is not None and commit.is_reset:
                self.oracle.may_be_left_out(
                    self.log.topic_id, place.partition, watermark, commit.offset
                )

    def reset(self, place: TopicPartition, offset: int) -> None:
        """An operator's word: from here on publish again, and below that skip what is not counted."""
        self.group.alter({place: offset})
        watermark = self.watermark(place.partition)
        self.oracle.may_be_left_out(self.log.topic_id, place.partition, watermark, offset)
        self.oracle.reset(self.log.topic_id, place.partition, offset)

    def read_by_another(self, place: TopicPartition, offset: int) -> None:
        """Another consumer commits in the group. It orders nothing, and overwrites what was ordered."""
        self.group.commit_of_another(place, offset)
        self.oracle.again_from.pop((self.log.topic_id, place.partition), None)

    def delete_before(self, place: TopicPartition, offset: int) -> None:
        self.log.delete_before(place.partition, offset)
        self.oracle.may_be_left_out(self.log.topic_id, place.partition, 0, offset)

    def create_topic_again(self, *, commits_stay: bool) -> None:
        """Under the same name, with nobody reading: what was not read is gone."""
        for place, end in self.log.ends(self.log.places).items():
            self.oracle.may_be_left_out(self.log.topic_id, place.partition, 0, end)
        self.log = FakeLog(TOPIC, topic_id(next(self._topics)), PARTITIONS)
        self.group.forget(only_resets=commits_stay)

    def _from(self, partition: int, offset: int) -> Iterator[Source]:
        return (
            source
            for source in self.oracle.misses
            if source.is_in(self.log.topic_id, partition) and source.offset >= offset
        )

    def _worker(self, sender: Sender) -> FakeWorker:
        assert isinstance(sender, FakeWorker)
        return sender

    def _is_owner(self, worker: FakeWorker) -> bool:
        return (
            not worker.is_dead
            and worker.name in self.group.members
            and worker.consumer.generation == self.group.generation
        )


def _missing(market: str) -> bytes:
    return observation("sportybet", [sportybet(market, prices={"Yes": "2"})])
