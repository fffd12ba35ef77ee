import json
import re
from typing import Any

import pytest

from tests.support.markets import (
    active,
    answer,
    betpawa,
    betpawa_row,
    betpawa_v4_row,
    missed,
    rejected,
    run,
)


def shown(row: dict[str, Any], *handicaps: str | None) -> dict[str, Any]:
    """The row with a line next to each price."""
    for price, handicap in zip(row["prices"], handicaps, strict=True):
        price["handicap"] = handicap
    return row


def test_the_row_s_handicap_is_the_line_times_four() -> None:
    row = shown(betpawa_row(10, Over=1.98, Under=1.83), "2.5", "2.5")
    found = run("betpawa", [betpawa("5000", row)])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.98, "under": 1.83}}


def test_a_row_of_the_fourth_version_has_odds_and_a_specifier() -> None:
    row = betpawa_v4_row({"total": "0.5"}, Over=1.02, Under=10.92) | {"handicap": 2}
    found = run("betpawa", [betpawa("5000", row)])
    assert answer(found) == {("over_under_ft", "0.5"): {"over": 1.02, "under": 10.92}}
    assert active(found) == {"over": True, "under": True}


def test_a_specifier_alone_gives_the_line_as_well() -> None:
    found = run("betpawa", [betpawa("4724", betpawa_v4_row({"hcp": "-1"}, **{"1": 4.7}))])
    assert answer(found) == {("handicap_3way_ft", "-1"): {"home": 4.7}}


def test_a_handicap_and_a_specifier_that_differ_are_no_line() -> None:
    row = betpawa_v4_row({"total": "3.5"}, Over=1.9) | {"handicap": 10}
    assert rejected(run("betpawa", [betpawa("5000", row)])) == {("5000", None, "INVALID_SPECIFIER")}


def test_rows_of_one_market_and_line_are_one_market() -> None:
    overs = betpawa_row(6, **{"1 - Over": 2.97, "X - Over": 4.16})
    unders = betpawa_row(6, **{"1 - Under": 8.79})
    found = run("betpawa", [betpawa("1096755", overs, unders)])
    assert answer(found) == {
        ("1x2_over_under_ft", "1.5"): {"home_over": 2.97, "home_under": 8.79, "draw_over": 4.16}
    }


def test_a_correct_score_spread_over_many_rows_is_one_market() -> None:
    rows = [betpawa_row(None, **{score: 9.5}) for score in ("0-0", "1-0", "0-1", "1-1")]
    found = run("betpawa", [betpawa("4429", *rows)])
    assert answer(found) == {
        ("correct_score_ft", None): dict.fromkeys(("0_0", "0_1", "1_0", "1_1"), 9.5)
    }


@pytest.mark.parametrize(
    ("quarters", "line", "shown_line"),
    [(-4, "-1", ("Home -1", "Home -1", "Away +1")), (4, "1", ("Home +1", "Away -1", "Away -1"))],
)
def test_a_three_way_row_says_from_which_side_its_line_is_seen(
    quarters: int, line: str, shown_line: tuple[str, ...]
) -> None:
    row = shown(betpawa_row(quarters, **{"1": 4.72, "X": 4.1, "2": 1.6}), *shown_line)
    found = run("betpawa", [betpawa("4724", row)])
    assert answer(found) == {("handicap_3way_ft", line): {"home": 4.72, "draw": 4.1, "away": 1.6}}


def test_a_two_way_row_shows_each_side_its_own_sign() -> None:
    row = shown(betpawa_row(-6, **{"1": 4.65, "2": 1.16}), "-1.5", "+1.5")
    found = run("betpawa", [betpawa("3774", row)])
    assert answer(found) == {("asian_handicap_ft", "-1.5"): {"home": 4.65, "away": 1.16}}


