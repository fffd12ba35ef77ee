from __future__ import annotations

import random

import pytest

from worker.lab.synthetic.markets import FAMILIES, FairPrices
from worker.lab.synthetic.model import draw_model
from worker.lab.synthetic.offers import PLATFORMS, offers
from worker.lab.synthetic.question import Probabilities, QuestionedMarket

# Families whose outcomes exclude each other and leave nothing out.
EXCLUSIVE = {
    "result", "draw_no_bet", "no_bet", "over_under", "handicap_2way", "handicap_3way", "odd_even",
    "multiscores", "btts", "btts_2plus", "clean_sheet", "win_to_nil", "to_score", "which_team",
    "winning_margin",
    "one_of_the_sides", "sending_off", "result_over_under", "result_btts", "over_under_btts", "or_over",
    "or_btts", "or_clean_sheet", "no_draw_btts", "win_both_halves", "win_either_half", "score_both_halves",
    "btts_both_halves", "both_halves_over", "highest_half", "half_full", "half_full_over_under",
    "half_full_score",
}  # fmt: skip
MARKETS = {offer.market.canonical_id: offer for platform in PLATFORMS for offer in offers(platform)}


@pytest.fixture
def fair() -> FairPrices:
    return FairPrices(draw_model(random.Random(3)))


def chances(fair: FairPrices, canonical_id: str, line: str | None = None) -> Probabilities:
    return fair.of(MARKETS[canonical_id].market, line)


def test_every_family_of_the_data_has_a_truth_and_none_is_idle() -> None:
    assert {offer.market.family for offer in MARKETS.values()} == set(FAMILIES)


@pytest.mark.parametrize(
    "canonical_id", sorted(m for m, o in MARKETS.items() if o.market.family in EXCLUSIVE)
)
def test_the_outcomes_of_an_exclusive_market_sum_to_one(
    fair: FairPrices, canonical_id: str
) -> None:
    for line in MARKETS[canonical_id].lines:
        assert sum(chances(fair, canonical_id, line).values()) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("canonical_id", sorted(MARKETS))
def test_a_truth_names_outcomes_of_its_market_only(fair: FairPrices, canonical_id: str) -> None:
    offer = MARKETS[canonical_id]
    named = fair.of(offer.market, offer.lines[0])

    assert set(named) <= set(offer.market.outcomes)
    assert all(0 < p <= 1 + 1e-9 for p in named.values())


@pytest.mark.parametrize("canonical_id", ["double_chance_ft", "double_chance_btts_ft"])
def test_double_chances_count_every_result_twice(fair: FairPrices, canonical_id: str) -> None:
    assert sum(chances(fair, canonical_id).values()) == pytest.approx(2)


def test_a_higher_total_is_less_likely(fair: FairPrices) -> None:
    over = [chances(fair, "over_under_ft", line)["over"] for line in ("0.5", "1.5", "2.5", "3.5")]

    assert over == sorted(over, reverse=True)


def test_a_home_side_that_gives_more_goals_away_covers_less_often(fair: FairPrices) -> None:
    home = [
        chances(fair, "asian_handicap_ft", line)["home"] for line in ("-1.5", "-0.5", "0.5", "1.5")
    ]

    assert home == sorted(home)


def test_a_level_handicap_is_draw_no_bet(fair: FairPrices) -> None:
    assert chances(fair, "asian_handicap_ft", "0") == pytest.approx(chances(fair, "draw_no_bet_ft"))


def test_a_quarter_line_lies_between_its_neighbours(fair: FairPrices) -> None:
    below, quarter, above = (
        chances(fair, "asian_handicap_ft", x)["home"] for x in ("-0.5", "-0.25", "0")
    )

    assert below < quarter < above


def test_a_european_handicap_moves_the_home_score(fair: FairPrices) -> None:
    behind = chances(fair, "handicap_3way_ft", "-1")
    margins = chances(fair, "winning_margin")

    assert behind["draw"] == pytest.approx(margins["home_1"])


def test_counts_are_read_as_one_number_a_range_or_at_least(fair: FairPrices) -> None:
    goals = chances(fair, "multigoals_ft")
    exact = chances(fair, "exact_goals_ft")

    assert goals["1_2"] == pytest.approx(exact["1"] + exact["2"])
    assert exact["6+"] > exact["6"]


def test_an_outcome_that_cannot_happen_is_not_quoted(fair: FairPrices) -> None:
    # Ahead at half time and level at the end takes two goals.
    assert "1_x_under" not in chances(fair, "htft_over_under", "1.5")


def test_the_same_question_is_worked_out_once(fair: FairPrices) -> None:
    market = QuestionedMarket("over_under_ft", "over_under", "goals_ft", "total", ("over", "under"))

    assert fair.of(market, "2.5") is fair.of(market, "2.5")
