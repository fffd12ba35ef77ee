"""The client's consumer in memory: as much of it as the assignment and the poll loop ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any, Protocol

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError
from aiokafka.structs import OffsetAndMetadata

from tests.support.records import FakeRecord
from tests.support.world.group import FakeGroup
from tests.support.world.log import FakeLog
from tests.support.world.network import Network, Sender


class Cluster(Protocol):
    """What the consumer talks to; the log is another one once the topic was created again."""

    network: Network
    group: FakeGroup
    log: FakeLog


class Position:
    """A partition's state as the client keeps it."""

    def __init__(self) -> None:
        self.position = 0
        self.has_valid_position = False


class FakeConsumer:
    """A member of the group. ``run`` joins and joins again; records are handed out when told to."""

    def __init__(
        self, cluster: Cluster, sender: Sender, listener: ConsumerRebalanceListener
    ) -> None:
        self._cluster = cluster
        self._sender = sender
        self._listener = listener
        self._told = asyncio.Event()
        self.states: dict[TopicPartition, Position] = {}
        self.paused: set[TopicPartition] = set()
        self.generation = -1
        assignment = SimpleNamespace(state_value=self.states.get)
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))

    async def run(self) -> None:
        await self._listener.on_partitions_revoked(set())
        while True:
            assigned = await self._join()
            self.states.clear()
            self.states.update((place, Position()) for place in assigned)
            self.paused.clear()
            await self._listener.on_partitions_assigned(assigned)
            await self._told.wait()
            self._told.clear()
            await self._listener.on_partitions_revoked(assigned)

    async def _join(self) -> set[TopicPartition]:
        """Ask until the group takes us; who was away for too long has to ask again."""
        while True:
            await self._sender.scheduled()
            if self._sender.is_dead:
                await asyncio.Event().wait()
            joined = await self._cluster.group.join(self._sender.name)
            await self._sender.scheduled()
            if joined is not None:
                self.generation = joined.generation
                return joined.assigned

    def learn_of_rebalance(self) -> None:
        """What the next heartbeat tells."""
        self._told.set()

    @property
    def is_told(self) -> bool:
        return self._told.is_set()

    def pause(self, *partitions: TopicPartition) -> None:
        self._check(partitions)
        self.paused |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self._check(partitions)
        self.paused -= set(partitions)

    def _check(self, partitions: Iterable[TopicPartition]) -> None:
        if not self.states.keys() >= set(partitions):
            raise IllegalStateError("not assigned")

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._check([partition])
        state = self.states[partition]
        state.position, state.has_valid_position = offset, True

    def assignment(self) -> set[TopicPartition]:
        return set(self.states)

    async def position(self, place: TopicPartition) -> int:
        self._refresh(place, self.states[place])
        return self.states[place].position

    def highwater(self, partition: TopicPartition) -> int | None:
        return self._cluster.log.ends([partition])[partition]

    async def beginning_offsets(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        places = list(partitions)
        starts: dict[TopicPartition, int] = await self._cluster.network.ask(
            "look up", self._sender, [lambda: self._cluster.log.starts(places)]
        )
        return starts

    async def commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        generation = self.generation
        await self._cluster.network.ask(
            "commit",
            self._sender,
            [lambda: self._cluster.group.commit(self._sender.name, generation, offsets)],
        )

    def fetchable(self) -> list[TopicPartition]:
        """Open partitions that have records beyond the position."""
        return [
            place
            for place in sorted(self.states)
            if place not in self.paused and self._next(place, 1)
        ]

    def fetch(self, most: int) -> list[FakeRecord]:
        """Up to ``most`` records of each open partition; the positions move on at once."""
        taken: list[FakeRecord] = []
        for place in self.fetchable():
            records = self._next(place, most)
            self.states[place].position = self._cluster.log.next_position(place.partition, records)
            taken += records
        return taken

    def _next(self, place: TopicPartition, most: int) -> Sequence[FakeRecord]:
        state = self.states[place]
        self._refresh(place, state)
        return self._cluster.log.read(place.partition, state.position, most)

    def _refresh(self, place: TopicPartition, state: Position) -> None:
        """Without a position the commit counts; one that is out of range becomes the start, silently."""
        starts, ends = self._cluster.log.starts([place]), self._cluster.log.ends([place])
        if not state.has_valid_position:
            committed = self._cluster.group.committed([place]).get(place)
            state.position = starts[place] if committed is None else committed.offset
            state.has_valid_position = True
        if not starts[place] <= state.position <= ends[place]:
            state.position = starts[place]


def consumer_of(fake: FakeConsumer) -> Any:
    """As the product takes it: the client's class has no protocol of its own."""
    return fake