@pytest.mark.parametrize(
    ("type_id", "quarters", "shown_lines"),
    [
        ("3774", -6, {"1": "-1.5", "2": "-1.5"}),
        ("3774", -6, {"1": "1.5", "2": "-1.5"}),
        ("3774", -6, {"2": "-1.5"}),
        ("4724", -4, {"1": "Home +1", "X": "Home -1", "2": "Away +1"}),
        ("4724", 4, {"1": "+1", "X": "+1", "2": "+1"}),
        ("5000", 10, {"Over": "2.5", "Under": "x"}),
        ("5000", 10, {"Over": "-2.5", "Under": "2.5"}),
        ("5000", 10, {"Plus de": "-2.5", "Under": "2.5"}),
        ("3743", None, {"1": "x", "X": None, "2": None}),
    ],
)
def test_a_market_is_refused_if_one_of_its_prices_shows_another_line(
    type_id: str, quarters: int | None, shown_lines: dict[str, str | None]
) -> None:
    row = betpawa_row(quarters, **dict.fromkeys(shown_lines, 1.9))
    shown(row, *shown_lines.values())
    for price in row["prices"]:
        price["typeId"] = "5001" if price["name"] == "Plus de" else "1"
    for prices in (row["prices"], row["prices"][::-1]):
        found = run("betpawa", [betpawa(type_id, row | {"prices": prices})])
        assert (found.markets, found.misses) == ([], [])
        (refused,) = found.rejected
        assert (refused.code, refused.cause) == ("INVALID_SPECIFIER", "UNITS_DISAGREE")
        assert " is " in refused.detail


def test_a_label_that_states_another_line_is_missed_and_the_rest_is_published() -> None:
    row = shown(betpawa_row(10, **{"Over": 1.9, "Under 3.5": 1.4}), "2.5", "2.5")
    found = run("betpawa", [betpawa("5000", row)])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.9}}
    assert missed(found) == {("5000", "NO_MATCHING_OUTCOMES", "Under 3.5")}


THREE_WAY = {"1": 4.7, "X": 4.1, "2": 1.6}


@pytest.mark.parametrize(
    ("type_id", "shown_lines", "line"),
    [
        ("3774", {"1": "-1.5", "2": "+1.5"}, "-1.5"),
        ("3774", {"1": "+1.5", "2": "-1.5"}, "1.5"),
        ("3774", {"1": "1.5", "2": "-1.5"}, "1.5"),
        ("3774", {"1": "−0.25", "2": "0.25"}, "-0.25"),
        ("3774", {"1": "0", "2": "0"}, "0"),
        ("4724", {"1": "Home +1", "X": "Away -1", "2": "Away -1"}, "1"),
        ("4724", {"1": "Home -2", "X": "Home -2", "2": "Away +2"}, "-2"),
        ("4724", {"1": "Domicile -2", "X": "Domicile -2", "2": "Extérieur +2"}, None),
        ("4724", {"1": "-2", "X": "-2", "2": "+2"}, "-2"),
        ("4724", {"1": "-2", "X": None, "2": "+2"}, "-2"),
    ],
)
@pytest.mark.parametrize("form", ["handicap", "specifier"])
def test_a_line_that_is_only_next_to_prices_is_read_if_both_sides_mirror_each_other(
    type_id: str, shown_lines: dict[str, str | None], line: str | None, form: str
) -> None:
    row = betpawa_row(None, **{label: THREE_WAY[label] for label in shown_lines})
    for price, text in zip(row["prices"], shown_lines.values(), strict=True):
        price[form] = {"hcp": text} if form == "specifier" and text is not None else text
    names = {"1": "home", "X": "draw", "2": "away"}
    prices = {names[label]: THREE_WAY[label] for label in shown_lines}
    for order in (row["prices"], row["prices"][::-1]):
        found = run("betpawa", [betpawa(type_id, row | {"prices": order})])
        if line is None:
            assert {one.cause for one in found.rejected} == {"SIDE_NOT_KNOWN"}
        else:
            assert list(answer(found).values()) == [prices]
            assert [layout.line for layout, _ in found.markets] == [line]


