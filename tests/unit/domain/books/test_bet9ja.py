import pytest

from tests.support.markets import CATALOGUE, active, answer, documents, missed, rejected, run
from worker.domain.books.bet9ja import Bet9jaKey, format_key, parse_key

KEYS = sorted({key for mapping in CATALOGUE if (key := mapping.bet9ja_key)})
PREFIX_PAIRS = [
    (short, long) for short in KEYS for long in KEYS if short != long and long.startswith(short)
]
OWNERS = {
    key: {mapping.canonical_id for mapping in CATALOGUE if mapping.bet9ja_key == key}
    for key in KEYS
}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("S_1X2_1", Bet9jaKey("S_1X2", None, "1")),
        ("S_OU@2.5_O", Bet9jaKey("S_OU", "2.5", "O")),
        ("S_1X2HND@-1_1H", Bet9jaKey("S_1X2HND", "-1", "1H")),
        ("S_HTFT_1/X", Bet9jaKey("S_HTFT", None, "1/X")),
        ("S_HTFTCS_0-0/4+", Bet9jaKey("S_HTFTCS", None, "0-0/4+")),
        ("S_WINMARGIN_HT>2", Bet9jaKey("S_WINMARGIN", None, "HT>2")),
        ("S_1X2MULTI3-4_1", Bet9jaKey("S_1X2MULTI3-4", None, "1")),
        ("LIVES_1X2RHND@0:3_2H", Bet9jaKey("LIVES_1X2RHND", "0:3", "2H")),
        ("B_HND@-3.5_1", Bet9jaKey("B_HND", "-3.5", "1")),
    ],
)
def test_the_first_underscore_after_the_prefix_ends_the_market(text: str, key: Bet9jaKey) -> None:
    assert parse_key(text) == key


def test_an_outcome_may_hold_underscores() -> None:
    assert parse_key("S_1X2_a_b@c") == Bet9jaKey("S_1X2", None, "a_b@c")


def test_format_gives_the_text_back() -> None:
    assert format_key(Bet9jaKey("S_OU", "2.5", "O")) == "S_OU@2.5_O"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "S_",
        "S_1X2",
        "S_1X2_",
        "S__1",
        "1X2_1",
        "s_1x2_1",
        "x_1X2_1",
        "S_OU@_O",
        "S_OU 2_O",
        "S_O\u00dc_1",
    ],
)
def test_a_key_that_is_not_of_the_grammar_is_none(text: str) -> None:
    assert parse_key(text) is None


def test_a_key_of_more_than_500_characters_is_refused() -> None:
    assert parse_key("S_1X2_" + "1" * 494) is not None
    assert parse_key("S_1X2_" + "1" * 495) is None


def test_a_malformed_key_is_rejected_and_costs_its_neighbours_nothing() -> None:
    found = run("bet9ja", {"S_1X2_1": "2.4", "S_1X2": "3", "S_1X2_2": "2.9"})
    assert answer(found) == {("1x2_ft", None): {"home": 2.4, "away": 2.9}}
    assert rejected(found) == {("S_1X2", None, "INVALID_KEY_FORMAT")}


def test_a_rejected_key_is_cut_to_the_length_of_its_column() -> None:
    (entry,) = run("bet9ja", {"S" * 5000: "2.4"}).rejected
    assert len(entry.external_market_id) == 100
    assert len(entry.detail) < 250


def test_the_empty_key_is_rejected_under_an_id_that_is_not_empty() -> None:
    assert rejected(run("bet9ja", {"": "2.4"})) == {("?", None, "INVALID_KEY_FORMAT")}


def test_the_catalogue_has_the_prefix_families_that_make_prefix_matching_wrong() -> None:
    assert len(PREFIX_PAIRS) >= 57
    assert ("S_1X2", "S_1X21T") in PREFIX_PAIRS
    assert ("S_CAH", "S_CAHH") in PREFIX_PAIRS


@pytest.mark.parametrize(("short", "long"), PREFIX_PAIRS)
def test_a_longer_bet9ja_key_is_not_swallowed_by_a_shorter_one(short: str, long: str) -> None:
    labels = {
        mapping.outcomes[0].bet9ja_suffix or ""
        for mapping in CATALOGUE
        if mapping.bet9ja_key in {short, long}
    }
    for param in ("", "@1.5", "@1"):
        found = run("bet9ja", {f"{long}{param}_{label}": "2.5" for label in labels if label})
        assert {market["canonical_id"] for market in documents(found)} <= OWNERS[long]
        assert {market["external_market_id"] for market in documents(found)} <= {long}


@pytest.mark.parametrize(
    "key", ["S_1X2X", "S_1X2NEW", "S_OUX", "S_OUAX", "S_DCX", "S_HTFTX", "S_CAH3"]
)
def test_an_unknown_key_that_begins_like_a_known_one_is_a_miss(key: str) -> None:
    assert missed(run("bet9ja", {f"{key}_1": "2.4"})) == {(key, "UNKNOWN_MARKET", None)}


