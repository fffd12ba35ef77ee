import json
from functools import partial

import pytest

from worker.domain.books.odds import Price, Prices, is_exactly, parse_odds, read_price


@pytest.mark.parametrize(
    ("raw", "odds"),
    [
        ("1.98", 1.98),
        ("4", 4),
        ("3.650", 3.65),
        ("12.00", 12),
        (1.83, 1.83),
        (7, 7),
        (2.0, 2),
        ("1.001", 1.001),
    ],
)
def test_odds_keep_the_digits_that_came_in_without_trailing_zeros(raw: object, odds: float) -> None:
    assert repr(parse_odds(raw)) == repr(odds)


@pytest.mark.parametrize(
    "raw",
    [
        "nan",
        "inf",
        "1e400",
        "1e1",
        "1_5",
        "2,15",
        "",
        "1.00",
        "1",
        "0",
        "0.00",
        "-2.5",
        "0x2",
        "01.5",
        "00002",
        "+2.5",
        " 2.5",
        "٢",
    ],
)
def test_a_text_that_is_not_a_plain_decimal_above_one_is_no_odds(raw: str) -> None:
    assert parse_odds(raw) is None


@pytest.mark.parametrize(
    "raw", [float("nan"), float("inf"), -1.5, 0, 1, 1.0, True, None, [], {}, 10**30, "9" * 5000]
)
def test_a_value_that_is_no_finite_number_above_one_is_no_odds(raw: object) -> None:
    assert parse_odds(raw) is None


@pytest.mark.parametrize("raw", ["1", "1.0", "1.00", 1, 1.0])
def test_one_is_one_in_any_notation(raw: object) -> None:
    assert is_exactly(1, raw)


@pytest.mark.parametrize("raw", ["0", "0.0", "0.00", 0, 0.0, -0.0])
def test_zero_is_zero_in_any_notation(raw: object) -> None:
    assert is_exactly(0, raw)


@pytest.mark.parametrize("raw", ["1.01", "01", "1.", "1.0x", "0", True, None, 0, "", "1.000001"])
def test_anything_else_is_not_taken_for_one(raw: object) -> None:
    assert not is_exactly(1, raw)


@pytest.mark.parametrize(("odds", "active"), [(1.98, True), (3, True), (2.5, False), (None, False)])
def test_a_price_is_json_that_says_what_it_was_made_of(odds: float | None, active: bool) -> None:
    price = Price.of(odds, active=active)
    assert json.loads(f"{{{price}}}") == {"odds": odds, "active": active}
    assert (price.odds, price.active) == (odds, active)


def test_prices_are_read_once_and_those_that_cannot_be_are_refused() -> None:
    prices = Prices(partial(read_price, active=True))
    assert prices["1.98"] is prices["1.98"]
    for bad in ("1", "x", None, 0.5):
        with pytest.raises(KeyError):
            prices[bad]


def test_no_truth_value_is_taken_for_the_number_that_it_equals() -> None:
    prices = Prices(lambda raw: None if isinstance(raw, bool) else Price.of(None, active=False))
    for number in (1, 1.0, 0):
        assert prices[number].odds is None
    for truth in (True, False):
        with pytest.raises(KeyError):
            prices[truth]


def test_what_is_remembered_of_prices_is_bounded_in_number_and_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("worker.domain.books.odds._MOST_PRICES", 10)
    prices = Prices(partial(read_price, active=False))
    for number in range(100):
        assert not prices[f"{number}.5"].active
        assert prices["9" * 1000 + str(number)].odds is None
    assert len(prices) <= 10
    assert max(len(str(raw)) for raw in prices) < 10
