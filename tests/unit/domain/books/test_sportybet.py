from typing import Any

import pytest

from tests.support.markets import active, answer, missed, rejected, run, sportybet
from worker.domain.books.sportybet import format_specifier, parse_specifier

OVER_UNDER = {"Over 2.5": "1.98", "Under 2.5": "1.83"}


@pytest.mark.parametrize(
    ("text", "params"),
    [
        (None, ()),
        ("", ()),
        ("total=2.5", (("total", "2.5"),)),
        ("from=1|to=10", (("from", "1"), ("to", "10"))),
        ("variant=sr:exact_goals:6+", (("variant", "sr:exact_goals:6+"),)),
        ("score=0:1|hcp=0:1", (("score", "0:1"), ("hcp", "0:1"))),
        ("a=b=c", (("a", "b=c"),)),
    ],
)
def test_a_specifier_is_pairs_of_key_and_value(text: str | None, params: Any) -> None:
    assert parse_specifier(text) == params


@pytest.mark.parametrize(
    "text", ["total", "total=", "=2.5", "total=2.5|", "|", "total=1|total=2", "x" * 1001]
)
def test_a_specifier_that_is_not_pairs_is_none(text: str) -> None:
    assert parse_specifier(text) is None


def test_a_specifier_may_have_1000_characters() -> None:
    assert parse_specifier("total=" + "1" * 994) is not None


def test_format_gives_the_specifier_back() -> None:
    assert format_specifier((("from", "1"), ("to", "10"))) == "from=1|to=10"


def test_the_line_is_taken_out_of_a_label() -> None:
    found = run("sportybet", [sportybet("18", "total=2.5", prices=OVER_UNDER)])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.98, "under": 1.83}}


def test_two_notations_of_one_line_are_one_market() -> None:
    rows = [
        sportybet("18", "total=2.5", prices={"Over 2.5": "1.98"}),
        sportybet("18", "total=2.50", prices={"Under 2.50": "1.83"}),
    ]
    assert answer(run("sportybet", rows)) == {
        ("over_under_ft", "2.5"): {"over": 1.98, "under": 1.83}
    }


def test_a_label_whose_own_line_contradicts_the_specifier_is_not_matched() -> None:
    found = run(
        "sportybet", [sportybet("18", "total=2.5", prices={"Over 2.5": "1.98", "Under 3.5": "1.3"})]
    )
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.98}}
    assert missed(found) == {("18", "NO_MATCHING_OUTCOMES", "Under 3.5")}


@pytest.mark.parametrize(
    ("specifier", "line", "prices"),
    [
        ("hcp=-0.5", "-0.5", {"Home (-0.5)": "2.35", "Away (+0.5)": "1.57"}),
        ("hcp=1", "1", {"Home (+1.0)": "2.35", "Away (-1.0)": "1.57"}),
        ("hcp=0", "0", {"Home (0)": "2.35", "Away (0)": "1.57"}),
        ("hcp=−1.5", "-1.5", {"Home (−1.5)": "2.35", "Away (+1.5)": "1.57"}),
    ],
)
def test_a_two_way_handicap_is_the_home_side_s(
    specifier: str, line: str, prices: dict[str, str]
) -> None:
    found = run("sportybet", [sportybet("16", specifier, prices=prices)])
    assert answer(found) == {("asian_handicap_ft", line): {"home": 2.35, "away": 1.57}}


def test_a_handicap_label_with_the_other_side_s_sign_is_not_matched() -> None:
    found = run("sportybet", [sportybet("16", "hcp=-0.5", prices={"Home (+0.5)": "1.4"})])
    assert missed(found) == {("16", "NO_MATCHING_OUTCOMES", None)}


@pytest.mark.parametrize(
    ("specifier", "line", "said"),
    [("hcp=0:1", "-1", "0:1"), ("hcp=2:0", "2", "2:0"), ("hcp=1:3", "-2", "1:3")],
)
def test_a_three_way_handicap_is_home_score_less_away_score(
    specifier: str, line: str, said: str
) -> None:
    prices = {f"Home ({said})": "4.7", f"Draw ({said})": "4.2", f"Away ({said})": "1.5"}
    found = run("sportybet", [sportybet("14", specifier, prices=prices)])
    assert answer(found) == {("handicap_3way_ft", line): {"home": 4.7, "draw": 4.2, "away": 1.5}}


def test_a_number_on_the_three_way_market_is_read_as_its_line() -> None:
    found = run(
        "sportybet", [sportybet("14", "hcp=-1", prices={"Home (-1)": "4.7", "Away (+1)": "1.5"})]
    )
    assert answer(found) == {("handicap_3way_ft", "-1"): {"home": 4.7, "away": 1.5}}


