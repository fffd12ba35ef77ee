"""What an earlier in-process system got wrong, one sentence each."""

from typing import Any

import pytest

from tests.support.markets import (
    CATALOGUE,
    FOOTBALL,
    active,
    answer,
    betpawa,
    betpawa_row,
    mapping,
    missed,
    rejected,
    run,
    sportybet,
)
from worker.domain.index import MappingIndex

POSITION_TRAPS = {
    "37": "total=2.5",  # under before over
    "36": "total=2.5",  # yes before no
    "547": "total=2.5",  # three unders, then three overs
    "818": "total=2.5",
    "546": None,  # X2 and 12 the other way round
    "542": None,
    "545": None,
    "10": None,
    "30": None,  # none first
    "548": None,
    "552": None,
    "553": None,
    "549": None,
    "550": None,
    "45": None,  # by column
    "81": None,
    "98": None,
    "21": "variant=sr:exact_goals:6+",
}


def with_line(label: str) -> str:
    return (
        label.replace("over", "over 2.5")
        .replace("under", "under 2.5")
        .replace("Over", "Over 2.5")
        .replace("Under", "Under 2.5")
    )


@pytest.mark.parametrize(("market_id", "specifier"), POSITION_TRAPS.items())
@pytest.mark.parametrize("step", [1, -1])
def test_position_is_never_evidence(market_id: str, specifier: str | None, step: int) -> None:
    (one,) = [mapping for mapping in CATALOGUE if mapping.sportybet_id == market_id]
    truth = {
        with_line(label) if specifier == "total=2.5" else label: outcome.canonical_id
        for outcome in one.outcomes
        if (label := outcome.sportybet_desc)
    }
    priced = {
        label.replace("{home}", "Wuhan").replace("{away}", "Qingdao"): 2 + number
        for number, label in enumerate(truth)
    }
    feed = dict(list(priced.items())[::step])
    found = run(
        "sportybet", [sportybet(market_id, specifier, prices=feed)], home="Wuhan", away="Qingdao"
    )
    (prices,) = answer(found).values()
    assert prices == dict(zip(truth.values(), priced.values(), strict=True))


def test_a_missing_outcome_does_not_move_the_others_up() -> None:
    found = run(
        "sportybet",
        [sportybet("30", prices={"Only Home": "4", "Only Away": "5.1", "Both teams": "1.7"})],
    )
    assert answer(found) == {
        ("which_team_to_score", None): {"home_only": 4, "away_only": 5.1, "both": 1.7}
    }


def test_one_up_and_two_up_are_three_way_markets() -> None:
    prices = {"Home": "1.66", "Draw": "3.3", "Away": "1.88"}
    found = run("sportybet", [sportybet("60200", prices=prices), sportybet("60100", prices=prices)])
    expected = {"home": 1.66, "draw": 3.3, "away": 1.88}
    assert answer(found) == {("1x2_1up_ft", None): expected, ("1x2_2up_ft", None): expected}


def test_home_no_bet_is_draw_or_away_and_away_no_bet_home_or_draw() -> None:
    rows = [
        sportybet("12", prices={"Draw": "2.1", "Away": "1.7"}),
        sportybet("13", prices={"Home": "1.5", "Draw": "2.5"}),
    ]
    assert answer(run("sportybet", rows)) == {
        ("home_no_bet_ft", None): {"draw": 2.1, "away": 1.7},
        ("away_no_bet_ft", None): {"home": 1.5, "draw": 2.5},
    }


@pytest.mark.parametrize(
    "type_id",
    ["1096793", "1096794", "1096797", "1096802", "1096768", "1096769", "1096770", "1096771"],
)
def test_a_range_market_of_betpawa_is_not_an_over_under(type_id: str) -> None:
    rows = betpawa_row(None, **{"0": 4.5, "0-1": 3, "0-2": 2.5, "3-4": 2.1})
    found = run("betpawa", [betpawa(type_id, rows)])
    ((canonical_id, line), prices) = next(iter(answer(found).items()))
    assert (canonical_id.split("_")[2], line) == ("exact", None)
    assert prices.keys() <= {"0", "0_1", "0_2", "3_4"}


def test_the_number_of_corners_is_not_the_range_of_corners() -> None:
    found = run("bet9ja", {"S_NCORN_10Corner": "9"})
    assert answer(found) == {("corners_number_ft", None): {"10": 9}}


def test_fifteen_rows_of_minutes_are_not_all_the_first_five_minutes() -> None:
    rows = [
        sportybet("900069", f"minute={minute}", prices={"Draw": "1.5"})
        for minute in range(5, 90, 5)
    ]
    found = run("sportybet", rows)
    sold = {minute for minute in range(5, 90, 5) if minute not in (10, 45)}
    assert set(answer(found)) == {(f"1x2_{minute}min", None) for minute in sold}
    assert {miss.external_market_id for miss in found.misses} == {
        "900069?minute=10",
        "900069?minute=45",
    }


def test_two_mappings_of_one_key_both_stay_in_the_index() -> None:
    assert {claim.canonical_id for claim in FOOTBALL.claims("bet9ja", "S_HAOU")} == {
        "home_over_under_ft",
        "away_over_under_ft",
    }


