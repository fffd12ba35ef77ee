"""The board against the generator's own truth: it shows no arbitrage that its model does not have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from clients.python.market_mapping_client.board import Board, BoardRow
from tests.support.kit_events import MAPPINGS, resolved
from tests.support.markets import FOOTBALL
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.fixtures import draw_fixture
from worker.lab.synthetic.markets import FairPrices
from worker.lab.synthetic.offers import PLATFORMS, offers
from worker.lab.synthetic.scrape import generate_scrape

STARTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SEED = 15
EVENTS = 24
QUESTIONS = {
    offer.market.canonical_id: offer.market for name in PLATFORMS for offer in offers(name)
}


class Compared(NamedTuple):
    """A row of a match, with the books' true prices and the model's chances of its outcomes."""

    row: BoardRow
    sold: dict[tuple[str, str], float]  # odds by platform and outcome, as the generator wrote them
    chances: dict[str, float]


def compared(noise: float) -> Iterator[Compared]:
    """Every row of a generated scrape; ``noise`` is how far a book's prices are from the model's."""
    scrape = list(
        generate_scrape(seed=SEED, events=EVENTS, started_at=STARTED_AT, size="slim", noise=noise)
    )
    board = Board(MAPPINGS)
    by_event = {(item.platform, item.observation["event"]["id"]): item for item in scrape}
    for item in scrape:
        board.take(resolved(item, FOOTBALL))
    models = {}
    for index in range(EVENTS):
        fixture = draw_fixture(SEED, index, STARTED_AT)
        models[fixture.sportradar_id] = FairPrices(fixture.model)
    for match in board:
        books = [by_event[book.platform, book.event.id] for book in board.books(match)]
        if len(books) < 2:
            continue
        for row in board.rows(match):
            chances = models[match].of(QUESTIONS[row.canonical_id], row.line)
            yield Compared(row, sold(books, row), chances)


def sold(books: list[Generated], row: BoardRow) -> dict[tuple[str, str], float]:
    return {
        (item.platform, outcome.outcome): outcome.odds
        for item in books
        for market in item.expected.markets
        if (market.canonical_id, market.line) == (row.canonical_id, row.line)
        for outcome in market.outcomes
        if outcome.active and outcome.odds is not None
    }


def is_real(one: Compared) -> bool:
    """Whether exactly one of the outcomes is decided in the model, at odds that the books really wrote."""
    is_whole = one.chances.keys() == one.row.best.keys()
    return (
        is_whole
        and sum(one.chances.values()) == pytest.approx(1, abs=1e-6)
        and all(
            one.sold[price.platform, outcome] == price.odds
            for outcome, price in one.row.best.items()
        )
    )


@pytest.fixture(scope="module")
def noisy() -> list[Compared]:
    """Bookmakers that disagree so much that there are real arbitrages."""
    return list(compared(noise=0.25))


def test_every_price_of_a_row_is_the_one_that_the_bookmaker_sells_it_at(
    noisy: list[Compared],
) -> None:
    for one in noisy:
        for outcome, prices in one.row.prices.items():
            for platform, odds in prices.items():
                assert one.sold[platform, outcome] == odds


def test_the_best_price_is_the_best_of_those_that_compare(noisy: list[Compared]) -> None:
    for one in noisy:
        for outcome, best in one.row.best.items():
            assert best.odds == max(one.row.prices[outcome].values())


def test_every_overround_is_that_of_a_whole_book_of_the_model(noisy: list[Compared]) -> None:
    with_overround = [one for one in noisy if one.row.overround is not None]
    assert len(with_overround) > 1000
    assert [one.row for one in with_overround if not is_real(one)] == []


def test_every_overround_below_1_is_a_real_arbitrage_of_the_model(noisy: list[Compared]) -> None:
    below = [one for one in noisy if one.row.overround is not None and one.row.overround < 1]
    assert len(below) > 20
    assert [one.row for one in below if not is_real(one)] == []


def test_sums_below_1_that_are_no_arbitrage_are_many_and_none_is_shown(
    noisy: list[Compared],
) -> None:
    """What a board without meanings would have shown."""
    sums = [sum(1 / price.odds for price in one.row.best.values()) for one in noisy]
    false = [one for one, total in zip(noisy, sums, strict=True) if total < 1 and not is_real(one)]
    assert len(false) > 20
    assert {one.row.overround for one in false} == {None}


def test_bookmakers_that_agree_but_for_their_margins_leave_no_arbitrage() -> None:
    """But for steps: no price is below 1.01, and high prices come in steps of up to 1."""
    rows = [one for one in compared(noise=0) if one.row.overround is not None]
    assert [one.row for one in rows if (one.row.overround or 0) < 1 and not is_real(one)] == []
    finely_priced = [
        one.row.overround or 0
        for one in rows
        if all(1.02 < price.odds < 15 for price in one.row.best.values())
    ]
    assert len(finely_priced) > 1000
    assert min(finely_priced) > 1.02
