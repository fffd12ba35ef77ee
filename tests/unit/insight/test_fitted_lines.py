"""A goal model is fitted to all of a real board, and to a bounded part of one without end."""

import tracemalloc
from collections.abc import Mapping
from random import Random

import pytest

from tests.support.boards import INDEX, JUDGE, generated_boards
from tests.support.meanings import MEANINGS, PREDICATES
from worker.insight.boards import Fair, MarketLine
from worker.insight.fitted_lines import MOST_LINES, MOST_PRICES, fitted_lines, middle_lines
from worker.insight.goal_model import FittedModels, fit, fitted_part
from worker.insight.grid import BetBook
from worker.insight.margin import logit

BETS = BetBook(PREDICATES)
TOTAL = "over_under_ft"
RESULT = {
    MarketLine("1x2_ft", None): Fair({"home": 0.5, "draw": 0.27, "away": 0.23}, is_whole=True),
    MarketLine("btts_ft", None): Fair({"yes": 0.52, "no": 0.48}, is_whole=True),
}
TOTALS = {
    MarketLine(TOTAL, line): Fair({"over": over, "under": 1 - over}, is_whole=True)
    for line, over in (("1.5", 0.75), ("2.5", 0.5), ("3.5", 0.28))
}


def strange(number: int, name: str = TOTAL) -> dict[MarketLine, Fair]:
    """Lines that no bookmaker has, most of which no score tells apart."""
    return {
        MarketLine(name, f"2.{place:06d}"): Fair({"over": over, "under": 1 - over}, is_whole=True)
        for place in range(1, number + 1)
        for over in (0.55 + place % 7 / 100,)
    }


def shuffled(lines: Mapping[MarketLine, Fair]) -> dict[MarketLine, Fair]:
    listed = list(lines.items())
    Random(7).shuffle(listed)
    return dict(listed)


def test_of_a_board_as_bookmakers_send_them_nothing_is_left_out() -> None:
    for board in generated_boards(seed=5077, events=2):
        fitted = fitted_part(JUDGE.reading(board, INDEX).fair, MEANINGS)
        assert fitted_lines(fitted, JUDGE.bets) == {k: v for k, v in fitted.items() if v.is_whole}


def test_as_many_lines_as_are_allowed_are_all_kept() -> None:
    lines = strange(MOST_LINES)
    assert fitted_lines(lines, BETS) == lines
    assert len(fitted_lines(strange(MOST_LINES + 1), BETS)) < MOST_LINES


def test_of_too_many_lines_one_of_each_bet_is_fitted() -> None:
    lines = RESULT | TOTALS | strange(500)
    kept = fitted_lines(lines, BETS)
    assert kept.keys() >= RESULT.keys() | TOTALS.keys()
    bets = [BETS.bets(key.canonical_id, key.line, frozenset(lines[key].chances)) for key in kept]
    assert len({bet.scores for bet in bets if bet is not None}) == len(kept)


def test_the_most_even_lines_are_kept() -> None:
    lines = {
        MarketLine(TOTAL, f"{place / 4:g}"): Fair({"over": over, "under": 1 - over}, is_whole=True)
        for place in range(1, 61)
        for over in (1 - place / 62,)
    }
    kept = middle_lines(lines, BETS)
    assert len(kept) == MOST_LINES
    off = {key: abs(one.chances["over"] - 0.5) for key, one in lines.items()}
    assert max(off[key] for key in kept) <= min(off[key] for key in lines.keys() - set(kept))


def test_the_order_of_the_lines_makes_no_difference_and_nothing_is_left_out_twice() -> None:
    lines = RESULT | TOTALS | strange(300) | strange(300, "over_under_1h")
    kept = fitted_lines(lines, BETS)
    assert fitted_lines(shuffled(lines), BETS) == kept
    assert fitted_lines(kept, BETS) == kept
    models = [fit(each, BETS, MEANINGS) for each in (lines, shuffled(lines), kept)]
    assert all(
        one is not None and (one.cells == models[0].cells).all() for one in models if models[0]
    )


def test_of_many_markets_each_keeps_lines() -> None:
    names = [
        name for name, one in MEANINGS.items() if one.family == "total" and name in BETS.meanings
    ]
    lines = {
        MarketLine(name, f"{place / 4:g}"): Fair({"over": over, "under": 1 - over}, is_whole=True)
        for name in names
        for place in range(1, 61)
        for over in (1 - place / 62,)
    }
    kept = fitted_lines(lines, BETS)
    assert sum(len(one.chances) for one in kept.values()) <= MOST_PRICES
    assert {key.canonical_id for key in kept} == set(names)


def test_lines_without_end_hardly_move_the_prices_of_other_markets() -> None:
    models = [fit(RESULT | TOTALS | more, BETS, MEANINGS) for more in ({}, strange(400))]
    prices = [
        model.price(BETS, MarketLine("asian_handicap_ft", "-0.5"))
        for model in models
        if model is not None
    ]
    right, found = (one["home"] for one in prices if one is not None)
    assert abs(float(logit(found) - logit(right))) < 0.1


def test_a_fit_takes_no_more_memory_the_more_lines_there_are() -> None:
    def most_bytes(lines: int) -> int:
        board = RESULT | TOTALS | strange(lines)
        fit(board, BETS, MEANINGS)  # the bets on these lines are kept, up to a bound
        tracemalloc.start()
        try:
            assert FittedModels().fit(board, BETS, MEANINGS) is not None
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert most_bytes(800) <= most_bytes(MOST_LINES) + 2 * 2**20


@pytest.mark.parametrize("lines", [MOST_LINES, 1000])
def test_a_model_has_a_bounded_number_of_lines(lines: int) -> None:
    model = fit(RESULT | TOTALS | strange(lines), BETS, MEANINGS)
    assert model is not None
    assert len(model.fitted | model.left_out) <= MOST_LINES + len(RESULT) + len(TOTALS)