@pytest.mark.parametrize(
    ("type_id", "shown_lines", "cause"),
    [
        ("3774", {"1": "-1.5", "2": "-1.5"}, "UNITS_DISAGREE"),
        ("3774", {"1": "-1.5", "2": "+2.5"}, "UNITS_DISAGREE"),
        ("3774", {"1": "1.5", "2": "1.5"}, "UNITS_DISAGREE"),
        ("3774", {"1": "-1.5", "2": None}, "SIDE_NOT_KNOWN"),
        ("3774", {"2": "+1.5"}, "SIDE_NOT_KNOWN"),
        ("3774", {"1": "-1.5", "2": "x"}, "SIDE_NOT_KNOWN"),
        ("4724", {"1": "Home -1", "X": "Home +1", "2": "Away +1"}, "UNITS_DISAGREE"),
        ("4724", {"1": "Home +1", "2": "Away +1"}, "UNITS_DISAGREE"),
        ("4724", {"X": "Home +1"}, "SIDE_NOT_KNOWN"),
        ("5000", {"Over": "+2.5", "Under": "+2.5"}, "SIDE_NOT_KNOWN"),
        ("5000", {"Over": "2.5", "Under": "3.5"}, "UNITS_DISAGREE"),
    ],
)
def test_a_line_that_is_only_next_to_prices_is_refused_if_its_sides_do_not_mirror_each_other(
    type_id: str, shown_lines: dict[str, str | None], cause: str
) -> None:
    row = shown(betpawa_row(None, **dict.fromkeys(shown_lines, 1.9)), *shown_lines.values())
    for prices in (row["prices"], row["prices"][::-1]):
        found = run("betpawa", [betpawa(type_id, row | {"prices": prices})])
        assert (found.markets, found.misses) == ([], [])
        assert {(one.code, one.cause) for one in found.rejected} == {("INVALID_SPECIFIER", cause)}


def test_a_side_on_a_row_of_its_own_is_refused() -> None:
    rows = [
        shown(betpawa_row(None, **{"1": 4.65}), "-1.5"),
        shown(betpawa_row(None, **{"2": 1.16}), "+1.5"),
    ]
    found = run("betpawa", [betpawa("3774", *rows)])
    assert not found.markets
    assert {one.cause for one in found.rejected} == {"SIDE_NOT_KNOWN"}


@pytest.mark.parametrize(
    ("type_id", "labels", "key", "of_row"),
    [
        ("5000", "Over|Under", "hcp", {}),
        ("5000", "Over|Under", "number", {}),
        ("5000", "Over|Under", "hcp", {"handicap": 10}),
        ("5000", "Over|Under", "hcp", {"specifier": {"total": "2.5"}}),
        ("5000", "Over|Under", "hcp", {"handicap": 10, "specifier": {"total": "2.5"}}),
        ("5000", "Over|Under", "player", {"handicap": 10}),
        ("3774", "1|2", "total", {"handicap": 10}),
        ("28000224", "1|None|2", "total", {}),
    ],
)
def test_a_line_of_another_kind_next_to_a_price_is_refused(
    type_id: str, labels: str, key: str, of_row: dict[str, Any]
) -> None:
    number = (
        "1" if type_id == "28000224" else "2.5"
    )  # of a goal, which has no unit but with its own key
    prices = [
        {"name": label, "odds": 1.9, "specifier": {key: number}} for label in labels.split("|")
    ]
    for padding in [{}] if number == "1" else [{}, {"group": None}]:
        prices[0]["specifier"] = {**padding, key: number}
        for order in (prices, prices[::-1]):
            found = run("betpawa", [betpawa(type_id, {"prices": order, **of_row})])
            assert (found.markets, found.misses) == ([], [])
            (refused,) = found.rejected
            assert (refused.code, refused.cause) == ("INVALID_SPECIFIER", "LINE_KIND_DIFFERS")


@pytest.mark.parametrize("of_row", [{}, {"handicap": 10}, {"specifier": {"total": "2.5"}}])
def test_a_line_of_the_market_s_kind_next_to_a_price_is_its_line(of_row: dict[str, Any]) -> None:
    for specifier in ({"total": "2.5"}, {"total": 2.5, "hcp": 0}, {"total": 2.5, "hcp": None}):
        prices = [
            {"name": label, "odds": 1.9, "specifier": specifier} for label in ("Over", "Under")
        ]
        found = run("betpawa", [betpawa("5000", {"prices": prices, **of_row})])
        assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.9, "under": 1.9}}


