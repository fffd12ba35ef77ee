"""Prices of the catalogue's further markets: what their conditions say, and laws between them."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from tests.support.markets import CATALOGUE
from tests.support.meanings import MEANINGS
from worker.lab.synthetic.catalogue.courses import by_minutes, by_scores
from worker.lab.synthetic.catalogue.predicates import predicate
from worker.lab.synthetic.catalogue.prices import CataloguePrices, truths
from worker.lab.synthetic.catalogue.selling import catalogue_offers
from worker.lab.synthetic.model import draw_model
from worker.lab.synthetic.offers import PLATFORMS
from worker.lab.synthetic.question import Probabilities

MARKETS = {
    offer.market.canonical_id: offer
    for platform in PLATFORMS
    for offer in catalogue_offers(platform)
}
IN_WORDS = [
    name
    for name, truth in truths().items()
    if "when" in truth and MEANINGS[name].predicates is not None
]
# As the catalogue declares them; other tests hold that to the meanings.
PARTITIONS = {
    one.canonical_id
    for one in CATALOGUE
    if one.traits and one.traits.exhaustive and one.traits.exclusive
}
SIDES = ("none", "home", "away")


@pytest.fixture(scope="module")
def fair() -> CataloguePrices:
    return CataloguePrices(draw_model(random.Random(3)))


def chances(fair: CataloguePrices, canonical_id: str, line: str | None = None) -> Probabilities:
    return fair.of(MARKETS[canonical_id].market, line)


def test_every_market_has_a_truth_and_no_truth_is_idle() -> None:
    assert truths().keys() == MARKETS.keys()


@pytest.mark.parametrize("canonical_id", IN_WORDS)
def test_conditions_say_what_the_meanings_of_the_catalogue_say(canonical_id: str) -> None:
    """Two tables, read by two programs."""
    meaning = MEANINGS[canonical_id].predicates
    truth = truths()[canonical_id]
    assert meaning is not None
    said = {name: text for name, text in meaning.when.items() if text is not None}
    assert truth["when"].keys() <= said.keys()
    in_order = bool(meaning.names & {"first", "last"})
    ways = by_minutes().ways[::40] if in_order else by_scores().ways[::7]
    for line in meaning.lines:
        for way in ways:
            facts = {**way, "line": float(line or 0)}
            told = facts | ({"first": SIDES[int(way["fg"])]} if in_order else {})
            for outcome, text in truth["when"].items():
                assert predicate(text).holds(facts) is said[outcome].holds(told), (outcome, facts)


@pytest.mark.parametrize("canonical_id", sorted(PARTITIONS & MARKETS.keys()))
def test_the_outcomes_of_a_partition_sum_to_one(fair: CataloguePrices, canonical_id: str) -> None:
    for line in MARKETS[canonical_id].lines:
        together = sum(chances(fair, canonical_id, line).values())
        # Parts of the outcomes may be under another id; a residual is what the others leave over.
        assert together <= 1 + 2e-3
        if not any("other" in name for name in MARKETS[canonical_id].market.outcomes):
            assert together == pytest.approx(1, abs=2e-2)


@pytest.mark.parametrize("canonical_id", sorted(MARKETS))
def test_a_truth_names_outcomes_of_its_market_only(
    fair: CataloguePrices, canonical_id: str
) -> None:
    offer = MARKETS[canonical_id]
    named = fair.of(offer.market, offer.lines[0])

    assert named
    assert set(named) <= set(offer.market.outcomes)
    assert all(0 < p <= 1 + 1e-9 for p in named.values())


def test_a_larger_lead_a_longer_run_and_a_higher_rung_are_less_likely(
    fair: CataloguePrices,
) -> None:
    for canonical_id, outcome, lines in (
        ("any_lead_ft", "yes", ("0.5", "1.5", "2.5")),
        ("home_score_in_a_row_ft", "yes", ("1.5", "2.5")),
        ("home_shots_at_least_ft", "over", ("9.5", "12.5", "15.5")),
    ):
        likely = [chances(fair, canonical_id, line)[outcome] for line in lines]
        assert all(more > less for more, less in pairwise(likely))


def test_somebody_leads_unless_no_goal_is_scored(fair: CataloguePrices) -> None:
    goalless = chances(fair, "anytime_correct_score_ft")

    assert chances(fair, "any_lead_ft", "0.5")["yes"] == pytest.approx(
        goalless["1_0"] + goalless["0_1"]
    )


def test_early_goals_make_over_likelier_and_home_leads_or_wins_more_than_it_leads(
    fair: CataloguePrices,
) -> None:
    by_minute = [
        chances(fair, f"over_under_early_{minute}_ft", "1.5")["over"]
        for minute in ("10min", "20min")
    ]

    assert by_minute == sorted(by_minute)
    assert (
        chances(fair, "home_win_or_lead_ft", "0.5")["yes"]
        >= chances(fair, "home_lead_ft", "0.5")["yes"]
    )


@pytest.mark.parametrize(
    "text", ["h > ", "h.bit_length()", "print(h)", "h * 2 > 1", "[h for h in a]"]
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises((ValueError, SyntaxError)):
        predicate(text)
