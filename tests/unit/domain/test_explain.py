from typing import Any

import orjson

from tests.support.markets import FOOTBALL, betpawa, betpawa_row, mapping, sportybet
from worker.domain.books.platforms import Platform
from worker.domain.explain import Explanation, explain
from worker.domain.index import MappingIndex
from worker.domain.resolve import Observation


def about(
    platform: Platform,
    markets: Any,
    market_id: str,
    qualifier: str | None = None,
    index: Any = FOOTBALL,
) -> Explanation:
    observed = Observation(platform, markets, "Wuhan", "Qingdao")
    return explain(observed, index, market_id, qualifier)


def test_a_matched_label_says_what_it_was_read_as_and_where_it_went() -> None:
    prices = {"Wuhan/draw & over 2.5": "9.9"}
    (row,) = about("sportybet", [sportybet("818", "total=2.5", prices=prices)], "818").rows
    (label,) = row.labels
    assert (label.verdict, label.canonical_id, label.line, label.outcome) == (
        "MATCHED",
        "htft_over_under",
        "2.5",
        "1_x_over",
    )
    assert label.read_as == ("wuhan/draw & over", "{home}/draw & over", "home/draw & over")
    assert (label.raw_odds, label.odds, label.odds_verdict) == ('"9.9"', 9.9, "USABLE")


def test_a_label_with_another_line_says_which_outcome_it_contradicts() -> None:
    (row,) = about(
        "sportybet", [sportybet("18", "total=2.5", prices={"Under 3.5": "2"})], "18"
    ).rows
    assert [(one.verdict, one.outcome, one.line) for one in row.labels] == [
        ("CONTRADICTS_LINE", "under", "2.5")
    ]


def test_an_unknown_label_is_named_as_such_and_sampled() -> None:
    found = about("sportybet", [sportybet("29", prices={"Maybe": "2"})], "29")
    assert [one.verdict for one in found.rows[0].labels] == ["UNKNOWN_LABEL"]
    assert [miss["reason"] for miss in found.misses] == ["NO_MATCHING_OUTCOMES"]
    assert [one["label"] for one in found.sample] == ["Maybe"]


def test_each_candidate_says_its_id_priority_and_verdict() -> None:
    first = mapping(
        "first",
        ["home"],
        sportybet_id="8",
        id=3,
        line_rule={"fixed": {"sportybet": {"goalnr": "1"}}},
    )
    total = mapping(
        "total", ["home"], sportybet_id="8", id=4, priority=9, line_rule={"kind": "total"}
    )
    index = MappingIndex([first, total], version=12)
    found = about("sportybet", [sportybet("8", "goalnr=1", prices={"home": "2"})], "8", index=index)
    (row,) = found.rows
    assert [
        (one.canonical_id, one.mapping_id, one.priority, one.verdict) for one in row.candidates
    ] == [
        ("total", 4, 9, "OTHER_MARKET"),
        ("first", 3, 0, "MARKET"),
    ]
    assert (found.mapping_version, row.meaning) == (12, "is first")
    assert row.candidates[1].fixed == {"goalnr": "1"}


def test_a_market_that_nobody_maps_says_so() -> None:
    (row,) = about("bet9ja", {"S_OUX@2.25_O": "1.9"}, "S_OUX").rows
    assert row.meaning == "UNKNOWN_MARKET: no active mapping has the id S_OUX"
    assert (row.params, row.candidates) == ({"param": "2.25"}, ())
    assert [one.verdict for one in row.labels] == ["NOT_ASKED"]


def test_a_qualifier_that_names_another_market_says_how_it_is_missed() -> None:
    (row,) = about("sportybet", [sportybet("8", "goalnr=2", prices={"Home": "2"})], "8").rows
    assert (
        row.meaning
        == "UNKNOWN_PARAM_MARKET: the qualifier names another market, missed as 8?goalnr=2"
    )


def test_a_line_that_cannot_be_read_says_why() -> None:
    found = about("sportybet", [sportybet("18", "total=nan", prices={"Over": "2"})], "18")
    assert found.rows[0].meaning == "INVALID_SPECIFIER: total is not a line"
    assert [(one.verdict, one.detail) for one in found.rows[0].candidates] == [
        ("UNREADABLE", "total is not a line")
    ]
    assert [one["code"] for one in found.rejected] == ["INVALID_SPECIFIER"]


def test_a_specifier_that_is_not_pairs_has_no_params() -> None:
    (row,) = about("sportybet", [sportybet("18", "total", prices={"Over": "2"})], "18").rows
    assert row.params is None


def test_odds_are_judged_one_by_one() -> None:
    market = sportybet("29", prices={"Yes": "nan", "No": "0.00"})
    market["outcomes"][1]["isActive"] = 0
    found = about("sportybet", [market], "29")
    assert [one.odds_verdict for one in found.rows[0].labels] == ["INVALID_ODDS", "NO_PRICE"]
    assert [one["code"] for one in found.rejected] == ["INVALID_ODDS"]
    assert not found.markets


def test_only_the_rows_of_the_qualifier_are_explained_in_whatever_notation() -> None:
    rows = [sportybet("18", f"total={line}", prices={"Over": "2"}) for line in ("2.50", "3.5")]
    found = about("sportybet", rows, "18", "total=2.5")
    assert [row.qualifier for row in found.rows] == ["total=2.50"]
    assert [market["line"] for market in found.markets] == ["2.5"]
    assert len(about("sportybet", rows, "18").rows) == 2


def test_params_are_the_same_in_any_order() -> None:
    rows = [sportybet("105", "from=1|to=10", prices={"Home": "2"})]
    assert about("sportybet", rows, "105", "to=10|from=1").found
    assert not about("sportybet", rows, "105", "to=20|from=1").found


def test_rows_of_betpawa_are_chosen_by_their_line() -> None:
    found = about(
        "betpawa",
        [betpawa("5000", betpawa_row(10, Over=1.9), betpawa_row(6, Over=1.2))],
        "5000",
        "2.5",
    )
    assert [market["line"] for market in found.markets] == ["2.5"]


def test_an_entry_that_cannot_be_read_is_found_by_what_it_is_rejected_under() -> None:
    found = about("bet9ja", {"S_1X2": "2"}, "S_1X2")
    assert found.found
    assert [one["code"] for one in found.rejected] == ["INVALID_KEY_FORMAT"]


def test_a_market_that_is_not_there_is_not_found() -> None:
    assert not about("sportybet", [sportybet("18", "total=2.5")], "19").found


def test_an_explanation_is_json() -> None:
    found = about("sportybet", [sportybet("18", "total=2.5", prices={"Over 2.5": "2"})], "18")
    document = orjson.loads(orjson.dumps(found))
    assert document["rows"][0]["labels"][0]["outcome"] == "over"
