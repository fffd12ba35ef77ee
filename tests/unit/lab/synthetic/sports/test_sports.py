"""Basketball and tennis of a generated scrape, and that no mapping of football is for them."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from tests.support.markets import CATALOGUE
from tests.support.verdicts import plain_faults, resolved_plainly
from worker.domain.index import MappingIndex
from worker.domain.mapping import claims_of
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.fixtures import seeded
from worker.lab.synthetic.offers import PLATFORMS, offers_in
from worker.lab.synthetic.question import QuestionedMarket
from worker.lab.synthetic.scrape import generate_scrape
from worker.lab.synthetic.sports.matches import SportPrices, lines_around
from worker.lab.synthetic.sports.models import basketball, tennis
from worker.lab.synthetic.sports.selling import SPORTS, Sport, unmapped_in

STARTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
INDEX = MappingIndex(CATALOGUE)
FOOTBALL_ONLY = MappingIndex([each for each in CATALOGUE if each.scope.sport == "football"])


@pytest.fixture(scope="module")
def scrape() -> list[Generated]:
    made = generate_scrape(
        seed=4, events=20, started_at=STARTED_AT, size="slim", extras=("basketball", "tennis")
    )
    return [item for item in made if item.observation["event"]["sport"] != "football"]


def claimed(sport: str, platform: str, *, in_force: bool) -> set[tuple[str, str]]:
    return {
        (mapping.canonical_id, further.id)
        for mapping in CATALOGUE
        for further in mapping.also
        if mapping.scope.sport == sport
        and further.platform == platform
        and further.active is in_force
    }


def test_the_resolver_says_the_truth_of_every_event(scrape: list[Generated]) -> None:
    assert {item.observation["event"]["sport"] for item in scrape} == set(SPORTS)
    assert {item.platform for item in scrape} == set(PLATFORMS)
    assert plain_faults(scrape, INDEX) == []


def test_every_market_that_is_published_is_one_of_its_sport(scrape: list[Generated]) -> None:
    for item in scrape:
        sport = item.observation["event"]["sport"]
        assert item.expected.markets
        assert all(m.canonical_id.startswith(f"{sport}_") for m in item.expected.markets)


def test_the_mappings_of_football_alone_resolve_nothing(scrape: list[Generated]) -> None:
    assert not any(resolved_plainly(item, FOOTBALL_ONLY)["markets"] for item in scrape)


@pytest.mark.parametrize("sport", SPORTS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_all_that_the_catalogue_knows_of_a_sport_is_sold(sport: Sport, platform: str) -> None:
    for is_off in (False, True):
        sold = {
            (offer.market.canonical_id, offer.external_id)
            for offer in offers_in(sport, platform)
            if ("grade" in offer.form) is is_off
        }
        assert sold == claimed(sport, platform, in_force=not is_off)


def test_some_ids_that_are_missed_are_ids_of_football() -> None:
    football = {
        claim.market_id
        for mapping in CATALOGUE
        for claim in claims_of(mapping)
        if claim.platform == "sportybet" and claim.scope.sport == "football"
    }
    missed = {market.external_id for market in unmapped_in("basketball", "sportybet")}

    assert len(missed & football) > 8


def test_what_is_missed_carries_its_sport(scrape: list[Generated]) -> None:
    for item in scrape:
        mark = f"?@{item.observation['event']['sport']}"
        assert item.expected.misses or item.platform == "betpawa"
        assert all(mark in miss.external_market_id for miss in item.expected.misses)


@pytest.mark.parametrize("model", [basketball, tennis])
def test_the_courses_of_a_match_are_all_that_can_happen(model: object) -> None:
    assert callable(model)
    courses = model(random.Random(1))

    assert sum(course.chance for course in courses) == pytest.approx(1)


def test_a_match_of_tennis_is_won_by_who_wins_two_sets() -> None:
    for course in tennis(random.Random(2)):
        assert max(course.counts["sets"]) == 2
        games = sum(map(sum, (course.counts[f"games_set{n}"] for n in (1, 2))))
        assert sum(course.counts["games_match"]) >= games


def test_a_game_of_basketball_with_overtime_is_never_level() -> None:
    courses = basketball(random.Random(3))

    assert any(course.counts["ft"][0] == course.counts["ft"][1] for course in courses)
    assert all(course.counts["incl_ot"][0] != course.counts["incl_ot"][1] for course in courses)


def test_a_higher_total_is_less_likely_and_a_head_start_helps() -> None:
    prices = SportPrices(basketball(seeded(1, "basketball", 0)))
    total = QuestionedMarket("total", "total", "incl_ot", "total", ("over", "under"))
    handicap = QuestionedMarket("handicap", "handicap", "incl_ot", "total", ("home", "away"))
    over = [prices.of(total, f"{line:g}")["over"] for line in lines_around(prices, total, 5)]
    home = [prices.of(handicap, f"{line:g}")["home"] for line in lines_around(prices, handicap, 5)]

    assert over == sorted(over, reverse=True)
    assert home == sorted(home)
    assert 0.35 < over[5] < 0.65