def test_asian_over_under_is_not_the_away_team_s() -> None:
    found = run("bet9ja", {"S_OUA@2.25_O": "1.9", "S_OUA@2.25_U": "1.9"})
    assert answer(found) == {("over_under_ft", "2.25"): {"over": 1.9, "under": 1.9}}


def test_1x21_and_1x22_are_one_up_and_two_up_not_halves() -> None:
    found = run(
        "bet9ja", {"S_1X21_11": "2.3", "S_1X22_12": "2.35", "S_1X21T_1": "2.9", "S_1X22T_1": "2.7"}
    )
    assert {key[0]: prices for key, prices in answer(found).items()} == {
        "1x2_1up_ft": {"home": 2.3},
        "1x2_2up_ft": {"home": 2.35},
        "1x2_1h": {"home": 2.9},
        "1x2_2h": {"home": 2.7},
    }


def test_cah_is_the_corner_handicap_and_cahh_its_first_half() -> None:
    found = run("bet9ja", {"S_CAH@-0.5_1": "1.8", "S_CAHH@-0.5_1": "1.9"})
    assert set(answer(found)) == {("corner_handicap_ft", "-0.5"), ("corner_handicap_1h", "-0.5")}


@pytest.mark.parametrize(
    ("key", "suffixes", "markets"),
    [
        ("S_HAOU", ("OH", "UH", "OA", "UA"), ("home_over_under_ft", "away_over_under_ft")),
        ("S_HA1HOU", ("HO", "HU", "AO", "AU"), ("home_over_under_1h", "away_over_under_1h")),
        ("S_HA2HOU", ("HO", "HU", "AO", "AU"), ("home_over_under_2h", "away_over_under_2h")),
    ],
)
def test_a_key_that_two_mappings_share_gives_one_result_for_each(
    key: str, suffixes: tuple[str, ...], markets: tuple[str, str]
) -> None:
    prices = dict(zip(suffixes, ("1.6", "2.1", "1.7", "2.2"), strict=True))
    found = run("bet9ja", {f"{key}@0.5_{suffix}": odds for suffix, odds in prices.items()})
    assert answer(found) == {
        (markets[0], "0.5"): {"over": 1.6, "under": 2.1},
        (markets[1], "0.5"): {"over": 1.7, "under": 2.2},
    }
    assert not found.misses


@pytest.mark.parametrize(
    ("key", "suffixes"),
    [("S_HAOU", ("HO", "HU", "AO", "AU")), ("S_HA1HOU", ("OH", "UH", "OA", "UA"))],
)
def test_the_suffix_order_of_one_home_and_away_key_is_not_tried_on_another(
    key: str, suffixes: tuple[str, ...]
) -> None:
    found = run("bet9ja", {f"{key}@0.5_{suffix}": "1.6" for suffix in suffixes})
    assert not found.markets
    assert missed(found) == {(key, "NO_MATCHING_OUTCOMES", None)}


def test_last_goal_is_sold_under_the_key_that_is_real() -> None:
    found = run("bet9ja", {"S_LASTSCORE_1": "1.9", "S_LASTGOAL_1": "1.9"})
    assert answer(found) == {("last_goal_ft", None): {"home": 1.9}}
    assert missed(found) == {("S_LASTGOAL", "UNKNOWN_MARKET", None)}


def test_suffixes_are_compared_exactly() -> None:
    found = run("bet9ja", {"S_OU@2.5_O": "1.9", "S_OU@2.5_u": "1.9"})
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.9}}
    assert missed(found) == {("S_OU", "NO_MATCHING_OUTCOMES", "u")}


def test_second_half_goals_2_is_exactly_two() -> None:
    assert answer(run("bet9ja", {"S_GOALS2T_2": "3.4"})) == {("exact_goals_2h", None): {"2": 3.4}}


def test_gg_ng_over_is_read_on_its_own_line_only() -> None:
    found = run("bet9ja", {"S_GGNGOU@2.5_GGOVER": "2.3", "S_GGNGOUN@3.5_GGO": "3.3"})
    assert answer(found) == {
        ("over_under_btts_ft", "2.5"): {"over_yes": 2.3},
        ("over_under_btts_ft", "3.5"): {"over_yes": 3.3},
    }


@pytest.mark.parametrize("param", ["0:1", "nan", "inf", "1e1", "2,5"])
def test_a_param_that_is_no_line_is_an_invalid_specifier(param: str) -> None:
    found = run("bet9ja", {f"S_OU@{param}_O": "1.9"})
    assert rejected(found) == {("S_OU", None, "INVALID_SPECIFIER")}
    assert not found.markets


