"""In real replies, every id of an outcome says what its label says, under the shipped catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from schemas.raw_reply import observation_from_reply
from tests.support.markets import CATALOGUE, FOOTBALL
from tests.support.payloads import MISSING, PAYLOADS
from worker.domain.books.registry import OUTCOME_ID_COLUMNS
from worker.domain.books.rows import Rejection
from worker.domain.labels import teams
from worker.domain.markets import Market, Slot
from worker.domain.resolve import Observation, platform_rows
from worker.domain.scope import event_scope
from worker.lab.outcome_ids import named_outcomes, with_ids

FILES = sorted(PAYLOADS.glob("*.json"))
pytestmark = pytest.mark.skipif(not FILES, reason=MISSING)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def read_slots() -> Iterator[tuple[str, Slot | None, bool]]:
    """Of each selection of a mapped market that has an id, its slot, and whether a mapping names the id."""
    for file in FILES:
        seen = observation_from_reply(json.loads(file.read_text(encoding="utf-8")), NOW)
        event = seen.event
        scope = event_scope(event.sport, live=event.live)
        for row in platform_rows(Observation(seen.platform, seen.markets)):
            if isinstance(row, Rejection):
                continue
            meaning = FOOTBALL.meaning(seen.platform, row.market_id, row.qualifier, scope)
            for each in row.selections if isinstance(meaning, Market) else ():
                if isinstance(meaning, Market) and each.id is not None:
                    names = teams(event.home, event.away)
                    slot = meaning.slot(each.label, each.beside, names, each.id)
                    yield f"{file.name} {row.market_id} {each}", slot, each.id in meaning.ids


def test_no_id_disagrees_with_its_label() -> None:
    found = list(read_slots())
    assert [
        where for where, slot, _ in found if slot is not None and slot.against is not None
    ] == []
    assert sum(is_named and slot is not None for _, slot, is_named in found) > 2000


def test_the_catalogue_has_every_id_next_to_a_label_that_it_knows() -> None:
    seen = [
        named
        for file in FILES
        for named in named_outcomes(json.loads(file.read_text(encoding="utf-8")), FOOTBALL)
    ]
    assert {named.platform for named in seen} == set(OUTCOME_ID_COLUMNS)
    mappings, left_out = with_ids(CATALOGUE, seen)
    assert (tuple(mappings), left_out) == (CATALOGUE, [])
