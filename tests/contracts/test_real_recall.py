"""Real events are recalled byte for byte as they are resolved, their players as well."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from schemas.raw_reply import observation_from_reply
from tests.support.markets import CATALOGUE
from tests.support.payloads import MISSING, PAYLOADS
from tests.support.records import FakeRecord, partition_of
from worker.domain.index import MappingIndex
from worker.ingest.planning.encode import Encoder
from worker.ingest.planning.plan import Planned, Planner
from worker.ingest.planning.recall import IS_COMPILED, RecallingPlanner
from worker.kafka.record import Outgoing
from worker.runtime.counting import miss_rows

NOW: Final = datetime(2026, 5, 5, 12, tzinfo=UTC)
MOST_BYTES: Final = 10_000_000
NAMES: Final = sorted(path.stem for path in PAYLOADS.glob("*.json"))
# What ships switched off is on as well, so that as much as possible is resolved.
INDEX: Final = MappingIndex(
    [
        replace(mapping, also=tuple(replace(one, active=True) for one in mapping.also))
        for mapping in CATALOGUE
    ],
    1,
)
ENCODER: Final = Encoder(
    resolved_topic="resolved",
    dead_topic="dead",
    group="g",
    max_bytes=MOST_BYTES,
    max_dead_bytes=MOST_BYTES,
)
RESOLVING: Final = Planner(ENCODER, max_message_bytes=MOST_BYTES)

pytestmark = [
    pytest.mark.skipif(not PAYLOADS.is_dir(), reason=MISSING),
    pytest.mark.skipif(not IS_COMPILED, reason="the compiled part is not installed"),
]


def value_of(name: str) -> bytes:
    reply = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    return observation_from_reply(reply, NOW).model_dump_json(exclude_none=True).encode()


def planned_by(planner: Planner[Outgoing], value: bytes) -> Planned[Outgoing]:
    record = FakeRecord(value=value)
    (planned,) = planner.plan_all([(record, partition_of(record))], INDEX)
    return planned


def verdict(planner: Planner[Outgoing], planned: Planned[Outgoing]) -> tuple[Any, ...]:
    """The output byte for byte, what became of the markets, and what is counted."""
    return planned.output, planned.outcomes, planned.dead, _counted(planner, planned)


def _counted(planner: Planner[Outgoing], planned: Planned[Outgoing]) -> list[Any]:
    rows = miss_rows(planner.tally(planned.sightings))
    return sorted(rows, key=lambda row: row.external_market_id)


def later(value: bytes, draw: random.Random) -> Iterator[bytes]:
    """Scrapes that follow: markets and their outcomes in another order, some of them gone, other odds."""
    for _ in range(4):
        document = json.loads(value)
        document["markets"] = _changed(document["markets"], draw)
        yield json.dumps(document, ensure_ascii=draw.random() < 0.5).encode()


def _changed(node: Any, draw: random.Random) -> Any:
    if isinstance(node, list):
        kept = [_changed(each, draw) for each in node if draw.random() < 0.97]
        if draw.random() < 0.5:
            draw.shuffle(kept)
        return kept
    if isinstance(node, dict):
        return {key: _changed(each, draw) for key, each in node.items()} | (
            {"odds": f"{draw.uniform(1.01, 30):.2f}"} if "desc" in node and "odds" in node else {}
        )
    return node


@pytest.mark.parametrize("name", NAMES)
def test_a_real_event_is_recalled_as_it_is_resolved(name: str) -> None:
    value = value_of(name)
    expected = verdict(RESOLVING, planned_by(RESOLVING, value))
    planner = RecallingPlanner(ENCODER, max_message_bytes=MOST_BYTES)
    for _ in range(3):
        assert verdict(planner, planned_by(planner, value)) == expected
    for number, each in enumerate(later(value, random.Random(name))):
        changed = verdict(RESOLVING, planned_by(RESOLVING, each))
        for _ in range(2):
            assert verdict(planner, planned_by(planner, each)) == changed, number


@pytest.mark.parametrize("name", ["wuhan_qingdao.betpawa", "wuhan_qingdao.sportybet"])
def test_of_a_scraped_event_that_comes_again_every_row_of_players_is_recalled(name: str) -> None:
    value = value_of(name)
    planner = RecallingPlanner(ENCODER, max_message_bytes=MOST_BYTES)
    for _ in range(2):
        planned_by(planner, value)
    assert planner._memory is not None
    (recalled,) = planner._memory.read([value])
    assert recalled is not None
    assert recalled.aside == []
    planned = planned_by(planner, value)
    assert planned.recalled == sum(planned.outcomes.values())
    assert len(json.loads(planned.output.value or b"")["participant_markets"]) >= 49