def test_goal_number_one_is_the_first_goal_and_number_two_another_market() -> None:
    found = run(
        "betpawa",
        [betpawa("28000224", betpawa_row(4, **{"1": 1.94}), betpawa_row(8, **{"1": 2.1}))],
    )
    assert answer(found) == {("first_goal_ft", None): {"home": 1.94}}
    assert missed(found) == {("28000224?handicap=2", "UNKNOWN_PARAM_MARKET", None)}


@pytest.mark.parametrize("odds", [0.0, 100.0])
def test_a_suspended_price_stays_inactive(odds: float) -> None:
    row = betpawa_row(10, Over=odds, Under=1.83)
    row["prices"][0]["suspended"] = True
    found = run("betpawa", [betpawa("5000", row)])
    assert active(found) == {"over": False, "under": True}


@pytest.mark.parametrize("odds", [0.0, 1.0, 0, 1, None, "1.00"])
def test_an_outcome_without_a_price_is_not_on_offer_and_the_others_are(odds: Any) -> None:
    found = run("betpawa", [betpawa("5000", betpawa_row(10, Over=odds, Under=1.83))])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": None, "under": 1.83}}
    assert active(found) == {"over": False, "under": True}


@pytest.mark.parametrize("odds", [0.5, -2.5, "", "-", True, []])
def test_an_active_price_that_is_neither_odds_nor_none_rejects_the_market(odds: Any) -> None:
    found = run("betpawa", [betpawa("5000", betpawa_row(10, Over=odds, Under=1.83))])
    assert rejected(found) == {("5000", "2.5", "INVALID_ODDS")}


@pytest.mark.parametrize("level", ["market", "row", "price"])
@pytest.mark.parametrize(
    ("flag", "is_open"),
    [(True, False), (1, False), ("true", False), (False, True), (None, True), (0, True)],
)
def test_what_is_suspended_closes_all_that_is_below_it(
    level: str, flag: object, is_open: bool
) -> None:
    row = betpawa_row(None, **{"1": 2.5, "X": 3.1, "2": 2.9})
    market = betpawa("3743", row)
    for holder in {"market": [market], "row": [row], "price": row["prices"]}[level]:
        holder["suspended"] = flag
    found = run("betpawa", [market])
    assert answer(found) == {("1x2_ft", None): {"home": 2.5, "draw": 3.1, "away": 2.9}}
    assert active(found) == dict.fromkeys(["home", "draw", "away"], is_open)


def test_one_row_of_a_line_may_be_suspended_alone() -> None:
    rows = [betpawa_row(10, Over=1.9) | {"suspended": True}, betpawa_row(10, Under=1.8)]
    assert active(run("betpawa", [betpawa("5000", *rows)])) == {"over": False, "under": True}


def test_an_id_may_be_a_whole_number() -> None:
    market = betpawa("", betpawa_row(None, **{"1": 2.5})) | {"marketType": {"id": 3743}}
    assert set(answer(run("betpawa", [market]))) == {("1x2_ft", None)}


def test_two_forms_of_a_price_that_differ_are_no_price() -> None:
    row = betpawa_row(10, Over=1.9)
    row["prices"][0]["odds"] = 2.9
    assert rejected(run("betpawa", [betpawa("5000", row)])) == {("5000", "2.5", "INVALID_ODDS")}


@pytest.mark.parametrize("handicap", [None, "ten", 10.5, float("nan"), True, 10**9, [], {}])
def test_a_line_market_whose_row_has_no_usable_line_is_rejected(handicap: object) -> None:
    row = betpawa_row(10, Over=1.9) | {"handicap": handicap}
    assert rejected(run("betpawa", [betpawa("5000", row)])) == {("5000", None, "INVALID_SPECIFIER")}


def test_a_whole_float_is_a_handicap() -> None:
    row = betpawa_row(10, Over=1.9) | {"handicap": 10.0}
    assert set(answer(run("betpawa", [betpawa("5000", row)]))) == {("over_under_ft", "2.5")}


@pytest.mark.parametrize(
    "specifier",
    [
        *(
            {"total": "x"},
            {"total": True},
            {"total": []},
            {"total": "1e1"},
            {"total": float("inf")},
        ),
        *({"total": "0.5", "minsnr": "10"}, {"total": "0.5", "hcp": "0.5"}, {"line": "0.5"}),
        *("0.5", ["0.5"], {"number": "0.5"}),
        {"total": "10", "hcp": None},
    ],
)
def test_a_specifier_that_cannot_be_read_is_no_line(specifier: dict[str, Any]) -> None:
    row = betpawa_v4_row(None, Over=1.9) | {"specifier": specifier}
    assert rejected(run("betpawa", [betpawa("5000", row)])) == {("5000", None, "INVALID_SPECIFIER")}


