"""Contradictions inside one board: every misread line is found at the first event, and nothing else."""

from dataclasses import replace

import pytest

from tests.support.boards import INDEX, JUDGE, generated_boards
from tests.support.markets import CATALOGUE
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.books.rows import Label
from worker.domain.index import MappingIndex
from worker.insight.boards import Board, Sold, read
from worker.insight.proofs import proofs, proofs_about, proofs_of
from worker.lab.insight.misread import misreadings

SPARSE = {"1x2_1h", "btts_1h", "btts_ft", "double_chance_ft", "over_under_1h", "over_under_ft"}


@pytest.fixture(scope="module")
def boards() -> dict[Platform, Board]:
    """One event of the generator. A fault found on it led to a repair: no figure is from it."""
    return {one.platform: one for one in generated_boards(seed=5077, events=1)}


@pytest.fixture(params=PLATFORMS)
def board(request: pytest.FixtureRequest, boards: dict[Platform, Board]) -> Board:
    return boards[request.param]


def test_a_clean_catalogue_is_contradicted_nowhere(board: Board) -> None:
    assert proofs(board, INDEX, JUDGE) == []


def test_a_model_that_guesses_the_stronger_side_or_the_second_half_proves_nothing() -> None:
    """Of bookmakers of whom nothing else is mapped than totals, both teams to score, and a half's result."""
    index = MappingIndex([one for one in CATALOGUE if one.canonical_id in SPARSE])
    found = [proofs(one, index, JUDGE) for one in generated_boards(seed=4321, events=10)]
    assert found == [[]] * len(found)


def test_every_wrong_sign_and_every_wrong_line_is_found_at_the_first_event(board: Board) -> None:
    found, missed = 0, []
    for wrong in misreadings(JUDGE.reading(board, INDEX), JUDGE):
        if list(proofs_of(wrong.canonical_id, wrong.reading, JUDGE)):
            found += 1
        else:
            missed.append((wrong.fault, wrong.canonical_id))
    assert missed == []
    assert found > 15


def test_of_a_match_and_its_halves_two_fix_the_third(boards: dict[Platform, Board]) -> None:
    """A wrong line in the first half is found where its own totals are not mapped."""
    totals = {
        name
        for name, meaning in JUDGE.meanings.items()
        if meaning.period == "1h" and meaning.family in {"total", "correct_score"}
    }
    index = MappingIndex([one for one in CATALOGUE if one.canonical_id not in totals])
    wrong = [
        one
        for one in misreadings(JUDGE.reading(boards["betpawa"], index), JUDGE)
        if JUDGE.meanings[one.canonical_id].period == "1h"
    ]
    assert wrong
    for one in wrong:
        assert list(proofs_of(one.canonical_id, one.reading, JUDGE)), one.canonical_id


def test_the_proofs_about_one_market_are_those_of_all_that_are_about_it(
    boards: dict[Platform, Board],
) -> None:
    """On a board on which a result is sold twice, and over is sold as under."""
    whole = boards["sportybet"]
    rows = tuple(
        one._replace(odds=dict(zip(one.odds, reversed(list(one.odds.values())), strict=True)))
        if one.market_id == "18"
        else one
        for one in whole.rows
    )
    result = sold("1", {"Home": 1.1, "Draw": 1.2, "Away": 1.3})
    board = replace(whole, rows=(*rows, result))
    every = proofs(board, INDEX, JUDGE)
    assert {(one.kind, one.canonical_id) for one in every} >= {
        ("duplicate", "1x2_ft"),
        ("partition", "1x2_ft"),
        ("order", "over_under_ft"),
        ("swap", "over_under_ft"),
    }
    quoted = read(board, INDEX)
    for name in ("1x2_ft", "over_under_ft", "double_chance_ft", "corners_over_under_ft"):
        about = proofs_about(name, board, quoted, INDEX, JUDGE)
        assert about == [one for one in every if one.canonical_id == name]


def sold(market_id: str, odds: dict[str, float], qualifier: str | None = None) -> Sold:
    labels: dict[Label, float] = dict(odds.items())
    return Sold(market_id, qualifier, None, labels, 0)


def test_two_rows_that_are_one_bet_at_two_prices_are_a_duplicate() -> None:
    rows = (
        sold("1", {"Home": 2.0, "Draw": 3.3, "Away": 3.9}),
        sold("1", {"Home": 4.0, "Draw": 3.3, "Away": 1.9}, "variant=x"),
    )
    board = Board("e", "sportybet", None, rows)
    found = proofs(board, INDEX, JUDGE)
    assert not found  # the second row names another market
    board = Board("e", "sportybet", None, (rows[0], rows[1]._replace(qualifier=None)))
    assert {(one.kind, one.canonical_id) for one in proofs(board, INDEX, JUDGE)} == {
        ("duplicate", "1x2_ft")
    }


@pytest.mark.parametrize("odds", [(1.1, 1.2, 1.3), (4.0, 4.0, 4.0)])
def test_outcomes_that_no_margin_explains_are_no_partition(odds: tuple[float, ...]) -> None:
    row = sold("1", dict(zip(("Home", "Draw", "Away"), odds, strict=True)))
    found = proofs(Board("e", "sportybet", None, (row,)), INDEX, JUDGE)
    assert [(one.kind, one.canonical_id) for one in found] == [("partition", "1x2_ft")]


def test_a_higher_total_that_is_likelier_is_out_of_order() -> None:
    rows = tuple(
        sold("166", {f"Over {line}": over, f"Under {line}": under}, f"total={line}")
        for line, over, under in (("8.5", 2.2, 1.65), ("9.5", 1.7, 2.1))
    )
    found = proofs(Board("e", "sportybet", None, rows), INDEX, JUDGE)
    assert [(one.kind, one.canonical_id, one.line) for one in found] == [
        ("order", "corners_over_under_ft", "9.5")
    ]
    assert found[0].reason == "over has 0.429 at 8.5 and 0.553 at 9.5"


def test_a_line_whose_other_side_is_closed_is_compared_with_the_margin_of_both() -> None:
    """Without its margin, over 1.5 at 17 looks less likely than over 2.5 at 19 with it."""
    rows = (
        sold("900313", {"Over 1.5": 17.0, "Under 1.5": 1.01}, "minute=10|total=1.5"),
        sold("900313", {"Over 2.5": 19.0}, "minute=10|total=2.5")._replace(closed=1),
    )
    assert proofs(Board("e", "sportybet", None, rows), INDEX, JUDGE) == []


def test_a_line_whose_other_side_is_closed_may_be_out_of_order() -> None:
    rows = (
        sold("900313", {"Over 1.5": 17.0, "Under 1.5": 1.01}, "minute=10|total=1.5"),
        sold("900313", {"Over 2.5": 9.0}, "minute=10|total=2.5")._replace(closed=1),
    )
    (found,) = proofs(Board("e", "sportybet", None, rows), INDEX, JUDGE)
    assert (found.kind, found.canonical_id, found.line) == ("order", "over_under_10min", "2.5")
