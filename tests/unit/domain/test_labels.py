import pytest

from tests.support.markets import Answer, answer, missed, run, sportybet
from worker.domain.labels import Teams, fold, teams

WUHAN = "Wuhan Three Towns FC"
QINGDAO = "Qingdao Hainiu FC"


def htft(label: str, home: str | None, away: str | None) -> Answer:
    """What a label of half time / full time & total 2.5 resolves to; empty when to nothing."""
    return answer(
        run(
            "sportybet",
            [sportybet("818", "total=2.5", prices={label: "9.9"})],
            home=home,
            away=away,
        )
    )


def one(outcome: str) -> Answer:
    return {("htft_over_under", "2.5"): {outcome: 9.9}}


def test_case_and_blanks_are_folded() -> None:
    assert fold("  Home\u00a0 & YES\t") == "home & yes"


@pytest.mark.parametrize(
    ("label", "outcome"),
    [
        (f"{WUHAN}/{WUHAN} & under 2.5", "1_1_under"),
        (f"{WUHAN}/draw & over 2.5", "1_x_over"),
        (f"{WUHAN}/{QINGDAO} & over 2.5", "1_2_over"),
        (f"{QINGDAO}/{WUHAN} & under 2.5", "2_1_under"),
        (f"draw/{QINGDAO.upper()} & Under 2.5", "x_2_under"),
        ("draw/draw & over 2.5", "x_x_over"),
    ],
)
def test_a_label_with_team_names_is_read_with_the_event_s_names(label: str, outcome: str) -> None:
    assert htft(label, WUHAN, QINGDAO) == one(outcome)


@pytest.mark.parametrize(("home", "away"), [(None, None), (WUHAN, None), ("", QINGDAO), (" ", " ")])
def test_without_both_names_a_label_that_needs_them_is_not_matched(
    home: str | None, away: str | None
) -> None:
    assert htft(f"{WUHAN}/draw & over 2.5", home, away) == {}


def test_without_names_a_label_that_needs_none_is_still_matched() -> None:
    assert htft("draw/draw & over 2.5", None, None) == one("x_x_over")


def test_names_that_are_equal_tell_no_side() -> None:
    assert htft("United/draw & over 2.5", "United", "UNITED ") == {}


@pytest.mark.parametrize(
    ("home", "away"), [("Inter", "Inter Miami"), ("Inter Miami", "Inter"), ("FC Inter", "Inter")]
)
def test_a_name_contained_in_the_other_does_not_cut_it(home: str, away: str) -> None:
    assert htft(f"{home}/{away} & over 2.5", home, away) == one("1_2_over")
    assert htft(f"{away}/{home} & over 2.5", home, away) == one("2_1_over")


def test_a_name_inside_of_a_word_is_not_that_name() -> None:
    assert htft("Interlaken/draw & over 2.5", "Inter", "Basel") == {}


@pytest.mark.parametrize(
    "home", ["A.C. (W)", "1. FC [U21]+", "O'Higgins*", "a|b", "\\d+", "$^", "Team & Co"]
)
def test_names_with_characters_of_regular_expressions_are_plain_text(home: str) -> None:
    assert htft(f"{home}/draw & over 2.5", home, "Other FC") == one("1_x_over")
    assert htft("axb/draw & over 2.5", home, "Other FC") == {}


@pytest.mark.parametrize("word", ["Over", "Draw", "UNDER", "Home", "Away", "yes", "GG", "X"])
def test_a_team_named_like_a_word_of_the_labels_reads_no_label_by_name(word: str) -> None:
    assert teams(word, QINGDAO) is None
    assert teams(WUHAN, word) is None
    assert htft(f"{word}/{QINGDAO} & over 2.5", word, QINGDAO) == {}


def test_a_team_named_draw_does_not_turn_a_draw_into_its_win() -> None:
    assert htft("draw/draw & over 2.5", "Draw", QINGDAO) == one("x_x_over")


def test_a_team_named_over_leaves_totals_as_they_are() -> None:
    prices = {"Over 2.5": "1.98", "Under 2.5": "1.83"}
    found = run(
        "sportybet", [sportybet("18", "total=2.5", prices=prices)], home="Over", away="Under"
    )
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.98, "under": 1.83}}


def test_a_label_that_names_a_team_depends_on_the_event_each_time() -> None:
    label = f"{WUHAN}/draw & over 2.5"
    assert htft(label, WUHAN, QINGDAO) == one("1_x_over")
    assert htft(label, QINGDAO, WUHAN) == one("2_x_over")
    assert htft(label, None, None) == {}


def test_a_team_name_alone_stands_for_its_side() -> None:
    found = run(
        "sportybet",
        [sportybet("1", prices={WUHAN: "2.4", "Draw": "3.3"})],
        home=WUHAN,
        away=QINGDAO,
    )
    assert answer(found) == {("1x2_ft", None): {"home": 2.4, "draw": 3.3}}


def test_a_name_with_brackets_is_told_from_the_line_in_brackets() -> None:
    prices = {"Arsenal (W) (-1.5)": "4.6", "Chelsea (W) (+1.5)": "1.2"}
    found = run(
        "sportybet",
        [sportybet("16", "hcp=-1.5", prices=prices)],
        home="Arsenal (W)",
        away="Chelsea (W)",
    )
    assert answer(found) == {("asian_handicap_ft", "-1.5"): {"home": 4.6, "away": 1.2}}


@pytest.mark.parametrize(
    ("label", "outcome"), [("GG", "yes"), ("ng", "no"), ("Yes", "yes"), ("NO", "no")]
)
def test_gg_and_ng_are_read_as_yes_and_no(label: str, outcome: str) -> None:
    found = run("sportybet", [sportybet("29", prices={label: "1.7"})])
    assert answer(found) == {("btts_ft", None): {outcome: 1.7}}


@pytest.mark.parametrize("label", ["Home & yes", "Home & GG", "HOME & Yes"])
def test_a_combined_label_is_read_in_any_case(label: str) -> None:
    found = run("sportybet", [sportybet("35", prices={label: "4.4"})])
    assert answer(found) == {("1x2_btts_ft", None): {"home_yes": 4.4}}


@pytest.mark.parametrize(
    "label", ["Over", "over 2.5 goals", "Over2.5", "Overtime 2.5", "2.5 Over", ""]
)
def test_a_label_is_never_completed_by_a_guess(label: str) -> None:
    found = run("sportybet", [sportybet("18", "total=2.5", prices={label: "1.98"})])
    expected = {("over_under_ft", "2.5"): {"over": 1.98}} if label == "Over" else {}
    assert answer(found) == expected
    assert bool(missed(found)) is (label != "Over")


def test_every_line_of_a_label_must_be_the_market_s() -> None:
    found = run(
        "sportybet", [sportybet("36", "total=2.5", prices={"Over 2.5 & Over 3.5 & Yes": "4"})]
    )
    assert answer(found) == {}


def test_team_names_are_folded_like_labels() -> None:
    assert teams(" Wuhan  THREE Towns", "Qingdao") == Teams("wuhan three towns", "qingdao")


def test_a_name_unknown_in_one_event_is_known_in_the_next() -> None:
    label = "Basel/draw & over 2.5"
    assert htft(label, WUHAN, QINGDAO) == {}
    assert htft(label, "Basel", QINGDAO) == one("1_x_over")
    assert htft(label, WUHAN, QINGDAO) == {}
