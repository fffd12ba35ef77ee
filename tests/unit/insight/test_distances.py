"""Distances between prices: small between books and from the goal model, large for what is swapped."""

from datetime import UTC, datetime

import pytest

from tests.support.boards import INDEX, JUDGE, generated_boards
from worker.insight.boards import Board, MarketLine, Quoted
from worker.insight.distances import (
    Distance,
    between_books,
    by_family,
    sizes_of,
    spread,
    to_model,
    to_sum_of,
)
from worker.insight.judging import Reading
from worker.lab.bench.document import renewed
from worker.lab.documents.evidence import DOCUMENT, payload_tables


@pytest.fixture(scope="module")
def boards() -> list[Board]:
    return list(generated_boards(seed=41, events=4))


@pytest.fixture(scope="module")
def readings(boards: list[Board]) -> list[Reading]:
    judge = JUDGE.knowing(boards, INDEX)
    assert set(judge.methods.values()) == {"proportional"}  # as the generator takes its margins
    return [judge.reading(one, INDEX) for one in boards]


def test_books_of_one_event_are_as_near_as_the_noise_of_their_prices(
    readings: list[Reading],
) -> None:
    event = readings[0].event
    books = {one.platform: one for one in readings if one.event == event}
    found = spread(between_books(books["sportybet"].quoted, books["betpawa"].quoted))
    assert found is not None
    assert found.compared > 200
    assert found.median < 0.05
    assert found.p90 < 0.15


def test_prices_are_near_the_goal_model_of_their_book_in_every_family(
    readings: list[Reading],
) -> None:
    distances = [d for one in readings for d in to_model(one, JUDGE.bets)]
    for family, found in by_family(distances, JUDGE.meanings).items():
        of_family = spread(found)
        assert of_family is not None
        assert of_family.median < 0.12, (family, of_family)


def test_yes_and_no_exchanged_are_far_apart() -> None:
    key = MarketLine("btts_2plus_ft", None)
    right = {key: Quoted({"yes": 4.0, "no": 1.25}, is_complete=True, sold_as=())}
    swapped = {key: Quoted({"yes": 1.25, "no": 4.0}, is_complete=True, sold_as=())}
    assert [one.size for one in between_books(right, right)] == pytest.approx([0, 0])
    assert all(one.size > 2 for one in between_books(right, swapped))


def test_what_has_no_margin_of_its_own_is_brought_to_the_sum_of_the_other() -> None:
    reference = {"1_2": 0.5, "1_3": 0.7, "2_3": 0.4}
    odds = {outcome: 1 / chance / 1.3 for outcome, chance in reference.items()}
    assert to_sum_of(odds, reference) == pytest.approx(reference)
    assert to_sum_of({"1_2": 2.0}, reference) == {}


def test_no_distances_have_no_spread() -> None:
    assert spread([]) is None
    one = Distance(MarketLine("1x2_ft", None), "home", 0.5, 0.4)
    assert spread([one]) == (1, one.size, one.size, one)


def test_the_page_has_a_place_for_what_is_measured(boards: list[Board]) -> None:
    tables = payload_tables(boards, datetime(2026, 1, 2, tzinfo=UTC))
    assert "Measured on 2026-01-02" in tables
    assert "| **all** |" in tables
    assert tables in renewed(DOCUMENT.read_text(encoding="utf-8"), {"payloads": tables})


def test_the_sizes_of_many_are_those_of_each(readings: list[Reading]) -> None:
    books = {one.platform: one for one in readings if one.event == readings[0].event}
    found = between_books(books["sportybet"].quoted, books["betpawa"].quoted)
    assert sizes_of(found) == pytest.approx([one.size for one in found])
    assert sizes_of([]) == []
