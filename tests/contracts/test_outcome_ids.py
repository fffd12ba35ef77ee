"""In real replies, every id of an outcome says what its label says, under the shipped catalogue."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas.raw_reply import observation_from_reply
from tests.support.markets import CATALOGUE, FOOTBALL
from tests.support.payloads import FACTS, MISSING, PAYLOADS
from worker.domain.books.registry import OUTCOME_ID_COLUMNS
from worker.domain.books.rows import Rejection
from worker.domain.index import MappingIndex
from worker.domain.labels import teams
from worker.domain.markets import Market, Slot
from worker.domain.resolve import Observation, platform_rows, resolve
from worker.domain.scope import event_scope
from worker.lab.coverage.agreement import switched_on
from worker.lab.outcome_ids import named_outcomes, with_ids

FILES = sorted(PAYLOADS.glob("*.json"))
pytestmark = pytest.mark.skipif(not FILES, reason=MISSING)
INDEX = FACTS / "sportybet_market_index.json"
# An id that ships switched off has the ids of its outcomes, too: they count once an editor switches it on.
EVERYTHING = MappingIndex(switched_on(CATALOGUE))
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
            meaning = EVERYTHING.meaning(seen.platform, row.market_id, row.qualifier, scope)
            for each in row.selections if isinstance(meaning, Market) else ():
                if isinstance(meaning, Market) and each.id is not None:
                    names = teams(event.home, event.away)
                    slot = meaning.slot(each.label, each.shown_line, names, each.id)
                    yield f"{file.name} {row.market_id} {each}", slot, each.id in meaning.ids


def test_no_id_disagrees_with_its_label() -> None:
    found = list(read_slots())
    assert [
        where for where, slot, _ in found if slot is not None and slot.against is not None
    ] == []
    assert sum(is_named and slot is not None for _, slot, is_named in found) > 2000


def test_a_real_ladder_of_two_teams_says_each_rung_and_none_with_the_ids_of_the_other_team() -> (
    None
):
    reply = json.loads((PAYLOADS / "cruz_pumas.sportybet.json").read_text(encoding="utf-8"))
    seen = observation_from_reply(reply, NOW)
    markets: list[dict[str, Any]] = reply["data"]["markets"]
    ladders = [
        market
        for market in markets
        if any(re.fullmatch(r"Pumas \d+\+", outcome["desc"]) for outcome in market["outcomes"])
    ]
    assert len(ladders) == 13  # one of them ships switched off
    rungs = sum(len(market["outcomes"]) for market in ladders if market["id"] != "800241")
    found = resolve(Observation("sportybet", ladders, seen.event.home, seen.event.away), FOOTBALL)
    assert len(found.markets) == rungs
    assert not found.rejected
    for market in ladders:
        for outcome in market["outcomes"]:
            beginning, number = outcome["id"][:-3], int(outcome["id"][-3:])
            outcome["id"] = f"{beginning}{(number + 100) % 200:03}"
    found = resolve(Observation("sportybet", ladders, seen.event.home, seen.event.away), FOOTBALL)
    assert not found.markets
    assert [entry.cause for entry in found.rejected] == ["LABEL_ID_DISAGREE"] * rungs


def test_the_catalogue_has_every_id_next_to_a_label_that_it_knows() -> None:
    seen = [
        named
        for file in FILES
        for named in named_outcomes(json.loads(file.read_text(encoding="utf-8")), EVERYTHING)
    ]
    listed = json.loads(INDEX.read_text(encoding="utf-8")) if INDEX.is_file() else []
    seen += named_outcomes([market for market in listed if market["outcomes"]], EVERYTHING)
    assert {named.platform for named in seen} == set(OUTCOME_ID_COLUMNS)
    mappings, left_out = with_ids(CATALOGUE, seen)
    assert (tuple(mappings), left_out) == (CATALOGUE, [])
