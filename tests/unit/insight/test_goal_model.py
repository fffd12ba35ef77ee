"""The goal model on prices that the generator makes: what was not fitted comes out right."""

import numpy as np
import pytest

from tests.support.meanings import MEANINGS, PREDICATES
from worker.insight.boards import Fair, MarketLine
from worker.insight.goal_model import FITTED_FAMILIES, GoalModel, fit
from worker.insight.grid import GRID, BetBook
from worker.insight.margin import logit
from worker.lab.synthetic.markets import FAMILIES
from worker.lab.synthetic.model import MatchModel
from worker.lab.synthetic.offers import offers
from worker.lab.synthetic.question import Question

BETS = BetBook(PREDICATES)
TRUTH = MatchModel(goals=(1.7, 0.9), corners=(5, 4), cards=(2, 2), red_cards=(0.1, 0.1))
OFFERED = {offer.market.canonical_id: offer.market for offer in offers("sportybet")}


def truth(canonical_id: str, line: str | None) -> Fair:
    market = OFFERED[canonical_id]
    chances = FAMILIES[market.family](Question(TRUTH, market, float(line or 0)))
    known = {o: chances[o] for o in market.outcomes if chances.get(o, 0.0) > 0}
    return Fair(known, is_whole=True)


FITTED = {
    MarketLine(name, line): truth(name, line)
    for name, line in [
        ("1x2_ft", None),
        ("1x2_1h", None),
        ("over_under_ft", "2.5"),
        ("over_under_ft", "1.5"),
        ("over_under_1h", "0.5"),
        ("home_over_under_ft", "1.5"),
        ("htft", None),
        ("btts_ft", None),
    ]
}


def test_markets_that_were_not_fitted_have_the_price_of_the_truth() -> None:
    model = fit(FITTED, BETS, MEANINGS)
    assert model is not None
    assert not model.left_out
    unfitted = [
        ("asian_handicap_ft", "-0.75"),
        ("handicap_3way_ft", "-1"),
        ("home_win_either_half", None),
        ("highest_scoring_half", None),
        ("winning_margin", None),
        ("first_goal_ft", None),
        ("1x2_over_under_ft", "2.5"),
        ("home_score_both_halves", None),
    ]
    for name, line in unfitted:
        right = truth(name, line).chances
        found = model.price(BETS, MarketLine(name, line), frozenset(right))
        assert found is not None
        for outcome, chance in right.items():
            assert abs(float(logit(found[outcome]) - logit(chance))) < 0.05, (name, outcome)


def test_a_price_that_the_others_contradict_is_left_out_and_does_no_harm() -> None:
    wrong = MarketLine("over_under_1h", "0.5")
    swapped = FITTED[wrong].chances
    faulty = FITTED | {
        wrong: Fair({"over": swapped["under"], "under": swapped["over"]}, is_whole=True)
    }
    model, clean = fit(faulty, BETS, MEANINGS), fit(FITTED, BETS, MEANINGS)
    assert model is not None
    assert clean is not None
    assert model.left_out == {wrong}
    over = [one.price(BETS, MarketLine("over_under_ft", "2.5")) for one in (clean, model)]
    right, found = (prices["over"] for prices in over if prices is not None)
    assert found == pytest.approx(right, abs=0.01)


def test_two_markets_are_too_few_to_fit() -> None:
    few = dict(list(FITTED.items())[:2])
    assert fit(few, BETS, MEANINGS) is None


def test_the_cells_are_chances() -> None:
    model = fit(FITTED, BETS, MEANINGS)
    assert isinstance(model, GoalModel)
    assert model.cells.shape == (GRID.size,)
    assert np.all(model.cells >= 0)
    assert model.cells.sum() == pytest.approx(1)
    assert {MEANINGS[key.canonical_id].family for key in model.fitted} <= FITTED_FAMILIES
