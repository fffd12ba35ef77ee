"""A worker of the product's own parts (assignment, handler, planner, counting) on servers in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from aiokafka import TopicPartition

from schemas import DeadReason
from tests.support.markets import FOOTBALL
from tests.support.world.client import Cluster, FakeConsumer, consumer_of
from tests.support.world.ledger import FakeLedger
from tests.support.world.loop import SteppedLoop
from tests.support.world.network import Network, Sender
from tests.support.world.oracle import Source
from worker.domain.errors import FatalError, TransientError
from worker.domain.resolve import Resolution
from worker.ingest.handler import BatchHandler
from worker.ingest.partitions.assignment import Assignment
from worker.ingest.partitions.opening import KnownStart
from worker.ingest.planning.plan import Planner
from worker.ingest.polls import BatchLimits
from worker.ingest.reading.record_ids import RecordIds
from worker.kafka.listed_offsets import ListedOffsets
from worker.kafka.record import Committed, Partition, Record
from worker.runtime.counting import LedgerWriter
from worker.storage.ledger import Counted, MissRow
from worker.storage.watermarks import WatermarkConflict, WatermarkMove, Watermarks
from worker.storage.watermarks import WatermarkKey as LedgerPartition

DRAIN_TIMEOUT_S = 10.0
COMMIT_TIMEOUT_S = 5.0
RETRY_S = 1.0
PART_BYTES = 600  # about three of the records that the worlds are made of
# A batch takes further polls in for a moment, in which nothing else runs into a bound.
BATCH = BatchLimits(seconds=0.001, max_bytes=3 * PART_BYTES, max_records=100)


class Output(NamedTuple):
    """What is published of a record."""

    source_id: str
    dead: bool


class Surroundings(Cluster, Protocol):
    """The servers, and who notes what happens on them."""

    loop: SteppedLoop
    ledger: FakeLedger

    def published(self, sender: Sender, output: Output) -> None: ...

    def counted(self, sender: Sender, moves: Sequence[WatermarkMove]) -> None: ...

    def died(self, sender: Sender) -> None: ...


class Outputs:
    """Encodes nothing: an output is its source's id."""

    def __init__(self, around: Surroundings, sender: Sender) -> None:
        self._around = around
        self._sender = sender

    def resolved(
        self, source_id: str, record: Record, envelope: Any, resolution: Resolution, version: int
    ) -> Output | None:
        return Output(source_id, dead=False)

    def dead(
        self, source_id: str, record: Record, reason: DeadReason, detail: str, ids: RecordIds
    ) -> Output:
        return Output(source_id, dead=True)

    async def send(self, outputs: Sequence[Output]) -> None:
        steps = [self._publish(output) for output in outputs]
        await self._around.network.ask("publish", self._sender, steps)

    def _publish(self, output: Output) -> Callable[[], None]:
        return lambda: self._around.published(self._sender, output)


class RemoteLedger:
    """The ledger as a process reaches it: over the network, one transaction a request."""

    def __init__(self, around: Surroundings, sender: Sender) -> None:
        self._around = around
        self._sender = sender

    async def open_partitions(self, partitions: Sequence[LedgerPartition]) -> Watermarks:
        found: Watermarks = await self._ask(
            "look up in the ledger", lambda: self._around.ledger.opened(partitions)
        )
        return found

    async def commit(self, moves: Sequence[WatermarkMove], misses: Sequence[MissRow]) -> Counted:
        def transaction() -> Counted:
            counted = self._around.ledger.committed(moves, misses)
            self._around.counted(self._sender, moves)
            return counted

        counted: Counted = await self._ask("count", transaction)
        return counted

    async def _ask(self, kind: str, step: Callable[[], Any]) -> Any:
        return await self._around.network.ask(kind, self._sender, [step])