def test_an_underscore_in_a_param_belongs_to_the_outcome_and_prices_nothing() -> None:
    found = run("bet9ja", {"S_OU@1_0_O": "1.9"})
    assert not found.markets
    assert missed(found) == {("S_OU", "NO_MATCHING_OUTCOMES", None)}


@pytest.mark.parametrize("param", ["0:1", "-1.5"])
def test_a_three_way_param_of_bet9ja_is_a_whole_number_and_no_score(param: str) -> None:
    found = run("bet9ja", {f"S_1X2HND@{param}_1H": "2.9"})
    assert rejected(found) == {("S_1X2HND", None, "INVALID_SPECIFIER")}


def test_a_line_market_without_a_param_is_an_invalid_specifier() -> None:
    assert rejected(run("bet9ja", {"S_OU_O": "1.9"})) == {("S_OU", None, "INVALID_SPECIFIER")}


def test_a_param_on_a_market_without_a_line_is_an_unknown_param_market() -> None:
    assert missed(run("bet9ja", {"S_1X2@2.5_1": "1.9"})) == {
        ("S_1X2", "UNKNOWN_PARAM_MARKET", None)
    }


def test_one_means_no_price_and_the_outcome_stays_inactive() -> None:
    found = run("bet9ja", {"S_1X2_1": "2.4", "S_1X2_X": "1"})
    assert answer(found) == {("1x2_ft", None): {"home": 2.4, "draw": None}}
    assert active(found) == {"home": True, "draw": False}


@pytest.mark.parametrize(
    "value", ["1", "1.00", 1, "-", "", None, {"v": 1}, {"v": "-"}, {"v": None}]
)
def test_an_outcome_without_a_price_is_not_on_offer_and_the_others_are(value: object) -> None:
    found = run("bet9ja", {"S_1X2_1": "2.4", "S_1X2_X": value})
    assert answer(found) == {("1x2_ft", None): {"home": 2.4, "draw": None}}
    assert active(found) == {"home": True, "draw": False}


@pytest.mark.parametrize(
    "value", ["0", "0.00", 0, "--", " ", {}, {"x": 1}, {"v": {"v": 2}}, [], True]
)
def test_a_value_that_is_neither_odds_nor_none_rejects_the_market(value: object) -> None:
    found = run("bet9ja", {"S_1X2_1": "2.4", "S_1X2_X": value})
    assert rejected(found) == {("S_1X2", None, "INVALID_ODDS")}


def test_a_live_value_is_read() -> None:
    found = run("bet9ja", {"S_1X2_1": {"v": 2.4}, "S_1X2_X": {"v": "3.10", "d": 1}})
    assert answer(found) == {("1x2_ft", None): {"home": 2.4, "draw": 3.1}}


@pytest.mark.parametrize("prefix", ["LIVEB", "LIVET", "LIVETT", "B", "T", "VS"])
def test_a_market_of_any_sport_is_a_miss_and_not_unreadable(prefix: str) -> None:
    found = run("bet9ja", {f"{prefix}_OUOT@159.5_O": {"v": 1.85}, f"{prefix}_NEXT@0:3_1": {"v": 2}})
    assert {entry[0] for entry in missed(found)} == {f"{prefix}_OUOT", f"{prefix}_NEXT"}
    assert not found.rejected


def test_a_param_with_a_plus_is_refused_and_costs_its_neighbours_nothing() -> None:
    found = run("bet9ja", {"S_AH@-0.25_1": "1.9", "S_AH@+0.25_2": "1.95"})
    assert answer(found) == {("asian_handicap_ft", "-0.25"): {"home": 1.9}}
    assert [entry.code for entry in found.rejected] == ["INVALID_KEY_FORMAT"]


def test_a_bad_price_rejects_the_whole_market_and_does_not_make_it_partial() -> None:
    found = run("bet9ja", {"S_1X2_1": "2.4", "S_1X2_X": "0.9", "S_DC_1X": "1.3"})
    assert answer(found) == {("double_chance_ft", None): {"home_draw": 1.3}}
    assert rejected(found) == {("S_1X2", None, "INVALID_ODDS")}


def test_a_live_value_is_an_object_and_its_market_is_another_one() -> None:
    found = run("bet9ja", {"LIVES_OU@2.5_O": {"v": 1.5}, "S_OU@2.5_O": {"v": 1.5}})
    assert answer(found) == {("over_under_ft", "2.5"): {"over": 1.5}}
    assert missed(found) == {("LIVES_OU", "UNKNOWN_MARKET", None)}


def test_market_names_are_taken_from_beside_the_odds() -> None:
    found = run("bet9ja", {"S_3COMBO9_Y": "5"}, market_names={"S_3COMBO9": "3 Combo"})
    assert [miss.market_name for miss in found.misses] == ["3 Combo"]
