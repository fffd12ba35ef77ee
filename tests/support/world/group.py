"""A consumer group's coordinator in memory: generations, rebalances that wait for everyone, and commits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata

from worker.kafka.record import Committed


class NotEmptyError(Exception):
    """Offsets are altered only in a group that has no members."""


class Joined(NamedTuple):
    """What a member gets when a rebalance is complete."""

    generation: int
    assigned: set[TopicPartition]


class FakeGroup:
    """Eager: every member gives everything up, then all of them get their share at once."""

    def __init__(self, places: Callable[[], Sequence[TopicPartition]]) -> None:
        self._places = places
        self._members: dict[str, asyncio.Future[Joined | None] | None] = {}
        self._offsets: dict[TopicPartition, Committed] = {}
        self.generation = 0
        self.is_stable = True

    @property
    def members(self) -> list[str]:
        return list(self._members)

    def join(self, member: str) -> asyncio.Future[Joined | None]:
        """Done once every member has asked to join; None when the session expired before that."""
        future: asyncio.Future[Joined | None] = asyncio.get_running_loop().create_future()
        self._members[member] = future
        self.is_stable = False
        self._complete()
        return future

    def leave(self, member: str) -> None:
        """On its own account, or because its session has expired."""
        if member in self._members:
            waiting = self._members.pop(member)
            if waiting is not None and not waiting.done():
                waiting.set_result(None)
            self.is_stable = False
            self._complete()

    def rebalance(self) -> None:
        """Ask everyone to join again, as after a change of the topic's partitions."""
        self.is_stable = False

    def must_rejoin(self, member: str) -> bool:
        return member not in self._members or (not self.is_stable and self._members[member] is None)

    def commit(
        self, member: str, generation: int, offsets: dict[TopicPartition, OffsetAndMetadata]
    ) -> None:
        """Raises CommitFailedError for whoever is not a member of this generation."""
        if member not in self._members or generation != self.generation:
            raise CommitFailedError
        self._offsets |= {
            place: Committed(commit.offset, commit.metadata or "")
            for place, commit in offsets.items()
        }

    def committed(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, Committed]:
        return {place: self._offsets[place] for place in places if place in self._offsets}

    def alter(self, offsets: dict[TopicPartition, int]) -> None:
        """As Kafka's own tool does it: the offset alone is written. Raises NotEmptyError."""
        if self._members:
            raise NotEmptyError
        self._offsets |= {place: Committed(offset, "") for place, offset in offsets.items()}

    def commit_of_another(self, place: TopicPartition, offset: int) -> None:
        """As a consumer does that came with auto-commit, read up to ``offset``, and left."""
        self._offsets[place] = Committed(offset, "", leader_epoch=0)

    def forget(self, *, only_resets: bool) -> None:
        """As after the topic was deleted; the coordinator may be slow to do so."""
        kept = {
            place: commit
            for place, commit in self._offsets.items()
            if only_resets and not commit.is_reset
        }
        self._offsets = kept

    def _complete(self) -> None:
        waiting = {member: future for member, future in self._members.items() if future is not None}
        if len(waiting) < len(self._members):
            return
        self.generation += 1
        self.is_stable = True
        places, members = sorted(self._places()), sorted(waiting)
        for number, member in enumerate(members):
            self._members[member] = None
            if not waiting[member].done():
                waiting[member].set_result(
                    Joined(self.generation, set(places[number :: len(members)]))
                )