class RemoteCoordinates:
    """What the assignment asks when it takes partitions up."""

    def __init__(self, around: Surroundings, counting: LedgerWriter, sender: Sender) -> None:
        self._around = around
        self._counting = counting
        self._sender = sender

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        names = list(topics)
        found: dict[str, str] = await self._ask(
            lambda: dict.fromkeys(names, self._around.log.topic_id)
        )
        return found

    async def committed(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, Committed]:
        wanted = list(partitions)
        found: dict[TopicPartition, Committed] = await self._ask(
            lambda: self._around.group.committed(wanted)
        )
        return found

    async def log_starts(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        wanted = list(partitions)
        found: dict[TopicPartition, int] = await self._ask(lambda: self._around.log.starts(wanted))
        return ListedOffsets(found, {})

    async def high_watermarks(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        wanted = list(partitions)
        found: dict[TopicPartition, int] = await self._ask(lambda: self._around.log.ends(wanted))
        return ListedOffsets(found, {})

    async def watermarks(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        return await self._counting.watermarks(partitions)

    async def known(self, topics: Iterable[str]) -> Sequence[KnownStart]:
        names = list(topics)
        rows = await self._ask(lambda: self._around.ledger.known_under(names))
        return [KnownStart(*row) for row in rows]

    async def move_watermark(
        self, partition: Partition, expected: int, next_offset: int, reason: str
    ) -> None:
        at = LedgerPartition(partition.topic_id, partition.topic, partition.partition)
        try:
            await self._ask(lambda: self._around.ledger.changed(at, expected, next_offset))
        except WatermarkConflict as conflict:
            raise TransientError("the watermark is elsewhere") from conflict

    async def _ask(self, step: Callable[[], Any]) -> Any:
        network: Network = self._around.network
        return await network.ask("look up", self._sender, [step])


@dataclass(eq=False)
class FakeWorker(Sender):
    """A process. ``in_flight`` holds what it published and has not both counted and committed."""

    in_flight: set[Source] = field(default_factory=set)
    deliveries: asyncio.Queue[Sequence[Record]] = field(default_factory=asyncio.Queue)
    idle: bool = True
    defects: list[BaseException] = field(default_factory=list)

    _answer: asyncio.Future[Sequence[Record]] | None = None
    _fetch: asyncio.Task[Sequence[Record]] | None = None

    def begin(self) -> asyncio.Task[Sequence[Record]]:
        """Ask for the next poll, as a batch in progress does; the world answers by `fetch`."""
        if self._fetch is None:
            self._answer = self.around.loop.create_future()
            self._fetch = self.around.loop.start_fetch(self._answer)
        return self._fetch

    def fill(self) -> asyncio.Task[Sequence[Record]]:
        return self.begin()

    def take(self) -> None:
        self._fetch = self._answer = None

    @property
    def has_fetched(self) -> bool:
        return self._answer is not None and self._answer.done()

    @property
    def waits_for_records(self) -> bool:
        """Whether a poll is asked for, by a batch in progress or because there is none."""
        return not self.has_fetched and (self.idle or self._answer is not None)

    def fetch(self, most: int) -> None:
        self.begin()
        assert self._answer is not None
        self._answer.set_result(self.consumer.fetch(most))

    def hand_over(self) -> None:
        assert self._answer is not None
        records = self._answer.result()
        self.take()
        self.idle = False
        self.deliveries.put_nowait(records)

    def build(self, around: Surroundings, handler: type[BatchHandler[Output]]) -> None:
        self.around = around
        ledger: Any = RemoteLedger(around, self)
        outputs = Outputs(around, self)
        counting = LedgerWriter(
            ledger,
            retry_delay=lambda _: RETRY_S,
            report=lambda _: None,
            on_first_sighting=lambda: None,
        )
        self.assignment = Assignment(
            RemoteCoordinates(around, counting, self),
            drain_timeout_s=DRAIN_TIMEOUT_S,
            commit_timeout_s=COMMIT_TIMEOUT_S,
            retry_delay=lambda _: RETRY_S,
            report=lambda _: None,
            on_fatal=self._fail,
        )
        self.consumer = FakeConsumer(around, self, self.assignment)
        self.assignment.attach(lambda: consumer_of(self.consumer))
        self.handler = handler(
            assignment=self.assignment,
            indexes=self,
            planner=Planner(outputs, max_message_bytes=4096),
            outputs=outputs,
            counts=counting,
            part_max_bytes=PART_BYTES,
            report=lambda _: None,
            ahead=self,
            limits=BATCH,
        )

    current = FOOTBALL

    async def poll(self) -> None:
        while True:
            records = await self.deliveries.get()
            try:
                await self.handler.handle(records)
            except Exception as error:  # noqa: BLE001  # the process ends with whatever it is
                self._fail(error)
                return
            self.idle = True

    async def check_logs(self) -> None:
        try:
            await self.assignment.check_topic_ids()
        except Exception as error:  # noqa: BLE001  # as in poll
            self._fail(error)

    async def stop(self) -> None:
        """In good order: what is in flight is finished, so nothing of it may come again."""
        is_drained = await self.assignment.drain()
        if not self.is_dead:
            self._end(is_drained=is_drained)

    def _fail(self, error: BaseException) -> None:
        """A FatalError is the end that was meant for the case; whatever else is a defect."""
        if not self.is_dead:
            if not isinstance(error, FatalError):
                self.defects.append(error)
            self._end(is_drained=False)

    def _end(self, *, is_drained: bool) -> None:
        if not is_drained:
            self.around.died(self)
        self.is_dead = True
        self.around.group.leave(self.name)