@pytest.mark.parametrize(
    ("market_id", "specifier"),
    [
        ("18", None),
        ("18", "total=nan"),
        ("18", "total=1_0"),
        ("18", "total=1e1"),
        ("18", "total=2,5"),
        ("18", "total=inf"),
        ("18", "total=0:1"),
        ("18", "total"),
        ("16", "hcp=0:1"),
        ("14", "hcp=-1.5"),
        ("14", "hcp=0:1:2"),
        ("8", None),
        ("105", "from=1"),
    ],
)
def test_a_line_market_whose_specifier_cannot_be_read_is_rejected(
    market_id: str, specifier: str | None
) -> None:
    found = run(
        "sportybet", [sportybet(market_id, specifier, prices={"Over": "1.9", "Home": "1.9"})]
    )
    assert rejected(found) == {(market_id, None, "INVALID_SPECIFIER")}
    assert not found.markets
    assert not found.misses


@pytest.mark.parametrize(
    ("market_id", "specifier", "missed_as"),
    [
        ("8", "goalnr=2", "8?goalnr=2"),
        ("163", "cornernr=3", "163?cornernr=3"),
        ("137", "bookingnr=2", "137?bookingnr=2"),
        ("900069", "minute=10", "900069?minute=10"),
        ("105", "from=11|to=20", "105?from=11|to=20"),
        ("854", "total=3.5", "854?total=3.5"),
        ("58", "total=2.5", "58?total=2.5"),
        ("1", "total=2.5", "1?total"),
        ("18", "total=2.5|minsnr=10", "18?minsnr=10"),
        ("18", "total=3.5|minsnr=10", "18?minsnr=10"),
        ("18", "score=0:1|total=2.5", "18?score=0:1"),
        ("16", "hcp=1|quarternr=2", "16?quarternr=2"),
    ],
)
def test_a_specifier_that_names_another_market_is_missed_as_that_market(
    market_id: str, specifier: str, missed_as: str
) -> None:
    found = run(
        "sportybet", [sportybet(market_id, specifier, prices={"Yes": "1.9", "Home": "1.9"})]
    )
    assert missed(found) == {(missed_as, "UNKNOWN_PARAM_MARKET", None)}
    assert not found.markets


@pytest.mark.parametrize(
    ("market_id", "specifier", "canonical_id", "label"),
    [
        ("8", "goalnr=1", "first_goal_ft", "Home"),
        ("163", "cornernr=1", "first_corner_ft", "Home"),
        ("137", "bookingnr=1", "first_card_ft", "Home"),
        ("900069", "minute=5", "1x2_5min", "Home"),
        ("105", "from=1|to=10", "1x2_10min", "Home"),
        ("105", "to=10|from=1", "1x2_10min", "Home"),
        ("854", "total=2.5", "home_or_over_25_ft", "Yes"),
        ("856", "total=2.50", "draw_or_over_25_ft", "Yes"),
        ("58", "total=1.5", "both_halves_over_15", "Yes"),
    ],
)
def test_a_specifier_that_names_the_mapped_market_is_no_line(
    market_id: str, specifier: str, canonical_id: str, label: str
) -> None:
    found = run("sportybet", [sportybet(market_id, specifier, prices={label: "1.9"})])
    assert set(answer(found)) == {(canonical_id, None)}


@pytest.mark.parametrize(
    ("specifier", "prices", "expected"),
    [
        ("variant=sr:exact_goals:3+", {"2": "4.4", "3+": "8.1"}, {"2": 4.4, "3+": 8.1}),
        ("variant=sr:exact_goals:2+", {"1": "2.6", "2+": "3.1"}, {"1": 2.6, "2+": 3.1}),
        (None, {"1": "2.6"}, {"1": 2.6}),
    ],
)
def test_a_variant_says_nothing_that_the_labels_do_not_say(
    specifier: str | None, prices: dict[str, str], expected: dict[str, float]
) -> None:
    found = run("sportybet", [sportybet("71", specifier, prices=prices)])
    assert answer(found) == {("exact_goals_1h", None): expected}


def test_five_or_more_goals_are_not_taken_for_exactly_five() -> None:
    found = run(
        "sportybet", [sportybet("21", "variant=sr:exact_goals:5+", prices={"4": "5", "5+": "7"})]
    )
    assert answer(found) == {("exact_goals_ft", None): {"4": 5}}
    assert missed(found) == {("21", "NO_MATCHING_OUTCOMES", "5+")}


def test_two_variants_that_price_one_outcome_differently_are_refused() -> None:
    rows = [
        sportybet("71", "variant=sr:exact_goals:2+", prices={"1": "2.6"}),
        sportybet("71", "variant=sr:exact_goals:3+", prices={"1": "2.7"}),
    ]
    assert rejected(run("sportybet", rows)) == {("71", None, "INVALID_SPECIFIER")}


@pytest.mark.parametrize(
    "field", [{"status": 1}, {"status": "1"}, {"status": None}, {"banned": True}]
)
def test_a_market_that_is_not_open_keeps_its_outcomes_inactive(field: dict[str, Any]) -> None:
    found = run("sportybet", [sportybet("18", "total=2.5", prices=OVER_UNDER, **field)])
    assert active(found) == {"over": False, "under": False}
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.98, "under": 1.83}}