@pytest.mark.parametrize("specifier", [None, "total=nan", "total=1_0", "total=inf"])
def test_an_over_under_without_a_usable_total_does_not_get_a_null_line(
    specifier: str | None,
) -> None:
    found = run("sportybet", [sportybet("18", specifier, prices={"Over": "1.9", "Under": "1.9"})])
    assert not found.markets


def test_a_bad_price_fails_its_market_on_every_platform_alike() -> None:
    found = [
        run("sportybet", [sportybet("29", prices={"Yes": "nan", "No": "2"})]),
        run("bet9ja", {"S_GGNG_Y": "nan", "S_GGNG_N": "2"}),
        run("betpawa", [betpawa("3795", betpawa_row(None, Yes=-2.5, No=2.0))]),
    ]
    assert [rejected(one) for one in found] == [
        {(market_id, None, "INVALID_ODDS")} for market_id in ("29", "S_GGNG", "3795")
    ]
    assert not any(one.markets for one in found)


def test_outcomes_that_betpawa_does_not_sell_are_kept_on_the_other_books() -> None:
    sold_elsewhere = [
        (one.canonical_id, one.sportybet_id, outcome.canonical_id, outcome.sportybet_desc)
        for one in CATALOGUE
        for outcome in one.outcomes
        if one.line_rule.kind == "none" and not one.line_rule.fixed and outcome.betpawa_name is None
        if outcome.sportybet_desc is not None and one.sportybet_id is not None
    ]
    assert sold_elsewhere
    for canonical_id, market_id, outcome, label in sold_elsewhere:
        found = run("sportybet", [sportybet(market_id, prices={label: "9"})])
        assert answer(found) == {(canonical_id, None): {outcome: 9}}


@pytest.mark.parametrize(
    ("type_id", "label", "quarters", "key"),
    [
        ("28000228", "0-0/0-0", None, ("htft_correct_score", None)),
        ("28000279", "1/X and Under", 10, ("htft_over_under", "2.5")),
        ("28000035", "1:0, 2:0 or 3:0", None, ("multiscores_ft", None)),
    ],
)
def test_markets_that_all_three_books_sell_do_map(
    type_id: str, label: str, quarters: int | None, key: tuple[str, str | None]
) -> None:
    assert set(
        answer(run("betpawa", [betpawa(type_id, betpawa_row(quarters, **{label: 9.0}))]))
    ) == {key}


@pytest.mark.parametrize("field", [{"status": 1}, {"banned": True}])
def test_market_status_and_banned_are_not_ignored(field: dict[str, Any]) -> None:
    assert active(run("sportybet", [sportybet("29", prices={"Yes": "1.7"}, **field)])) == {
        "yes": False
    }


def test_a_market_in_which_nothing_is_active_is_still_resolved() -> None:
    row = betpawa_row(10, Over=0.0, Under=0.0)
    for price in row["prices"]:
        price["suspended"] = True
    found = run("betpawa", [betpawa("5000", row)])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": None, "under": None}}


def test_fifteen_rows_of_a_correct_score_are_one_result_and_not_fifteen() -> None:
    rows = [betpawa_row(None, **{f"{home}-{away}": 9.5}) for home in range(4) for away in range(4)]
    assert len(run("betpawa", [betpawa("4429", *rows)]).markets) == 1


def test_misses_of_every_platform_are_told() -> None:
    assert missed(run("bet9ja", {"S_3COMBO9_Y": "5"})) == {("S_3COMBO9", "UNKNOWN_MARKET", None)}
    assert missed(run("sportybet", [sportybet("830101", "variant=x", prices={"A": "5"})])) == {
        ("830101", "UNKNOWN_MARKET", None)
    }
    assert missed(run("betpawa", [betpawa("999", betpawa_row(4, A=5))])) == {
        ("999", "UNKNOWN_MARKET", None)
    }


def test_the_priority_decides_when_platform_ids_collide() -> None:
    code = mapping("code", ["a"], sportybet_id="x", id=1)
    user = mapping("user", ["a"], sportybet_id="x", id=2, priority=10)
    for order in ([code, user], [user, code]):
        found = run("sportybet", [sportybet("x", prices={"a": 2})], index=MappingIndex(order))
        assert set(answer(found)) == {("user", None)}


def test_a_missed_market_is_one_miss_however_many_lines_it_had() -> None:
    rows = [
        sportybet("999999", f"minsnr=10|total={line}.5", prices={"Over": "2"}) for line in range(5)
    ]
    found = run("sportybet", rows)
    assert [(one.external_market_id, len(list(one.rows))) for one in found.missed] == [
        ("999999", 5)
    ]


def test_reasons_of_misses_are_told_apart() -> None:
    rows = [
        sportybet("830101", prices={"A": "5"}),
        sportybet("8", "goalnr=2", prices={"Home": "2"}),
        sportybet("29", prices={"Maybe": "2"}),
    ]
    assert missed(run("sportybet", rows)) == {
        ("830101", "UNKNOWN_MARKET", None),
        ("8?goalnr=2", "UNKNOWN_PARAM_MARKET", None),
        ("29", "NO_MATCHING_OUTCOMES", None),
    }