@pytest.mark.parametrize(
    ("row", "shown_line"),
    [
        ({"handicap": 10, "specifier": {"total": "3.5"}}, None),
        ({"handicap": 10, "specifier": {"total": "2"}}, None),
        ({"handicap": 10, "formattedHandicap": "3.5"}, None),
        ({"specifier": {"total": "2.5"}, "formattedHandicap": "-2.5"}, None),
        ({"handicap": 10, "formattedHandicap": 2.5}, None),
        ({"handicap": 10}, "3.5"),
        ({"handicap": 0, "specifier": {"total": "2.5"}}, None),
        ({"specifier": {"hcp": "2.5"}}, None),
        ({"specifier": {"number": "2"}}, None),
        ({"handicap": 10, "specifier": {"hcp": "2.5", "total": None}}, None),
    ],
)
def test_levels_that_disagree_are_refused_and_never_chosen_from(
    row: dict[str, Any], shown_line: str | None
) -> None:
    line = shown(betpawa_row(None, Over=1.9, Under=1.8), shown_line, shown_line) | row
    found = run("betpawa", [betpawa("5000", line)])
    assert rejected(found) == {("5000", None, "INVALID_SPECIFIER")}
    assert not found.misses


@pytest.mark.parametrize(
    ("row", "shown_line", "cause"),
    [
        ({"handicap": 10, "specifier": {"total": "3.5"}}, None, "UNITS_DISAGREE"),
        ({"handicap": 10, "formattedHandicap": "3.5"}, None, "UNITS_DISAGREE"),
        ({"handicap": 10}, "3.5", "UNITS_DISAGREE"),
        ({"specifier": {"total": "10", "hcp": None}}, None, "UNIT_NOT_KNOWN"),
        ({"specifier": {"hcp": "2.5"}}, None, "LINE_KIND_DIFFERS"),
        ({"specifier": {"number": "2"}}, None, "LINE_KIND_DIFFERS"),
        ({"handicap": 10, "formattedHandicap": "ten"}, None, None),
        ({"specifier": {"total": "x"}}, None, None),
        ({}, None, None),
    ],
)
def test_a_line_that_is_refused_says_the_cause(
    row: dict[str, Any], shown_line: str | None, cause: str | None
) -> None:
    line = shown(betpawa_row(None, Over=1.9, Under=1.8), shown_line, shown_line) | row
    (entry,) = run("betpawa", [betpawa("5000", line)]).rejected
    assert (entry.code, entry.cause) == ("INVALID_SPECIFIER", cause)


def test_two_fields_that_give_two_prices_say_so() -> None:
    row = betpawa_row(10, Over=1.9, Under=1.8)
    row["prices"][0]["odds"] = 2.9
    (entry,) = run("betpawa", [betpawa("5000", row)]).rejected
    assert (entry.code, entry.cause) == ("INVALID_ODDS", "PRICES_DIFFER")
    row["prices"][0]["suspended"] = True
    assert active(run("betpawa", [betpawa("5000", row)])) == {"over": False, "under": True}


@pytest.mark.parametrize("strange", [None, True, [None], {"a": "b"}, "it's", float("inf"), 10**30])
def test_no_value_is_shown_as_python_writes_it(strange: Any) -> None:
    price = {"name": "Over", "price": strange, "handicap": strange, "specifier": {"total": strange}}
    row = {"handicap": strange, "specifier": {"total": strange}, "prices": [price, strange]}
    market = {"marketType": {"id": "5000"}, "row": [row, strange]}
    found = run("betpawa", [market, strange, {"marketType": {"id": strange}}])
    shown = json.dumps([entry._asdict() for entry in found.rejected])
    shown += json.dumps([entry.external_market_id for entry in found.misses])
    assert found.rejected
    assert not re.search(r"\bNone\b|\bTrue\b|<class|\{'|\['|\binf\b", shown), shown


