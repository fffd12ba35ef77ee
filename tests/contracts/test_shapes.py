"""Shapes of observations that bookmakers send, kept outside the project: what each resolves to.

Each line of the file says in words what is expected of it. Here it is said in the words of the resolver.
docs/coverage.md says which lines differ from what is expected, and why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.support.markets import CATALOGUE, FOOTBALL
from tests.support.payloads import SHAPES
from worker.domain.index import MappingIndex
from worker.domain.resolve import Observation, market_document, miss_document, resolve
from worker.domain.scope import event_scope
from worker.lab.coverage.agreement import switched_on

EXPECTED: Final[dict[str, str]] = {
    "01a-bp-v4-first-goal": "first_goal_ft@None: home=1.7, none=14.5, away=2.6",
    "01c-bp-v4-first-goal-price-number-only": "first_goal_ft@None: home=1.7, none=14.5, away=2.6",
    "01d-bp-v4-second-goal": "UNKNOWN_PARAM_MARKET 28000224?handicap=2",
    "01e-bp-v4-first-goal-disagreeing-number": "INVALID_SPECIFIER UNITS_DISAGREE 28000224",
    "03b-sb-45-other": (
        "correct_score_ft@None: 0_0=6, 0_1=11, 0_2=16, 0_3=21, 0_4=26, 1_0=7, 1_1=12, 1_2"
        "=17, 1_3=22, 1_4=27, 2_0=8, 2_1=13, 2_2=18, 2_3=23, 2_4=28, 3_0=9, 3_1=14, 3_2=1"
        "9, 3_3=24, 3_4=29, 4_0=10, 4_1=15, 4_2=20, 4_3=25, 4_4=30, other=31"
    ),
    "04a-bp-market-suspended": "1x2_ft@None: home=2.5 off, draw=3.1 off, away=2.9 off",
    "04b-bp-row-suspended": "1x2_ft@None: home=2.5 off, draw=3.1 off, away=2.9 off",
    "05a-bp-collapsed-1.0": "1x2_ft@None: home=None off, draw=3.2, away=2.9",
    "05c-bp-collapsed-suspended": "1x2_ft@None: home=None off, draw=3.2, away=2.9",
    "05d-b9-dash": "over_under_ft@2.5: over=None off, under=1.8",
    "05f-b9-all-dash": "1x2_ft@None: home=None off, draw=None off, away=None off",
    "05g-b9-null": "double_chance_ft@None: home_draw=None off, draw_away=1.8, home_away=1.3",
    "05h-sb-empty-inactive": "over_under_ft@2.5: over=None off, under=1.9",
    "07a-bp-simple-all-null": "1x2_ft@None: home=2.5, draw=3.1, away=2.9",
    "07c-bp-first-goal-nulls": "first_goal_ft@None: home=1.7, none=14.5, away=2.6",
    "07e-bp-total-as-number": "over_under_ft@2.5: over=1.9, under=1.9",
    "07g-bp-simple-price-handicap-empty": "1x2_ft@None: home=2.5, draw=3.1, away=2.9",
    "08a-bp-ou-line-on-price": "over_under_ft@2.5: over=1.9, under=1.9",
    "08d-bp-formatted-handicap-only": "over_under_ft@2.5: over=1.9, under=1.9",
    "09a-bp-ou-hcp": "INVALID_SPECIFIER LINE_KIND_DIFFERS 5000",
    "09c-bp-goal-total": "INVALID_SPECIFIER LINE_KIND_DIFFERS 28000224",
    "10a-sb-suspended-and-open-copy": "over_under_ft@2.5: over=1.45, under=2.7",
    "12c-sb-ou-brackets": "over_under_ft@2.5: over=2.2, under=1.6",
    "12d-sb-ah-no-brackets": "asian_handicap_ft@-1.5: home=2.2, away=1.6",
    "14a-b9-liveb": "UNKNOWN_MARKET LIVEB_12?@basketball; UNKNOWN_MARKET LIVEB_OUOT?@basketball",
    "14c-b9-livett": "UNKNOWN_MARKET LIVETT_12?@table_tennis; UNKNOWN_MARKET LIVETT_OU?@table_tennis",
    "14d-b9-mixed-prefix": "1x2_ft@None: home=2.1, draw=3.2, away=3.4; UNKNOWN_MARKET LIVEB_12",
    "15c-b9-lives-twin": "UNKNOWN_MARKET LIVES_12HNDN; UNKNOWN_MARKET LIVES_OUHOME",
    "16a-b9-plus-param": "asian_handicap_ft@-0.25: home=1.9; INVALID_KEY_FORMAT S_AH@+0.25_2",
    "17a-bp-v4-ah": "asian_handicap_ft@-1.5: home=3.1, away=1.3",
    "17b-bp-v4-3way": "handicap_3way_1h@1: home=1.2, draw=5.1, away=18",
    "17c-bp-v4-split-rows": (
        "1x2_over_under_ft@1.5: home_over=2.1, home_under=8.9, draw_over=4.5, draw_under="
        "13.8, away_over=5, away_under=14.2"
    ),
    "18a-sb-status2-isactive1": "asian_handicap_ft@-3.5: home=9.1 off, away=1.04 off",
    "18b-sb-banned": "1x2_ft@None: home=1.5 off, draw=4 off, away=6 off",
    "18c-sb-handicap-14-vs-16": (
        "asian_handicap_ft@-1.5: home=3.1, away=1.3; handicap_3way_ft@-1: home=4.5, draw="
        "4, away=1.69"
    ),
    "19b-bp-int-id": "1x2_ft@None: home=2.5, draw=3.1, away=2.9",
    "19c-sb-int-id": "over_under_ft@2.5: over=1.9, under=1.9",
    "20a-b9-slip-keys": "INVALID_KEY_FORMAT 839196379$S_OU@2.5_O",
    "20c-sb-decimal-comma": "over_under_ft@2.5: over=1.9, under=1.9",
    "06a-bp-fr-over-under": "over_under_ft@2.5: over=1.85, under=1.95",
    "06b-bp-fr-btts": "btts_ft@None: yes=1.85, no=1.95",
    "06e-bp-fr-3way-handicap": "handicap_3way_ft@-2: home=4.1, draw=4, away=1.6",
    # The rest of two scores is another bet than the rest of nine. No list of a real event lacks a score.
    "06f-bp-fr-correct-score-1h": (
        "correct_score_1h@None: 0_0=2.5, 1_0=3.5, incomplete; INVALID_ODDS RESIDUAL_DIFFERS 3819"
    ),
    "06h-sb-pt-1x2": "1x2_ft@None: home=2.2, draw=3.3, away=3.1",
    "12a-sb-dc-away-or-draw": "double_chance_ft@None: home_draw=1.2, draw_away=1.8, home_away=1.3",
    "10c-sb-both-open": "INVALID_ODDS PRODUCTS_DIFFER 18",
    # Each is a list of its own; the first one of the mapping is taken.
    "11a-sb-71-two-variants": (
        "exact_goals_1h@None: 0=3.05, 1=2.55, 2=4.1, 3+=9; INVALID_SPECIFIER VARIANTS_DIFFER 71"
    ),
    "11c-sb-21-5plus": (
        "exact_goals_ft@None: 0=9, 1=4.5, 2=3.2, 3=3.9, 4=5.6, incomplete; NO_MATCHING_OUTCOMES 21"
    ),
    "19a-bp-shape-selections": "INVALID_KEY_FORMAT 3743",
    # As the JSON number is read.
    "20b-b9-long-float": "over_under_ft@2.5: over=1.7999999523162842, under=1.95",
    "05i-sb-1.00": "double_chance_ft@None: home_draw=None off, draw_away=1.9, home_away=1.2",
    "02a-bp-v4-correct-score-26": (
        "correct_score_ft@None: 0_0=6, 0_1=13.5, 0_2=21, 0_3=28.5, 0_4=36, 1_0=7.5, "
        "1_1=15, 1_2=22.5, 1_3=30, 1_4=37.5, 2_0=9, 2_1=16.5, 2_2=24, 2_3=31.5, 2_4=39, "
        "3_0=10.5, 3_1=18, 3_2=25.5, 3_3=33, 3_4=40.5, 4_0=12, 4_1=19.5, 4_2=27, "
        "4_3=34.5, 4_4=42, other=43.5"
    ),
    "03a-bp-4429-other": (
        "correct_score_ft@None: 0_0=11, 0_1=12, 0_2=13, 0_3=14, 0_4=15, 1_0=18, 1_1=19, "
        "1_2=20, 1_3=21, 1_4=22, 2_0=24, 2_1=25, 2_2=26, 2_3=27, 2_4=28, 3_0=29, "
        "3_1=30, 3_2=31, 3_3=32, 4_0=33, 4_1=34, 4_2=35, 0_5=16, 0_6=17, 1_5=23, "
        "5_0=36, 5_1=37, 6_0=38, other_28=10"
    ),
    "15a-b9-oua": "over_under_ft@2: over=1.4, under=2.7; over_under_ft@2.25: over=1.5, under=2.4",
}


def shapes() -> Iterator[dict[str, Any]]:
    with SHAPES.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def told(message: dict[str, Any], index: MappingIndex = FOOTBALL) -> str:
    event = message["event"]
    observation = Observation(
        message["platform"],
        message["markets"],
        event.get("home"),
        event.get("away"),
        scope=event_scope(event.get("sport"), live=event.get("live", False)),
    )
    found = resolve(observation, index)
    said = []
    for market in map(market_document, found.markets):
        prices = (
            f"{one['outcome']}={one['odds']}{'' if one['active'] else ' off'}"
            for one in market["outcomes"]
        )
        whole = "" if market.get("complete", True) else ", incomplete"
        said.append(f"{market['canonical_id']}@{market['line']}: {', '.join(prices)}{whole}")
    misses = map(miss_document, found.misses)
    said += [f"{miss['reason']} {miss['external_market_id']}" for miss in misses]
    said += [
        " ".join(filter(None, (entry.code, entry.cause, entry.external_market_id)))
        for entry in found.rejected
    ]
    return "; ".join(said)


pytestmark = pytest.mark.skipif(not SHAPES.is_file(), reason=f"there is no {SHAPES}")


def test_every_shape_is_as_expected() -> None:
    answers = {shape["id"]: told(shape["message"]) for shape in shapes()}
    assert answers == EXPECTED


def test_keys_in_play_are_as_expected_once_they_are_switched_on() -> None:
    (twin,) = (shape["message"] for shape in shapes() if shape["id"] == "15c-b9-lives-twin")
    assert told(twin, MappingIndex(switched_on(CATALOGUE))) == (
        "asian_handicap_ft@-0.5: home=1.9, away=1.9; home_over_under_ft@1.5: over=2.1, under=1.7"
    )
