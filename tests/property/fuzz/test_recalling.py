"""What is recalled of a message is what resolving it gives, whatever the message holds.

The planner that recalls is held against the one that resolves: outputs byte for byte, outcomes, and what is
counted. No difference is allowed.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson
import pytest

from tests.property.fuzz import corpus
from tests.property.fuzz.mutations import spoil
from tests.support.hostile.fields import spoilt_markets
from tests.support.hostile.records import LARGEST, hostile_records
from tests.support.records import FakeRecord, partition_of
from worker.domain.index import MappingIndex
from worker.domain.misses import Sighting
from worker.ingest.planning.encode import Encoder
from worker.ingest.planning.plan import Planned, Planner
from worker.ingest.planning.recall import RecallingPlanner
from worker.kafka.record import Outgoing, Partition, Record
from worker.runtime.counting import miss_rows
from worker.storage.ledger import MissRow

pytest.importorskip("market_mapping_recall", reason="the compiled part is not installed")

SPOILT: Final = 1200
ENCODER: Final = Encoder(
    resolved_topic="resolved",
    dead_topic="dead",
    group="g",
    max_bytes=LARGEST,
    max_dead_bytes=LARGEST,
)
RESOLVING: Final = Planner(ENCODER, max_message_bytes=LARGEST)
Values = Sequence[bytes | None]


class Counted(RecallingPlanner[Outgoing]):
    """Knows how many records it resolved as if nothing were known of them."""

    def __init__(self) -> None:
        super().__init__(ENCODER, max_message_bytes=LARGEST)
        self.resolved = 0

    def plan(self, record: Record, at: Partition, index: MappingIndex) -> Planned[Outgoing]:
        self.resolved += 1
        return super().plan(record, at, index)


def placed(values: Values) -> list[tuple[FakeRecord, Partition]]:
    records = [FakeRecord(value=value, offset=offset) for offset, value in enumerate(values)]
    return [(record, partition_of(record)) for record in records]


def verdict(planner: Planner[Outgoing], planned: Planned[Outgoing]) -> tuple[Any, ...]:
    """All that comes of a record; what is missed comes in no certain order."""
    seen = [
        (*sighting._replace(missed=()), sorted(repr(miss[:4]) for miss in sighting.missed))
        for sighting in planned.sightings
    ]
    return *planned._replace(sightings=(), recalled=0), seen, counted(planner, planned.sightings)


def counted(planner: Planner[Outgoing], sightings: Iterable[Sighting]) -> list[MissRow]:
    return sorted(
        miss_rows(planner.tally(sightings)), key=lambda row: (row.source, row.external_market_id)
    )


def check(planner: RecallingPlanner[Outgoing], values: Values) -> None:
    """Plan the values as one batch; fails where a verdict is another than that of resolving."""
    records = placed(values)
    found = list(planner.plan_all(records, corpus.INDEX))
    expected = [RESOLVING.plan(record, at, corpus.INDEX) for record, at in records]
    for value, one, other in zip(values, found, expected, strict=True):
        assert verdict(planner, one) == verdict(RESOLVING, other), (value or b"")[:2000]
    seen, resolved = (
        [each for one in part for each in one.sightings] for part in (found, expected)
    )
    assert counted(planner, seen) == counted(RESOLVING, resolved)


def warmed(good: Values) -> Counted:
    """A planner that has met every good message, and recalls nearly all of football by now.

    Other sports are never recalled.
    """
    planner = Counted()
    for _ in range(2):
        check(planner, good)
    football = [value for value in good if value is not None and is_football(value)]
    planner.resolved = 0
    check(planner, football)
    assert planner.resolved < len(football) * 0.2
    return planner


def is_football(value: bytes) -> bool:
    return orjson.loads(value)["event"].get("sport") in (None, "football")


@pytest.mark.parametrize("seed", range(3))
def test_a_spoilt_message_gives_the_same_recalled_as_resolved(seed: int) -> None:
    draw = random.Random(seed)
    good = corpus.messages(seed)
    planner = warmed(good)
    spoilt = [spoil(draw, draw.choice(good), good) for _ in range(SPOILT)]
    check(planner, spoilt)
    draw.shuffle(spoilt)
    planner.resolved = 0
    check(planner, spoilt)
    assert planner.resolved < SPOILT * 0.9
    check(planner, good)


@pytest.mark.parametrize("seed", range(3))
def test_a_planner_that_met_only_spoilt_messages_gives_the_same_as_well(seed: int) -> None:
    draw = random.Random(seed)
    good = corpus.messages(seed)
    planner = Counted()
    check(planner, [spoil(draw, draw.choice(good), good) for _ in range(SPOILT // 4)])
    check(planner, good)


def test_a_field_of_a_wrong_type_gives_the_same_recalled_as_resolved() -> None:
    spoilt = [each.value for each in spoilt_markets()]
    for planner in (warmed(corpus.messages(0)), Counted()):
        for _ in range(3):
            check(planner, spoilt)
        planner.resolved = 0
        check(planner, spoilt)
        assert planner.resolved < len(spoilt)


def test_a_hostile_record_is_refused_for_the_same_reason_either_way() -> None:
    planner = warmed(corpus.messages(0))
    check(planner, [record.value for record in hostile_records()])
