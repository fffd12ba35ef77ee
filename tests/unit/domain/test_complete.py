"""A market of which not all could be read says so; rows of different variants are never merged."""

from typing import Any

import pytest

from tests.support.markets import (
    CATALOGUE,
    Json,
    answer,
    betpawa,
    betpawa_row,
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


def list_of(variant: str, *labels: str, **fields: Any) -> Json:
    """A further id for one list of outcomes that SportyBet sells under 71."""
    named = {label: [label] for label in labels}
    fixed = {"variant": variant}
    return {"platform": "sportybet", "id": "71", "fixed": fixed, "labels": named} | fields


LISTS = MappingIndex(
    [
        mapping(
            "goals",
            ["0", "1", "2", "3+"],
            also=[list_of("3+", "0", "1", "2", "3+"), list_of("2+", "0", "1", "2+")],
        )
    ]
)
OF_THREE = goals("3+", _0="3.3", _1="2.7", _2="4", _3plus="9")
OF_TWO = goals("2+", _0="3", _1="2.5", _2plus="3.1")
PRICES_OF_THREE = {("goals", None): {"0": 3.3, "1": 2.7, "2": 4, "3+": 9}}


def of_lists(*rows: Json) -> Resolution:
    return run("sportybet", list(rows), index=LISTS)


def test_each_list_of_a_mapping_is_read_with_its_own_labels() -> None:
    assert answer(of_lists(OF_THREE)) == PRICES_OF_THREE
    assert answer(of_lists(OF_TWO)) == {("goals", None): {"0": 3, "1": 2.5, "2+": 3.1}}
    strange = goals("2+", _0="3", _2="5")
    assert missed(of_lists(strange)) == {("71", "NO_MATCHING_OUTCOMES", "2")}
    assert missed(of_lists(goals("5+", _0="3"))) == {
        ("71?variant=5+", "UNKNOWN_PARAM_MARKET", None)
    }


def test_the_usual_list_may_be_in_the_columns_and_another_in_a_further_id() -> None:
    usual = mapping(
        "goals",
        ["0", "1", "2", "3+"],
        sportybet_id="71",
        line_rule={"free": ["variant"]},
        also=[list_of("2+", "0", "1", "2+")],
    )
    index = MappingIndex([usual])
    for rows in ([OF_THREE, OF_TWO], [OF_TWO, OF_THREE]):
        found = run("sportybet", rows, index=index)
        assert answer(found) == PRICES_OF_THREE
        assert [entry.cause for entry in found.rejected] == ["VARIANTS_DIFFER"]
    alone = run("sportybet", [OF_TWO], index=index)
    assert answer(alone) == {("goals", None): {"0": 3, "1": 2.5, "2+": 3.1}}
    without = sportybet("71", prices={"0": "3.3", "3+": "9"})
    assert answer(run("sportybet", [without], index=index)) == {
        ("goals", None): {"0": 3.3, "3+": 9}
    }


@pytest.mark.parametrize("rows", [[OF_THREE, OF_TWO], [OF_TWO, OF_THREE]], ids=["first", "last"])
def test_of_two_lists_the_first_of_the_mapping_is_taken_and_nothing_is_merged(
    rows: list[Json],
) -> None:
    found = of_lists(*rows)
    assert answer(found) == PRICES_OF_THREE
    assert completeness(found) == {"goals": True}
    (entry,) = found.rejected
    assert (entry.code, entry.cause) == ("INVALID_SPECIFIER", "VARIANTS_DIFFER")
    assert entry.detail == 'another variant of a market that is there: "variant=2+"'


def test_two_lists_at_equal_prices_are_not_merged_either() -> None:
    same = goals("2+", _0="3.3", _1="2.7", _2plus="3.1")
    assert answer(of_lists(OF_THREE, same)) == PRICES_OF_THREE


def test_a_list_that_lacks_outcomes_gives_way_to_the_one_that_is_whole() -> None:
    found = of_lists(goals("3+", _0="3.3", _1="2.7"), OF_TWO)
    assert answer(found) == {("goals", None): {"0": 3, "1": 2.5, "2+": 3.1}}


@pytest.mark.parametrize("labels", [["0:0", "1:0", "9:9"], ["1:0", "9:9", "0:0"]])
def test_what_the_others_leave_over_is_another_bet_where_more_is_listed(labels: list[str]) -> None:
    prices = dict.fromkeys(labels, 9.0) | {"Other": 26.0}
    found = run("sportybet", [sportybet("45", prices=prices)])
    (market,) = map(market_document, found.markets)
    assert "other" not in {one["outcome"] for one in market["outcomes"]}
    assert market["complete"] is False
    (refused,) = found.rejected
    assert (refused.code, refused.cause) == ("INVALID_ODDS", "RESIDUAL_DIFFERS")
    assert missed(found) == {("45", "NO_MATCHING_OUTCOMES", "9:9")}


def test_the_rest_of_a_market_is_refused_where_another_row_lists_more() -> None:
    whole = sportybet("45", prices={"0:0": 9.0, "Other": 26.0})
    further = sportybet("45", prices={"9:9": 90.0})
    for rows in ([whole, further], [further, whole]):
        found = run("sportybet", rows)
        assert {one.cause for one in found.rejected} == {"RESIDUAL_DIFFERS"}
        assert [one["outcome"] for one in market_document(found.markets[0])["outcomes"]] == ["0_0"]


def test_a_market_of_nothing_but_what_is_left_over_is_refused_where_more_is_listed() -> None:
    found = run("sportybet", [sportybet("45", prices={"9:9": 9.0, "Other": 26.0})])
    assert not found.markets
    assert {one.cause for one in found.rejected} == {"RESIDUAL_DIFFERS"}


GRID = [f"{home}:{away}" for home in range(3) for away in range(3)]
LISTED = dict.fromkeys(GRID, 9.0)
WHOLE = LISTED | {"other": 26.0}


def without(label: str) -> dict[str, float]:
    return {known: odds for known, odds in WHOLE.items() if known != label}


@pytest.mark.parametrize("label", GRID)
def test_what_the_others_leave_over_is_another_bet_where_one_of_the_list_is_not_sold(
    label: str,
) -> None:
    found = run("sportybet", [sportybet("81", prices=without(label))])
    (market,) = map(market_document, found.markets)
    assert [one["outcome"] for one in market["outcomes"]] == [
        one.replace(":", "_") for one in GRID if one != label
    ]
    assert market["complete"] is False
    (refused,) = found.rejected
    assert (refused.code, refused.cause) == ("INVALID_ODDS", "RESIDUAL_DIFFERS")
    absent = label.replace(":", "_")
    assert refused.detail == f"other: {absent} is not listed, so that it is another bet"


def test_a_market_of_nothing_but_what_is_left_over_is_refused() -> None:
    found = run("bet9ja", {"S_CS1T_OTH": "26"})
    assert not found.markets
    assert {one.cause for one in found.rejected} == {"RESIDUAL_DIFFERS"}


def test_a_list_that_is_whole_has_its_rest_whether_its_prices_are_open_or_closed() -> None:
    closed = dict.fromkeys(GRID, 0) | {"other": 26.0}
    for prices in (WHOLE, closed):
        found = run("sportybet", [sportybet("81", prices=prices)])
        assert not found.rejected
        assert completeness(found) == {"correct_score_1h": True}


def test_a_list_without_a_rest_may_have_fewer_outcomes() -> None:
    found = run("sportybet", [sportybet("81", prices={"0:0": 2.5, "1:0": 3.5})])
    assert not found.rejected
    assert completeness(found) == {"correct_score_1h": True}


@pytest.mark.parametrize("cut", [1, 5, 9])
def test_a_list_may_be_spread_over_rows(cut: int) -> None:
    labels = [label.replace(":", "-") for label in GRID] + ["Other"]
    rows = [betpawa_row(None, **dict.fromkeys(each, 9.0)) for each in (labels[:cut], labels[cut:])]
    for order in (rows, rows[::-1]):
        found = run("betpawa", [betpawa("3819", *order)])
        assert not found.rejected
        assert completeness(found) == {"correct_score_1h": True}
        assert len(found.markets[0][1]) == 10


def test_an_outcome_under_another_id_is_none_of_the_list() -> None:
    full = [f"{home}-{away}" for home in range(5) for away in range(5)]
    further = [f"{home}-{away}" for home in range(7) for away in range(7 - home)]
    lists = [dict.fromkeys([*each, "Other"], 9.0) for each in (full[1:], further)]
    markets = [
        betpawa(id_, betpawa_row(None, **prices))
        for id_, prices in zip(["28000869", "4429"], lists, strict=True)
    ]
    for order in (markets, markets[::-1]):
        found = run("betpawa", order)
        (refused,) = found.rejected
        assert refused.detail == "other: 0_0 is not listed, so that it is another bet"
        sold = {one["outcome"] for one in market_document(found.markets[0])["outcomes"]}
        assert {"0_0", "other", "other_28"} & sold == {"0_0", "other_28"}


def test_a_product_that_lists_less_than_another_has_another_rest() -> None:
    closed = sportybet("81", prices=WHOLE, status=1, product=3)
    live = sportybet("81", prices=without("2:2"), product=1)
    for order in ([closed, live], [live, closed]):
        found = run("sportybet", order)
        assert [one.cause for one in found.rejected] == ["RESIDUAL_DIFFERS"]
        assert completeness(found) == {"correct_score_1h": False}


def test_every_rest_by_name_is_declared_in_the_shipped_catalogue() -> None:
    for shipped in CATALOGUE:
        named = {
            one.canonical_id
            for one in shipped.outcomes
            if one.canonical_id.split("_")[0] == "other"
        }
        declared = shipped.traits.residuals.keys() if shipped.traits is not None else set()
        assert named <= declared, shipped.canonical_id
