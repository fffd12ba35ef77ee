"""Bet9ja's keys in play: each that is known is in the catalogue, switched off, or is left out with a reason.

The labels are those of live replies and of public programs that read them.
"""

from __future__ import annotations

import json
from typing import Final

import pytest

from tests.support.markets import CATALOGUE, CATALOGUE_FILE, answer, missed, run
from worker.domain.index import MappingIndex
from worker.domain.scope import EventScope
from worker.lab.coverage.agreement import switched_on

IN_PLAY: Final = EventScope(is_live=True)
EVERYTHING: Final = MappingIndex(switched_on(CATALOGUE))
# What a key has in front of its labels, the labels in the order of outcomes, and the bet before the match.
KNOWN: Final[dict[str, tuple[str, str, str | None]]] = {
    "1X2": ("1 X 2", "1x2_ft", None),
    "DC": ("1X X2 12", "double_chance_ft", None),
    "DNB": ("1 2", "draw_no_bet_ft", None),
    "GGNG": ("Y N", "btts_ft", None),
    "OU@2.5": ("O U", "over_under_ft", "2.5"),
    "OU1T@0.5": ("O U", "over_under_1h", "0.5"),
    "OU2T@1.5": ("O U", "over_under_2h", "1.5"),
    "OE": ("OD EV", "odd_even_ft", None),
    "1X21T": ("1 X 2", "1x2_1h", None),
    "DCHT": ("1X X2 12", "double_chance_1h", None),
    "DNB1TN": ("Home Away", "draw_no_bet_1h", None),
    "GGNG1T": ("Y N", "btts_1h", None),
    "HTFT": (
        "Home/Home Home/Draw Home/Away Draw/Home Draw/Draw Draw/Away Away/Home Away/Draw Away/Away",
        "htft",
        None,
    ),
    "OUHOME@1.5": ("O U", "home_over_under_ft", "1.5"),
    "OUAWAY@0.5": ("O U", "away_over_under_ft", "0.5"),
    "12HNDN@-0.5": ("1H 2H", "asian_handicap_ft", "-0.5"),
    "1X2HNDHN1@2.0": ("1H XH 2H", "handicap_3way_ft", "2"),
    "1X2HTN@-1": ("Home HandicapTie Away", "handicap_3way_1h", "-1"),
    "EXACTGOALN": ("0 1 2 3 4 5 6+", "exact_goals_ft", None),
    "GOALSHOME": ("0 1 2 3+", "home_exact_goals_ft", None),
    "GOALSAWAY": ("0 1 2 3+", "away_exact_goals_ft", None),
    "HIGHHALF": ("1 E 2", "highest_scoring_half", None),
    "CLEANHOME": ("Yes No", "home_clean_sheet_ft", None),
    "CLEANAWAY": ("Yes No", "away_clean_sheet_ft", None),
    "12SCORE": ("1 2 Both Neither", "which_team_to_score", None),
    "1X2GG": (
        "homeandyes homeandno drawandyes drawandno awayandyes awayandno",
        "1x2_btts_ft",
        None,
    ),
    "DCGG": ("1Xandyes 1Xandno X2andyes X2andno 12andyes 12andno", "double_chance_btts_ft", None),
    "HOMENOBET": ("XHNB 2HNB", "home_no_bet_ft", None),
    "AWAYNOBET": ("1ANB XANB", "away_no_bet_ft", None),
    "OUCORNER@9.5": ("Over Under", "corners_over_under_ft", "9.5"),
    "CORNER": ("0-8 9-11 12+", "corners_exact_ft", None),
}
LEFT_OUT: Final = (
    "1X2RHND",
    "NEXTGOAL",
    "GOALTYPE",
    "HTTW",
    "AWTTW",
    "ATTW",
    "OECORNERS",
    "OECARDH",
    "OECARDA",
    "nMIN1X2",
)


def sold(key: str, labels: str) -> dict[str, object]:
    return {f"LIVES_{key}_{label}": {"v": 2 + n} for n, label in enumerate(labels.split())}


@pytest.mark.parametrize("key", KNOWN)
def test_a_key_in_play_is_the_bet_before_the_match_once_it_is_switched_on(key: str) -> None:
    labels, canonical_id, line = KNOWN[key]
    found = run("bet9ja", sold(key, labels), index=EVERYTHING, scope=IN_PLAY)
    assert not missed(found)
    assert not found.rejected
    (mapping,) = (one for one in CATALOGUE if one.canonical_id == canonical_id)
    order = [outcome.canonical_id for outcome in mapping.outcomes]
    ((place, prices),) = answer(found).items()
    assert place == (canonical_id, line)
    assert len(prices) == len(labels.split())
    said = [outcome for outcome in order if outcome in prices]
    assert [prices[outcome] for outcome in said] == [2 + n for n in range(len(said))]


@pytest.mark.parametrize("key", KNOWN)
def test_a_key_in_play_is_missed_with_the_shipped_catalogue(key: str) -> None:
    found = run("bet9ja", sold(key, KNOWN[key][0]), scope=IN_PLAY)
    assert missed(found) == {(f"LIVES_{key.partition('@')[0]}", "UNKNOWN_MARKET", None)}


def test_the_catalogue_has_no_other_keys_in_play_and_says_why_it_lacks_some() -> None:
    further = {one.id for mapping in CATALOGUE for one in mapping.also}
    in_play = {each for each in further if each.startswith("LIVES_")}
    assert in_play == {f"LIVES_{key.partition('@')[0]}" for key in KNOWN}
    text = (CATALOGUE_FILE.parent / "left_out.json").read_text(encoding="utf-8")
    left_out = {one["id"] for one in json.loads(text)["left_out"] if one["platform"] == "bet9ja"}
    assert {each for each in left_out if each.startswith("LIVE")} == {
        f"LIVES_{key}" for key in LEFT_OUT
    }