NOTHING: dict[str, Any] = dict.fromkeys(["hcp", "player", "score", "number", "group"])


@pytest.mark.parametrize(
    "row",
    [
        {"handicap": 10},
        {"handicap": 10, "specifier": {"total": "2.5"}},
        {"handicap": 10, "specifier": {"total": 2.5}},
        {"handicap": 10, "specifier": NOTHING | {"total": 10}},
        {"handicap": 10, "specifier": {"total": "10", "hcp": 0, "number": ""}},
        {"handicap": 10, "specifier": {}, "formattedHandicap": "+2.50"},
        {"handicap": None, "specifier": {"total": "2.50"}, "formattedHandicap": ""},
        {"formattedHandicap": "2.5"},
        {"handicap": "", "specifier": None},
        {"handicap": 10, "specifier": {"total": 10, "player": 0, "score": "0", "group": 0}},
    ],
)
def test_a_line_is_read_from_every_level_and_what_is_absent_says_nothing(
    row: dict[str, Any],
) -> None:
    line = shown(betpawa_row(None, Over=1.9, Under=1.8), "2.5", "2.5") | row
    found = run("betpawa", [betpawa("5000", line)])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.9, "under": 1.8}}


@pytest.mark.parametrize(
    "row",
    [
        {"handicap": 0},
        {"handicap": 0, "specifier": {"hcp": 0, "total": 0}, "formattedHandicap": "0"},
        {"specifier": NOTHING | {"total": None}},
        {"specifier": {"hcp": "0"}},
        {"specifier": dict.fromkeys(NOTHING | {"total": 0}, 0)},
        {"handicap": "", "specifier": "", "formattedHandicap": None},
    ],
)
@pytest.mark.parametrize("shown_line", [None, "", "0"])
def test_a_zero_says_nothing_where_the_market_has_no_line(
    row: dict[str, Any], shown_line: str | None
) -> None:
    line = shown(betpawa_row(None, **{"1": 2.5, "2": 2.9}), shown_line, shown_line) | row
    assert answer(run("betpawa", [betpawa("3743", line)])) == {
        ("1x2_ft", None): {"home": 2.5, "away": 2.9}
    }


def test_a_zero_is_a_line_where_the_market_has_one() -> None:
    line = betpawa_row(None, **{"1": 1.5, "2": 2.5}) | {"specifier": {"hcp": 0}, "handicap": 0}
    assert set(answer(run("betpawa", [betpawa("3774", line)]))) == {("asian_handicap_ft", "0")}


@pytest.mark.parametrize(
    ("specifier", "matched"),
    [({"hcp": "-1.5"}, True), ({"hcp": "+1.5"}, False), ({"hcp": "-1.5", "total": None}, True)],
)
def test_the_specifier_of_a_price_must_agree_with_what_is_shown(
    specifier: dict[str, Any], *, matched: bool
) -> None:
    line = shown(betpawa_row(-6, **{"1": 1.5}), "-1.5")
    line["prices"][0]["specifier"] = specifier
    assert bool(run("betpawa", [betpawa("3774", line)]).markets) is matched


@pytest.mark.parametrize(
    "price",
    [
        {"specifier": NOTHING | {"total": 10}},
        {"specifier": NOTHING | {"total": "10"}},
        {"specifier": dict.fromkeys(NOTHING, 0) | {"total": 10}},
        {"handicap": 10},
        {"handicap": 10, "specifier": NOTHING | {"total": 10}},
        {"handicap": "3.5", "specifier": NOTHING | {"total": 10}},
    ],
)
def test_a_whole_number_next_to_a_price_is_no_line_where_nothing_says_its_unit(
    price: dict[str, Any],
) -> None:
    row = betpawa_row(None, Over=1.9, Under=1.8)
    for one in row["prices"]:
        one.update(price)
    found = run("betpawa", [betpawa("5000", row)])
    assert rejected(found) == {("5000", None, "INVALID_SPECIFIER")}
    assert not found.misses


