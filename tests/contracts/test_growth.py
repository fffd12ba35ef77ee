"""The shipped catalogue has what was found on real events: every candidate of the list, by its evidence.

The list is kept outside the project. Of a candidate with odds or rules that speak for it (grade A, B), every
id is on. One that only its label speaks for (C) is there and switched off, or is left out with a reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import pytest

from tests.support.markets import CATALOGUE, CATALOGUE_FILE
from tests.support.payloads import FACTS
from worker.domain.mapping import claims_of
from worker.lab.coverage.agreement import switched_on

GROWTH: Final = FACTS / "growth.json"
OLD: Final = FACTS / "catalogue.json"
PLATFORMS: Final = ("betpawa", "sportybet", "bet9ja")
pytestmark = pytest.mark.skipif(not GROWTH.is_file(), reason=f"there is no {GROWTH}")

# A candidate is one outcome of a market that is there, or of one whose other outcomes are better known: an
# outcome cannot be switched off alone. left_out.json says what of it is missing.
IN_A_MARKET_THAT_IS_ON: Final = {
    ("multigoals_ft", "bet9ja", "S_NGOALS"),
    ("penalty_missed_ft", "bet9ja", "S_PENSCOREMISS"),
    ("correct_score_ft", "betpawa", "4429"),
    ("correct_score_2h", "betpawa", "4063"),
}


class Found(NamedTuple):
    """One id of a candidate, and how sure it is."""

    canonical_id: str
    platform: str
    market_id: str
    grade: str


def candidates() -> Iterator[Found]:
    growth = json.loads(GROWTH.read_text(encoding="utf-8"))
    for one in growth["candidates"]:
        for platform, market_id in one["ids"].items():
            yield Found(one["canonical_id"], platform, market_id, one["grades"][platform])
    for one in growth["player_markets"]:
        for platform in PLATFORMS:
            sold: Any = one.get(platform)
            if sold is not None:
                yield Found(one["canonical_id"], platform, sold["id"], one["grade"])


def claimed(mappings: Any) -> set[tuple[str, str]]:
    return {
        (claim.platform, claim.market_id)
        for one in mappings
        if one.scope.sport == "football"
        for claim in claims_of(one)
    }


def test_every_candidate_is_there_by_its_grade() -> None:
    text = (CATALOGUE_FILE.parent / "left_out.json").read_text(encoding="utf-8")
    left_out = {(one["platform"], one["id"]) for one in json.loads(text)["left_out"]}
    on, known = claimed(CATALOGUE), claimed(switched_on(CATALOGUE))
    found = list(candidates())
    assert len(found) > 500
    for one in found:
        key = one.platform, one.market_id
        if one.grade != "C":
            assert key in on, one
        else:
            assert key in known or key in left_out, one
            assert key not in on or one[:3] in IN_A_MARKET_THAT_IS_ON, one


def test_the_canonical_ids_from_before_are_as_they_were() -> None:
    old = [one["canonical_id"] for one in json.loads(OLD.read_text(encoding="utf-8"))]
    assert len(old) == 127
    assert set(old) <= {one.canonical_id for one in CATALOGUE}
