"""The delivery protocol itself: the product's own parts on servers in memory, in orders that chance chooses.

Workers start, die at any await, freeze and come back after others took over, leave in good order; the
database goes away, loses answers, refuses values, is restored from a backup; operators reset offsets; other
consumers commit in the group; logs are cut off at the front, the topic is created again; requests are carried
out though their sender is dead. Then all is let run out, and judged by an oracle that knows only what
happened.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.world import ledger as fakes_ledger
from tests.support.world.events import Event
from tests.support.world.ledger import FakeLedger
from tests.support.world.worker import Output
from tests.support.world.world import Choose, World, seeded
from worker.domain.misses import Sighting
from worker.ingest import handler as processing
from worker.ingest.handler import BatchHandler, _Run
from worker.ingest.in_turn import InTurn
from worker.ingest.partitions import claim as claimed
from worker.ingest.partitions import opening as lookup
from worker.ingest.partitions.claim import PartitionClaim
from worker.ingest.partitions.marks import mark
from worker.ingest.partitions.starts import Findings, OnTruncation, Start, start_of
from worker.ingest.planning.plan import CountedShare
from worker.kafka.record import Partition
from worker.storage.errors import StorageUnavailable
from worker.storage.ledger import Counted, MissRow
from worker.storage.watermarks import WatermarkMove

EVENTS = 250
PARTS = 3
# ``MARKETMAP_WORLDS`` tries more than these.
WORLDS = int(os.environ.get("MARKETMAP_WORLDS", "120"))
# How many worlds it takes at most until one of them shows what is wrong with a weaker protocol.
MOST_WORLDS = 400


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    """Each world logs a hundred lines."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_nothing_counted_twice_and_nothing_repeated_without_need(part: int) -> None:
    for seed in range(part, WORLDS, PARTS):
        world = World()
        assert world.run(seeded(seed), EVENTS) == [], f"seed {seed}: {world.history}"


def drawn(data: st.DataObject) -> Choose:
    """Choices that are shrunk to the fewest and simplest events when one of them does harm."""

    def choose(events: Sequence[Event]) -> Event:
        return events[data.draw(st.integers(0, len(events) - 1))]

    return choose


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(st.data(), st.integers(0, 60))
def test_the_same_holds_for_orders_of_events_that_are_searched_for(
    data: st.DataObject, events: int
) -> None:
    world, choose, rest = World(), drawn(data), seeded(0)

    def at_first(possible: Sequence[Event]) -> Event:
        return rest(possible) if world.calm else choose(possible)

    assert world.run(at_first, events) == [], world.history


def _run(handler: BatchHandler[Output], claimed: PartitionClaim) -> _Run[Output]:
    return _Run(claimed, InTurn(), handler._brake.trial())


class CountsFirst(BatchHandler[Output]):
    """Counts before it publishes."""

    async def _process(self, claimed: PartitionClaim) -> None:
        records, index = claimed.first, self._indexes.current
        plan = await self._plan(records, claimed, index)
        await self._count(plan.share, records, index, _run(self, claimed))
        await self._outputs.send(plan.outputs)
        await claimed.commit(plan.ends, records)


class WaitsForNoAck(BatchHandler[Output]):
    """Goes on while its outputs are still on their way."""

    async def _process(self, claimed: PartitionClaim) -> None:
        records, index = claimed.first, self._indexes.current
        plan = await self._plan(records, claimed, index)
        sending = asyncio.create_task(self._outputs.send(plan.outputs))
        await asyncio.sleep(0)
        await self._count(plan.share, records, index, _run(self, claimed))
        await claimed.commit(plan.ends, records)
        del sending


class AllAtOnce(InTurn):
    """Begins the next piece of work while the one before it is under way."""

    def __init__(self) -> None:
        super().__init__()
        self._all: list[asyncio.Future[None]] = []

    async def take(self, work: Callable[[], Awaitable[None]]) -> None:
        self._task = asyncio.ensure_future(work())
        self._all.append(self._task)

    async def _done(self) -> None:
        await asyncio.gather(*self._all)