def test_an_active_one_in_a_suspended_market_is_no_fault() -> None:
    found = run("sportybet", [sportybet("18", "total=2.5", prices={"Over 2.5": "1.00"}, status=1)])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": None}}
    assert active(found) == {"over": False}


def test_a_closed_outcome_stays_inactive_without_odds() -> None:
    market = sportybet("18", "total=2.5", prices=OVER_UNDER)
    market["outcomes"][1] |= {"isActive": 0, "odds": "0.00"}
    found = run("sportybet", [market])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.98, "under": None}}
    assert active(found) == {"over": True, "under": False}


@pytest.mark.parametrize(
    "odds", ["nan", "inf", "1e400", "1_5", "2,15", "-", "0.50", "-2.5", "0x2", " 1", True, []]
)
def test_an_active_outcome_with_bad_odds_rejects_its_line_and_no_other(odds: object) -> None:
    rows = [
        sportybet("18", "total=2.5", prices={"Over 2.5": odds, "Under 2.5": "1.83"}),
        sportybet("18", "total=3.5", prices={"Over 3.5": "3.3"}),
    ]
    found = run("sportybet", rows)
    assert rejected(found) == {("18", "2.5", "INVALID_ODDS")}
    assert answer(found) == {("over_under_ft", "3.5"): {"over": 3.3}}


@pytest.mark.parametrize("odds", ["", "1.00", "0.00", "1", "0", None, 1, 0.0])
def test_an_outcome_without_a_price_is_not_on_offer_and_the_others_are(odds: object) -> None:
    found = run(
        "sportybet", [sportybet("18", "total=2.5", prices={"Over 2.5": odds, "Under 2.5": "1.83"})]
    )
    assert answer(found) == {("over_under_ft", "2.5"): {"over": None, "under": 1.83}}
    assert active(found) == {"over": False, "under": True}


def test_an_id_may_be_a_whole_number() -> None:
    market = sportybet("18", "total=2.5", prices=OVER_UNDER) | {"id": 18}
    assert set(answer(run("sportybet", [market]))) == {("over_under_ft", "2.5")}


def test_odds_may_be_numbers() -> None:
    found = run(
        "sportybet", [sportybet("18", "total=2.5", prices={"Over 2.5": 1.98, "Under 2.5": 2})]
    )
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.98, "under": 2}}


@pytest.mark.parametrize("outcomes", [[], None])
def test_a_mapped_market_without_outcomes_matches_none(outcomes: object) -> None:
    found = run("sportybet", [sportybet("18", "total=2.5", outcomes=outcomes)])
    assert missed(found) == {("18", "NO_MATCHING_OUTCOMES", None)}


@pytest.mark.parametrize(
    "bad",
    [
        None,
        5,
        "18",
        [],
        {},
        {"id": 1.5},
        {"id": -1},
        {"id": True},
        {"id": ""},
        {"id": None},
        {"id": "1", "outcomes": "x"},
    ],
)
def test_a_malformed_market_is_rejected_and_costs_its_neighbours_nothing(bad: object) -> None:
    found = run("sportybet", [bad, sportybet("18", "total=2.5", prices=OVER_UNDER)])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.98, "under": 1.83}}
    assert [entry.code for entry in found.rejected] == ["INVALID_KEY_FORMAT"]
    assert found.rejected[0].external_market_id in {"?", "1"}


@pytest.mark.parametrize("bad", [None, 5, {"odds": "2.0"}, {"desc": 7, "odds": "2.0"}])
def test_an_outcome_without_a_label_is_rejected_by_itself(bad: object) -> None:
    market = sportybet("18", "total=2.5", prices=OVER_UNDER)
    market["outcomes"].append(bad)
    found = run("sportybet", [market])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.98, "under": 1.83}}
    assert rejected(found) == {("18", None, "INVALID_KEY_FORMAT")}


def test_a_specifier_that_is_no_text_is_rejected() -> None:
    found = run("sportybet", [sportybet("18", prices=OVER_UNDER, specifier={"total": 2.5})])
    assert rejected(found) == {("18", None, "INVALID_SPECIFIER")}


def test_the_stable_name_is_shown_not_the_one_with_team_names() -> None:
    found = run(
        "sportybet", [sportybet("830101", name="Player To Be Booked", desc="Wuhan player booked")]
    )
    assert [miss.market_name for miss in found.misses] == ["Player To Be Booked"]


@pytest.mark.parametrize("shown", ["OVER 2.5", " over  2.5 ", "Over\u00a02.5"])
def test_case_and_blanks_of_a_label_are_folded(shown: str) -> None:
    found = run("sportybet", [sportybet("18", "total=2.5", prices={shown: "1.98"})])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.98}}
