"""A world of servers and workers, one event at a time, until it is drained; and the verdict on it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Final

from aiokafka import TopicPartition

from tests.support.world import events as fakes_events
from tests.support.world.events import MOST_WORKERS, Event
from tests.support.world.servers import TICK_S, Servers

Choose = Callable[[Sequence[Event]], Event]

_MOST_CALM_EVENTS: Final = 3000
_CALM_TICKS: Final = 20


def seeded(seed: int) -> Choose:
    draw = random.Random(seed)
    return lambda events: draw.choices(events, [event.weight for event in events])[0]


class World(Servers):
    """In a ``calm`` world only good things happen. ``history`` names all that did."""

    calm = False

    def run(self, choose: Choose, events: int) -> list[str]:
        """Let ``events`` things happen, then good ones until all is done; what is wrong in the end."""
        self.history: list[str] = []
        try:
            for _ in range(events):
                self._do(choose(self._events()))
                if twice := self.oracle.counted_twice(self.ledger.tables):
                    return [f"counted twice: {twice}"]
            self._become_calm()
            return self.oracle.verdict(self.ledger.tables) if self._drain(choose) else ["stuck"]
        finally:
            self.loop.end()

    def _events(self) -> list[Event]:
        found = [*fakes_events.good_events(self)]
        if self.calm:
            return [
                *found,
                *fakes_events.start_of_a_worker(self, 1),
                *fakes_events.lost_requests(self),
            ]
        found += [*fakes_events.start_of_a_worker(self, MOST_WORKERS), *fakes_events.records(self)]
        return [*found, *fakes_events.faults(self), *fakes_events.operators(self)]

    def _do(self, event: Event) -> None:
        self.history.append(event.name)
        event.happen()
        self.loop.settle()
        self.note_commits()
        for worker in self.workers:
            for defect in worker.defects:
                raise defect

    def _become_calm(self) -> None:
        """Servers come back, and after one more record in each partition nothing arrives.

        That record is what tells a worker that its database was restored.
        """
        self.calm, self.is_database_away = True, False
        for place in self.log.places:
            self.append(place.partition)

    def _drain(self, choose: Choose) -> bool:
        """Let good things happen, and time pass when there is none, until nothing is left to do."""
        ticks = 0
        for _ in range(_MOST_CALM_EVENTS):
            if self._is_drained:
                return True
            if possible := self._events():
                self._do(choose(possible))
            elif (ticks := ticks + 1) > _CALM_TICKS:
                return False
            else:
                self._do(Event("time passes", 1, lambda: self.loop.advance(TICK_S)))
        return False

    @property
    def _is_drained(self) -> bool:
        """Every partition is open with somebody, who stands at its end with nothing under way."""
        is_quiet = self.group.is_stable and not self.network.requests
        is_idle = all(worker.idle and not worker.has_fetched for worker in self.running)
        return is_quiet and is_idle and all(self._is_read(place) for place in self.log.places)

    def _is_read(self, place: TopicPartition) -> bool:
        wanted = (self.log.topic_id, place.partition)
        return any(
            (owned.partition.topic_id, owned.partition.partition) == wanted
            and not self.log.read(place.partition, owned.position, 1)
            for worker in self.running
            if worker.name in self.group.members and worker.assignment.is_open
            for owned in worker.assignment.owned
        )
