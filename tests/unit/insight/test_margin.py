"""Taking the margin out of odds."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.insight.margin import METHODS, Method, power, proportional

CHANCES = st.lists(st.floats(0.01, 1.0), min_size=2, max_size=30).map(
    lambda weights: [weight / sum(weights) for weight in weights]
)


@LAWS
@given(chances=CHANCES, margin=st.floats(0.0, 0.3))
@pytest.mark.parametrize("method", METHODS)
def test_chances_add_up_and_keep_the_order_of_the_odds(
    method: Method, chances: list[float], margin: float
) -> None:
    found = METHODS[method]([1 / (chance * (1 + margin)) for chance in chances], 1.0)
    assert found.sum() == pytest.approx(1, abs=1e-6)
    ranked = sorted(range(len(chances)), key=lambda n: chances[n])
    assert all(found[a] <= found[b] + 1e-9 for a, b in pairwise(ranked))


@LAWS
@given(chances=CHANCES, margin=st.floats(0.001, 0.3))
def test_a_margin_in_proportion_is_taken_out_exactly(chances: list[float], margin: float) -> None:
    odds = [1 / (chance * (1 + margin)) for chance in chances]
    assert proportional(odds) == pytest.approx(chances, rel=1e-9)


@LAWS
@given(chances=CHANCES, exponent=st.floats(0.8, 1.0))
def test_a_margin_by_power_is_taken_out_exactly(chances: list[float], exponent: float) -> None:
    odds = [1 / chance**exponent for chance in chances]
    assert power(odds) == pytest.approx(chances, rel=1e-6)


def test_long_shots_carry_more_of_the_margin_by_power() -> None:
    odds = [1.2, 5.0, 15.0]
    assert power(odds)[2] < proportional(odds)[2]


def test_two_of_three_double_chances_win() -> None:
    odds = [1.25, 1.3, 1.6]
    assert power(odds, 2.0).sum() == pytest.approx(2)
    assert proportional(odds, 2.0).sum() == pytest.approx(2)
