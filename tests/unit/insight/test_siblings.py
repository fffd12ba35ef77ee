"""The alarm on a market with a sibling: the same outcomes at prices that noise hides, event by event."""

from collections.abc import Mapping
from math import exp
from random import Random

import pytest

from tests.support.boards import JUDGE
from tests.support.markets import CATALOGUE
from worker.domain.books.rows import Label
from worker.insight.alarms import Alarm, alarm, is_sibling
from worker.insight.boards import Fair, MarketLine, Quoted, Sold
from worker.insight.candidates import Glimpse, UnmappedMarket
from worker.insight.judging import Reading
from worker.insight.margin import logit

BY_NAME = {one.canonical_id: one for one in CATALOGUE}
PLAIN, EARLY = MarketLine("1x2_ft", None), MarketLine("1x2_2up_ft", None)
OUTCOMES = {"home": "home", "draw": "draw", "away": "away"}
SHIFT = 0.35  # logits that an early payout adds to a side
NOTHING_ELSE: Mapping[MarketLine, Quoted] = {}


def moved(chance: float, by: float) -> float:
    """A chance, moved in logits."""
    return 1 / (1 + exp(-float(logit(chance)) - by))


def target(
    *,
    is_early: bool,
    noise: float = 0.2,
    habit: float = 0.0,
    sold: Mapping[MarketLine, Quoted] = NOTHING_ELSE,
) -> UnmappedMarket:
    """A result on ten events, next to another bookmaker's with and without early payout.

    ``habit`` is what the bookmaker always adds to the home side; ``sold`` what it sells under other ids.
    """
    glimpses: list[Glimpse] = []
    for event in map(str, range(10)):
        drawn = Random(event)
        home = drawn.uniform(0.3, 0.45)
        plain = {"home": home, "draw": 0.27, "away": 0.73 - home}
        early = {"home": moved(home, SHIFT), "draw": 0.27, "away": moved(0.73 - home, SHIFT)}
        odds: dict[Label, float] = {
            outcome: 1 / 1.06 / moved(chance, drawn.gauss(0, noise) + habit * (outcome == "home"))
            for outcome, chance in (early if is_early else plain).items()
        }
        fair = {PLAIN: Fair(plain, is_whole=True), EARLY: Fair(early, is_whole=False)}
        other = Reading(event, "sportybet", {}, fair, None)
        own = Reading(event, "betpawa", sold, {}, None)
        glimpses.append(Glimpse(event, None, (Sold("9", None, None, odds, 0),), own, (other,)))
    return UnmappedMarket("betpawa", "9", None, tuple(glimpses))


def said(of: UnmappedMarket, mapped_as: str = "1x2_ft") -> Alarm | None:
    catalogue = [BY_NAME[key.canonical_id] for key in (PLAIN, EARLY)]
    return alarm(of, BY_NAME[mapped_as], OUTCOMES, catalogue, JUDGE)


def test_a_sibling_is_found_although_its_prices_are_nearly_the_same() -> None:
    found = said(target(is_early=False), "1x2_2up_ft")
    assert found is not None
    assert (found.kind, found.canonical_id_instead) == ("market", "1x2_ft")
    assert found.present > found.better > 0.5 * found.present
    assert "to the same side" in found.reason


@pytest.mark.parametrize("noise", [0.05, 0.1, 0.2])
@pytest.mark.parametrize(("is_early", "mapped_as"), [(True, "1x2_2up_ft"), (False, "1x2_ft")])
def test_what_is_mapped_rightly_raises_no_alarm(
    is_early: bool, mapped_as: str, noise: float
) -> None:
    assert said(target(is_early=is_early, noise=noise), mapped_as) is None


def test_a_habit_that_no_sibling_explains_raises_none() -> None:
    assert said(target(is_early=False, noise=0.03, habit=0.4)) is None


def test_a_sibling_that_is_sold_under_another_id_explains_nothing() -> None:
    elsewhere = {PLAIN: Quoted({"home": 2.4, "draw": 3.4, "away": 3.0}, True, (("10", None),))}
    assert said(target(is_early=False, sold=elsewhere), "1x2_2up_ft") is None


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("1x2_ft", "1x2_2up_ft", True),
        ("1x2_1h", "1x2_2h", True),
        ("double_chance_1h", "double_chance_2h", True),
        ("over_under_ft", "over_under_1h", True),
        ("1x2_2h", "1x2_55min", False),  # of all the minutes there is one near any result
        ("1x2_ft", "corners_1x2_ft", False),
        ("home_over_under_ft", "away_over_under_ft", False),
        ("btts_1h", "draw_with_goals_ft", False),
        ("1x2_ft", "1x2_ft", False),
    ],
)
def test_siblings_differ_in_their_half_or_in_when_they_are_paid(
    one: str, other: str, expected: bool
) -> None:
    assert is_sibling(BY_NAME[one], BY_NAME[other], JUDGE) is expected
    assert is_sibling(BY_NAME[other], BY_NAME[one], JUDGE) is expected
