"""Expressions as arrays: the same answer as the domain's, one match at a time."""

import numpy as np
import pytest

from tests.support.meanings import MEANINGS, PREDICATES
from worker.domain.meaning.market import Predicates
from worker.domain.meaning.matches import first_and_last, scores
from worker.insight.grid import BetBook, Bets, Grid, PackedShares, parts_of, share_of_orders

SMALL = Grid(most=2)
BOOK = BetBook(PREDICATES)


def bets_on(canonical_id: str, *outcomes: str) -> Bets:
    found = BOOK.bets(canonical_id, None, frozenset(outcomes) or None)
    assert found is not None
    return found


@pytest.mark.parametrize("meaning", PREDICATES, ids=lambda one: one.canonical_id)
def test_an_expression_is_true_of_the_same_matches_as_in_the_domain(meaning: Predicates) -> None:
    for line in (None, 0.5, 1.0) if "line" in meaning.names else (None,):
        for when in [*meaning.when.values(), meaning.void]:
            if when is None or (line is None and "line" in when.names):
                continue
            naive = []
            for match in scores(2):
                facts = match if line is None else {**match, "line": line}
                if not when.names & {"first", "last"}:
                    naive.append(float(when.holds(facts)))
                    continue
                halves = {name: int(match[name]) for name in ("h1", "a1", "h2", "a2")}
                naive.append(
                    sum(
                        share_of_orders(halves, first, last)
                        for first, last in first_and_last(match)
                        if when.holds({**facts, "first": first, "last": last})
                    )
                )
            assert SMALL.shares(when, line) == pytest.approx(np.array(naive))


def test_the_orders_of_a_match_are_shared_out_completely() -> None:
    whole = np.bincount(SMALL.orders.cells, weights=SMALL.orders.shares)
    assert whole == pytest.approx(np.ones(SMALL.size))


def test_a_quarter_line_is_half_a_bet_at_each_line_next_to_it() -> None:
    assert parts_of("2.25") == (2.0, 2.5)
    assert parts_of("-0.75") == (-1.0, -0.5)
    assert parts_of("2") == (2.0,)


def test_a_result_has_one_winner_and_a_double_chance_two() -> None:
    assert bets_on("1x2_ft").cover == 1
    assert bets_on("double_chance_ft").cover == 2


def test_what_a_bookmaker_leaves_out_of_a_list_leaves_no_fixed_number_of_winners() -> None:
    assert bets_on("exact_goals_ft", "0", "1", "2").cover is None
    assert bets_on("exact_goals_1h", "0", "1", "2+").cover == 1


def test_a_residual_is_what_the_listed_scores_leave_over() -> None:
    bets = bets_on("correct_score_1h", "0_0", "1_0", "0_1", "other")
    assert bets.cover == 1
    other = bets.won[bets.outcomes.index("other")]
    assert other.sum() == bets.won.shape[1] - 3 * 49


def test_a_market_without_expressions_has_no_bets() -> None:
    assert MEANINGS["corners_1x2_ft"].predicates is None
    assert BOOK.bets("corners_1x2_ft", None) is None


@pytest.mark.parametrize("meaning", PREDICATES, ids=lambda one: one.canonical_id)
def test_shares_that_are_packed_are_the_same_to_the_last_bit(meaning: Predicates) -> None:
    line = 0.5 if "line" in meaning.names else None
    for when in meaning.when.values():
        if when is not None:
            shares = SMALL.shares(when, line)
            assert (PackedShares(shares).unpacked() == shares).all()


def test_whole_and_half_bets_take_a_byte_a_cell() -> None:
    halves = np.array([[0, 0.5, 1, 1], [1, 0.5, 0, 0]])
    assert PackedShares(halves).size == 8
    assert PackedShares(halves / 3).size == 64
    assert (PackedShares(halves / 3).unpacked() == halves / 3).all()


def test_bets_are_kept_up_to_a_number_of_bytes_and_worked_out_again_beyond() -> None:
    book = BetBook(PREDICATES, SMALL, most_bytes=20_000)
    found = {}
    for tenth in range(5, 400, 10):
        line = f"{tenth / 10}"
        found[line] = book.bets("over_under_ft", line)
        assert book.size <= 20_000
    assert book.bets("over_under_ft", "39.5") is found["39.5"]
    again = book.bets("over_under_ft", "0.5")
    assert again is not None
    assert again is not found["0.5"]
    assert found["0.5"] is not None
    assert (again.won == found["0.5"].won).all()


def test_a_line_that_no_expression_asks_for_makes_no_bets_of_its_own() -> None:
    assert BOOK.bets("1x2_ft", "2.5") is BOOK.bets("1x2_ft", None)


def test_nobody_wins_where_every_stake_comes_back() -> None:
    nothing = np.zeros(4)
    assert Bets(("home", "away"), np.zeros((2, 4)), nothing).cover is None
