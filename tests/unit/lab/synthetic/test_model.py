from __future__ import annotations

import random

import pytest

from worker.lab.synthetic.model import MatchModel, draw_model, grid, poisson, result


@pytest.fixture
def model() -> MatchModel:
    return draw_model(random.Random(5))


def test_a_poisson_distribution_sums_to_one_and_keeps_its_mean() -> None:
    pmf = poisson(1.4, 11)

    assert sum(pmf) == pytest.approx(1)
    assert sum(n * p for n, p in enumerate(pmf)) == pytest.approx(1.4, abs=1e-3)


def test_every_period_is_a_distribution(model: MatchModel) -> None:
    for period in model.periods.values():
        assert sum(p for _h, _a, p in period.cells) == pytest.approx(1)
        assert sum(period.results.values()) == pytest.approx(1)
        assert sum(period.joint.values()) == pytest.approx(1)
        assert sum(period.total) == pytest.approx(1)


def test_a_grid_knows_scores_and_results() -> None:
    period = grid(2.0, 0.5, 8)

    assert period.results["home"] > period.results["away"]
    assert period.score(1, 0) == pytest.approx(period.home[1] * period.away[0])
    assert period.score(9, 0) == 0


def test_the_two_halves_together_are_the_match(model: MatchModel) -> None:
    over = sum(p for (_half, _full, total), p in model.halves.items() if total > 2.5)
    won = sum(p for (_half, full, _total), p in model.halves.items() if full == "home")
    full_time = model.periods["goals_ft"]

    assert sum(model.halves.values()) == pytest.approx(1)
    assert over == pytest.approx(sum(full_time.total[3:]), abs=2e-3)
    assert won == pytest.approx(full_time.results["home"], abs=2e-3)


@pytest.mark.parametrize(("difference", "side"), [(2, "home"), (0, "draw"), (-0.5, "away")])
def test_the_result_follows_the_difference(difference: float, side: str) -> None:
    assert result(difference) == side
