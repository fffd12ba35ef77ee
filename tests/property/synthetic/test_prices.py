from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median, quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.markets import FairPrices
from worker.lab.synthetic.model import MatchModel
from worker.lab.synthetic.offers import PLATFORMS, Offer, offers
from worker.lab.synthetic.oracle import check
from worker.lab.synthetic.scrape import generate_scrape

means = st.tuples(st.floats(0.3, 3.5), st.floats(0.3, 3.5))
models = st.builds(MatchModel, goals=means, corners=means, cards=means, red_cards=means)
Price = tuple[str, str | None, str]


@settings(max_examples=30, deadline=None)
@given(models)
def test_every_chance_is_a_probability_in_every_match(model: MatchModel) -> None:
    fair = FairPrices(model)

    for platform in PLATFORMS:
        for offer in offers(platform):
            for line in offer.lines:
                assert all(0 < p <= 1 + 1e-9 for p in fair.of(offer.market, line).values())


@settings(max_examples=30, deadline=None)
@given(models, st.sampled_from([offer for offer in offers("bet9ja") if offer.lines != (None,)]))
def test_a_chance_moves_one_way_along_the_lines(model: MatchModel, offer: Offer) -> None:
    first = offer.selections[0].outcome
    lines = sorted(offer.lines, key=lambda line: float(line or 0))
    fair = FairPrices(model)
    steps = list(pairwise(fair.of(offer.market, line).get(first, 0.0) for line in lines))

    assert all(a <= b + 1e-9 for a, b in steps) or all(a >= b - 1e-9 for a, b in steps)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 5))
def test_the_truth_is_internally_consistent_for_every_seed(seed: int, scrape: int) -> None:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)

    for item in generate_scrape(seed=seed, events=2, scrape=scrape, started_at=at, size="slim"):
        markets = [(m.canonical_id, m.line) for m in item.expected.markets]
        assert len(markets) == len(set(markets))
        assert len(item.expected.misses) == len(set(item.expected.misses))
        assert all(o.odds or not o.active for m in item.expected.markets for o in m.outcomes)
        assert check(item.expected, {}) != []


@pytest.fixture(scope="module")
def scrape() -> list[Generated]:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    return list(generate_scrape(seed=3, events=24, started_at=at, size="slim"))


def fair_logits(item: Generated) -> dict[Price, float]:
    """The logit of 1/odds by (market, line, outcome), for prices that are not at a floor or cap."""
    return {
        (market.canonical_id, market.line, o.outcome): -math.log(o.odds - 1)
        for market in item.expected.markets
        for o in market.outcomes
        if o.active and o.odds and 1.08 < o.odds < 15
    }


@pytest.mark.parametrize(("one", "other"), [("betpawa", "sportybet"), ("sportybet", "bet9ja")])
def test_the_same_market_agrees_across_books_as_it_does_in_reality(
    scrape: list[Generated], one: str, other: str
) -> None:
    prices = {(item.platform, item.key): fair_logits(item) for item in scrape}
    apart = [
        abs(logit - prices[other, key][price])
        for (platform, key), logits in prices.items()
        if platform == one and (other, key) in prices
        for price, logit in logits.items()
        if price in prices[other, key]
    ]

    assert len(apart) > 1000
    assert 0.01 < median(apart) < 0.06
    assert 0.1 < quantiles(apart, n=20)[18] < 0.25
