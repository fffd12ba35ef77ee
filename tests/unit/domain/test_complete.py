"""A market of which not all could be read says so; rows of different variants are never merged."""

from typing import Any

import pytest

from tests.support.markets import (
    Json,
    answer,
    betpawa,
    mapping,
    missed,
    run,
    sportybet,
)
from worker.domain.index import MappingIndex
from worker.domain.resolve import Resolution, market_document

INDEX = MappingIndex(
    [
        mapping("goals", ["0", "1", "2+"], sportybet_id="71", line_rule={"free": ["variant"]}),
        mapping("total", ["Over", "Under"], sportybet_id="18", line_rule={"kind": "total"}),
        mapping("other", ["Odd"], sportybet_id="18", line_rule={"kind": "total"}, id=9),
        mapping("result", ["1", "X", "2"], betpawa_id="3743"),
    ]
)


def completeness(found: Resolution) -> dict[str, bool]:
    documents = map(market_document, found.markets)
    return {one["canonical_id"]: one.get("complete", True) for one in documents}


def resolved(*markets: Json, platform: Any = "sportybet") -> Resolution:
    return run(platform, list(markets), index=INDEX)


def goals(variant: str, **prices: str) -> Json:
    named = {name.strip("_").replace("plus", "+"): odds for name, odds in prices.items()}
    return sportybet("71", f"variant={variant}", prices=named)


def test_a_market_is_complete_with_fewer_outcomes_than_the_mapping_has() -> None:
    found = resolved(sportybet("18", "total=2.5", prices={"Over 2.5": "1.9"}))
    assert completeness(found) == {"total": True}


@pytest.mark.parametrize("strange", ["Sobre", "Under 3.5"])
def test_every_market_read_from_a_row_with_a_label_that_nobody_claims_is_incomplete(
    strange: str,
) -> None:
    prices = {"Over 2.5": "1.9", "Odd": "2", strange: "3"}
    found = resolved(sportybet("18", "total=2.5", prices=prices))
    assert completeness(found) == {"total": False, "other": False}
    assert missed(found) == {("18", "NO_MATCHING_OUTCOMES", strange)}


@pytest.mark.parametrize("first", [0, 1])
def test_the_label_may_be_in_another_row_of_the_same_line(first: int) -> None:
    rows = [
        sportybet("18", "total=2.5", prices={"Over 2.5": "1.9"}),
        sportybet("18", "total=2.50", prices={"Sobre": "1.9"}),
        sportybet("18", "total=3.5", prices={"Over 3.5": "3"}),
    ]
    found = resolved(rows[first], rows[1 - first], rows[2])
    documents = map(market_document, found.markets)
    assert [(one["line"], one.get("complete")) for one in documents] == [
        ("2.5", False),
        ("3.5", None),
    ]


def test_an_outcome_that_cannot_be_read_makes_its_market_incomplete() -> None:
    row = sportybet("18", "total=2.5", prices={"Over 2.5": "1.9"})
    row["outcomes"].append({"odds": "2"})
    found = resolved(row)
    assert completeness(found) == {"total": False}
    assert [entry.code for entry in found.rejected] == ["INVALID_KEY_FORMAT"]


def test_a_price_of_betpawa_that_cannot_be_read_makes_its_market_incomplete() -> None:
    prices = [{"name": "1", "price": 2.5}, {"name": 2, "price": 3.5}]
    found = resolved(betpawa("3743", {"prices": prices}), platform="betpawa")
    assert completeness(found) == {"result": False}
    assert len(found.rejected) == 1


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_variants_the_one_with_the_outcomes_of_the_mapping_is_taken(first: int) -> None:
    rows = [goals("2+", _0="3", _1="2.5", _2plus="3.1"), goals("3+", _0="3", _1="2.5")]
    found = resolved(rows[first], rows[1 - first])
    assert answer(found) == {("goals", None): {"0": 3, "1": 2.5, "2+": 3.1}}
    assert completeness(found) == {"goals": True}
    (entry,) = found.rejected
    assert (entry.code, entry.cause) == ("INVALID_SPECIFIER", "VARIANTS_DIFFER")
    assert entry.detail == 'another variant of a market that is there: "variant=3+"'


def test_a_label_that_is_unknown_in_another_variant_costs_the_one_that_is_taken_nothing() -> None:
    strange = goals("3+", _0="3.3", _3plus="9")
    found = resolved(goals("2+", _0="3", _1="2.5", _2plus="3.1"), strange)
    assert completeness(found) == {"goals": True}
    assert missed(found) == {("71", "NO_MATCHING_OUTCOMES", "3+")}


@pytest.mark.parametrize(
    "rows",
    [
        [goals("2+", _0="3", _1="2.5"), goals("3+", _0="3", _1="2.5")],
        [
            goals("2+", _0="3", _1="2.5", _2plus="3.1"),
            goals("3+", _0="3", _1="2.5", _2plus="3.1"),
        ],
    ],
    ids=["neither", "both"],
)
def test_two_variants_of_which_neither_is_the_one_are_refused(rows: list[Json]) -> None:
    found = resolved(*rows)
    assert answer(found) == {}
    assert [entry.cause for entry in found.rejected] == ["VARIANTS_DIFFER"] * 2


def test_one_variant_in_two_rows_is_one_market() -> None:
    found = resolved(goals("2+", _0="3"), goals("2+", _1="2.5"))
    assert answer(found) == {("goals", None): {"0": 3, "1": 2.5}}