@pytest.mark.parametrize(
    ("handicap", "price"),
    [
        (10, {"specifier": NOTHING | {"total": 10}}),
        (10, {"handicap": 10}),
        (None, {"handicap": "2.5", "specifier": NOTHING | {"total": 10}}),
        (None, {"handicap": "2.5", "specifier": dict.fromkeys(NOTHING, 0) | {"total": "2.50"}}),
        (None, {"specifier": NOTHING | {"total": 2.5}}),
        (None, {"specifier": {"total": "2.5"}}),
    ],
)
def test_a_number_next_to_a_price_is_read_where_a_known_line_says_its_unit(
    handicap: int | None, price: dict[str, Any]
) -> None:
    row = betpawa_row(handicap, Over=1.9, Under=1.8)
    for one in row["prices"]:
        one.update(price)
    found = run("betpawa", [betpawa("5000", row)])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.9, "under": 1.8}}


@pytest.mark.parametrize(
    ("row", "shown_line"), [({"specifier": {"total": "1"}}, None), ({"handicap": 4}, "2")]
)
def test_the_number_of_a_goal_is_no_total_and_agrees_with_what_is_shown(
    row: dict[str, Any], shown_line: str | None
) -> None:
    line = shown(betpawa_row(None, **{"1": 1.7, "None": 14.5}), shown_line, shown_line) | row
    assert rejected(run("betpawa", [betpawa("28000224", line)])) == {
        ("28000224", None, "INVALID_SPECIFIER")
    }


def test_a_line_on_a_market_without_one_is_an_unknown_param_market() -> None:
    found = run("betpawa", [betpawa("3743", betpawa_row(4, **{"1": 2.4}))])
    assert missed(found) == {("3743", "UNKNOWN_PARAM_MARKET", None)}


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "x",
        {},
        {"marketType": "5000"},
        {"marketType": {"id": 5000.5}},
        {"marketType": {"id": -5000}},
        {"marketType": {"id": True}},
        {"marketType": {"id": "5000"}, "row": "x"},
        {"marketType": {"id": "5000"}, "row": ["x"]},
        {"marketType": {"id": "5000"}, "row": [{"prices": 5}]},
        {"marketType": {"id": "5000"}, "row": [{"handicap": 10, "prices": ["x"]}]},
    ],
)
def test_a_malformed_entry_is_rejected_and_costs_its_neighbours_nothing(bad: object) -> None:
    found = run("betpawa", [bad, betpawa("5000", betpawa_row(10, Over=1.98))])
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.98}}
    assert [entry.code for entry in found.rejected] == ["INVALID_KEY_FORMAT"]
    assert not found.misses


@pytest.mark.parametrize("market", [betpawa("5000"), {"marketType": {"id": "5000"}}])
def test_a_mapped_market_without_rows_matches_none(market: dict[str, Any]) -> None:
    assert rejected(run("betpawa", [market])) == {("5000", None, "INVALID_SPECIFIER")}
    assert missed(run("betpawa", [betpawa("3743")])) == {("3743", "NO_MATCHING_OUTCOMES", None)}


def test_a_market_of_another_form_is_refused_and_says_why() -> None:
    market = {"marketType": {"id": "3743"}, "selections": [{"name": "1", "price": 2.1}]}
    found = run("betpawa", [market, betpawa("1", name="Unknown") | {"rows": []}])
    (entry,) = found.rejected
    assert (entry.external_market_id, entry.code) == ("3743", "INVALID_KEY_FORMAT")
    assert entry.detail == "a market must have rows with prices"
    unknown = {"marketType": {"id": "999999"}}
    assert missed(run("betpawa", [unknown])) == {("999999", "UNKNOWN_MARKET", None)}


def test_a_line_nested_a_thousand_deep_is_a_contradiction_and_no_crash() -> None:
    deep: Any = []
    for _ in range(1000):
        deep = [deep]
    row = shown(betpawa_row(10, Over=1.98), deep)
    assert rejected(run("betpawa", [betpawa("5000", row)])) == {
        ("5000", "2.5", "INVALID_SPECIFIER")
    }


def test_labels_are_compared_with_case_and_blanks_folded() -> None:
    found = run("betpawa", [betpawa("28000279", betpawa_row(6, **{"1/x  AND over": 4.16}))])
    assert answer(found) == {("htft_over_under", "1.5"): {"1_x_over": 4.16}}