class BlindLedger(FakeLedger):
    """Writes watermarks without a look at where they are."""

    def _compare(self, moves: Sequence[WatermarkMove]) -> None:
        """Whatever stands there is overwritten."""


class TornLedger(FakeLedger):
    """Counts in one transaction and moves the watermark in another, which may be lost."""

    calls = 0

    def committed(self, moves: Sequence[WatermarkMove], misses: Sequence[MissRow]) -> Counted:
        self._compare(moves)
        for miss in misses:
            self.tables.misses[miss.source, miss.external_market_id] = self._added(miss)
        type(self).calls += 1
        if self.calls % 10 == 0:
            raise StorageUnavailable("the connection was lost")
        return super().committed(moves, [])


def resuming_at_the_watermark(found: Findings, on_truncation: OnTruncation = "stop") -> Start:
    """Takes every commit for our own: an operator's reset is not seen."""
    position = max(found.watermark, found.log_start)
    return Start("RESUME", position, position)


def believing_the_commit(found: Findings, on_truncation: OnTruncation = "stop") -> Start:
    """Takes up where the commit stands, whatever is counted."""
    committed = found.committed.offset if found.committed else 0
    position = max(committed, found.log_start)
    return Start("RESUME", position, max(position, found.watermark), max(position, found.watermark))


def taking_every_commit_for_a_reset(found: Findings, on_truncation: OnTruncation = "stop") -> Start:
    """Does not look at who has committed."""
    commit = found.committed
    return start_of(
        found._replace(committed=None if commit is None else commit._replace(leader_epoch=None)),
        on_truncation,
    )


def plain_mark(topic_id: str, next_offset: int, *_: object, **__: object) -> str:
    """Forgets in the middle of a replay that there is one."""
    return mark(topic_id, next_offset)


def all_sightings(share: CountedShare, watermarks: dict[Partition, int]) -> Iterable[Sighting]:
    """Counts what is below the watermark, too."""
    return (sighting for _, _, sighting in share.sightings)


def shows(what: str, **parts: Any) -> None:
    """Some world of a protocol that is weaker by ``parts`` shows this."""
    seen: Counter[str] = Counter()
    for seed in range(MOST_WORLDS):
        wrong = World(**parts).run(seeded(seed), EVENTS)
        seen.update(each.partition(":")[0] for each in wrong)
        if seen[what]:
            return
    pytest.fail(f"no world shows it: {what}; what they show: {seen}")


def test_counting_before_publishing_loses_outputs() -> None:
    shows("never published", handler=CountsFirst)


def test_a_watermark_that_is_written_blindly_counts_twice() -> None:
    shows("counted twice", ledger=BlindLedger)


def test_counts_apart_from_their_watermark_count_twice() -> None:
    shows("counted twice", ledger=TornLedger)


def test_without_a_look_at_the_mark_a_reset_is_not_published_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookup, "start_of", resuming_at_the_watermark)
    shows("not published again after the reset")


def test_without_a_look_at_the_watermark_records_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "start_of", believing_the_commit)
    shows("never counted")


def test_another_consumers_commit_that_is_taken_for_a_reset_loses_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookup, "start_of", taking_every_commit_for_a_reset)
    shows("never counted")


def test_a_mark_that_does_not_tell_of_a_replay_ends_it_when_the_worker_dies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lookup, "mark", plain_mark)
    monkeypatch.setattr(claimed, "mark", plain_mark)
    shows("not published again after the reset")


def test_counting_below_the_watermark_counts_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CountedShare, "sightings_from", all_sightings)
    monkeypatch.setattr(fakes_ledger, "_check", lambda *_: None)  # which would refuse it
    shows("counted twice")


def test_batches_that_are_not_counted_in_their_order_are_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processing, "InTurn", AllAtOnce)
    shows("never counted")


def test_outputs_that_are_not_waited_for_are_lost() -> None:
    shows("never published", handler=WaitsForNoAck)
