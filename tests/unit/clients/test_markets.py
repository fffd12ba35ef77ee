"""The markets of the kit: those of the catalogue, with what may be relied on when prices are compared."""

from __future__ import annotations

import dataclasses

import pytest

from clients.python.market_mapping_client.markets import (
    CanonicalMarket,
    canonical_market,
    canonical_markets,
)
from tests.support.markets import CATALOGUE
from tests.support.meanings import MEANINGS
from worker.lab.documents.kit_markets import FILE, kit_markets


def market(canonical_id: str) -> CanonicalMarket:
    found = canonical_market(canonical_id)
    assert found is not None
    return found


def test_the_file_of_the_kit_is_the_one_that_the_catalogue_gives() -> None:
    assert FILE.read_text(encoding="utf-8") == kit_markets(), "make schemas"


def test_every_market_that_is_in_use_is_there_with_its_outcomes() -> None:
    active = {name for name, one in canonical_markets().items() if one.active}
    assert active == {mapping.canonical_id for mapping in CATALOGUE}
    for mapping in CATALOGUE:
        names = {outcome.canonical_id for outcome in mapping.outcomes}
        assert market(mapping.canonical_id).outcomes.keys() == names | {*mapping.further_outcomes}


def test_a_market_says_what_it_is_about_and_when_an_outcome_wins() -> None:
    total = market("over_under_ft")
    assert (total.sport, total.phase, total.period, total.counts) == (
        "football",
        "both",
        "ft",
        "goals",
    )
    assert (total.line, total.push, total.is_one_book) == ("total", True, True)
    assert dict(total.outcomes) == {"over": "t > line", "under": "t < line"}
    assert total.void == "t == line"


def test_outcomes_that_overlap_are_no_book() -> None:
    assert not market("double_chance_ft").is_one_book
    assert not market("exact_goals_ft").is_one_book


def test_a_residual_compares_with_nothing_and_what_is_listed_does() -> None:
    scores = market("correct_score_ft")
    assert scores.compares("1_0")
    assert not scores.compares("other")
    assert not scores.compares("17_0")


@pytest.mark.parametrize(
    "canonical_id", [name for name, one in MEANINGS.items() if one.predicates is None][:5]
)
def test_outcomes_of_what_no_expression_describes_compare(canonical_id: str) -> None:
    found = market(canonical_id)
    assert all(found.compares(outcome) for outcome in found.outcomes.keys() - found.residuals)


def test_an_outcome_that_is_declared_a_residual_never_compares_without_an_expression() -> None:
    corners = dataclasses.replace(
        market("1x2_5min"), outcomes={"0": None, "other": None}, residuals={"other": "corners_3"}
    )
    assert corners.compares("0")
    assert not corners.compares("other")


def test_a_market_that_nobody_knows_is_none_and_nothing_can_be_changed() -> None:
    assert canonical_market("no_such_market") is None
    with pytest.raises(TypeError):
        market("1x2_ft").outcomes["home"] = None  # type: ignore[index]
