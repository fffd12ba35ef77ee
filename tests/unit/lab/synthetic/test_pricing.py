from __future__ import annotations

import random
from dataclasses import replace

import pytest

from worker.lab.synthetic.pricing import (
    BET9JA,
    BETPAWA,
    SPORTYBET,
    Pricer,
    PricingHabits,
    QuotedMarket,
    cents,
    coarse,
)

FAIR = {"home": 0.5, "draw": 0.3, "away": 0.2}
QUIET = PricingHabits(margin=0.05, step=cents, closed_prices=(1.0,), closed=0.0, invalid=0.0)


def sheet_of(
    habits: PricingHabits, seed: int = 1, moves: random.Random | None = None
) -> QuotedMarket:
    return Pricer(habits, random.Random(seed), moves).quoted(FAIR, ["home", "draw", "away"])


def test_prices_carry_the_margin_of_the_house() -> None:
    books = [sum(1 / quote.price for quote in sheet_of(QUIET, seed).quotes) for seed in range(200)]

    assert sum(books) / len(books) == pytest.approx(1.05, abs=0.005)


def test_other_is_what_the_listed_scores_leave() -> None:
    quoted = Pricer(QUIET, random.Random(1), None).quoted(
        {"0_0": 0.1, "1_0": 0.15}, ["0_0", "other"]
    )

    assert quoted.quotes[1].price == pytest.approx(1 / 0.9, abs=0.1)


def test_an_outcome_that_cannot_happen_is_left_out() -> None:
    assert [
        q.outcome
        for q in Pricer(QUIET, random.Random(1), None).quoted({"a": 0.5}, ["a", "b"]).quotes
    ] == ["a"]


@pytest.mark.parametrize(
    ("state", "habits"),
    [("suspended", replace(QUIET, suspended=1.0)), ("banned", replace(QUIET, banned=1.0))],
)
def test_nothing_is_active_in_a_closed_market(state: str, habits: PricingHabits) -> None:
    quoted = sheet_of(habits)

    assert quoted.state == state
    assert not any(quote.active for quote in quoted.quotes)


def test_a_broken_price_is_active_and_below_the_stake() -> None:
    quoted = sheet_of(replace(QUIET, invalid=1.0))

    assert quoted.state == "invalid"
    assert (quoted.quotes[0].active, quoted.quotes[0].price) == (True, 0.5)


def test_a_broken_price_is_not_written_where_the_truth_would_be_open() -> None:
    pricer = Pricer(replace(QUIET, invalid=1.0), random.Random(1), None)

    assert pricer.quoted(FAIR, ["home"], may_be_invalid=False).state == "open"


def test_a_closed_outcome_without_a_price_has_no_odds() -> None:
    quotes = sheet_of(replace(QUIET, closed=1.0)).quotes

    assert {(quote.odds, quote.active) for quote in quotes} == {(None, False)}


def test_later_scrapes_move_few_markets_and_only_those() -> None:
    opening = [sheet_of(QUIET, seed) for seed in range(300)]
    later = [sheet_of(QUIET, seed, random.Random(seed + 10_000)) for seed in range(300)]
    moved = sum(one != other for one, other in zip(opening, later, strict=True))

    assert 10 <= moved <= 60


def test_bet9ja_has_no_price_below_its_least() -> None:
    assert coarse(1.012) == 1.0


@pytest.mark.parametrize(
    ("odds", "shown"), [(2.444, 2.44), (3.67, 3.65), (7.27, 7.3), (11.6, 11.5), (41.4, 41)]
)
def test_bet9ja_steps_widen_with_the_price(odds: float, shown: float) -> None:
    assert coarse(odds) == shown


def test_the_books_have_margins_of_their_own() -> None:
    assert len({SPORTYBET.margin, BETPAWA.margin, BET9JA.margin}) == 3
