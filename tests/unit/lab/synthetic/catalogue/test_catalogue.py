"""The rest of the catalogue's football markets: all are sold, and resolved as the generator says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.markets import CATALOGUE, CATALOGUE_FILE
from tests.support.verdicts import plain_faults, planned_faults
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.catalogue import load_catalogue
from worker.domain.index import MappingIndex
from worker.lab.bench.peers.memory import planner_of
from worker.lab.synthetic.catalogue.selling import catalogue_offers
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.extras import Extra
from worker.lab.synthetic.offers import offers, offers_in
from worker.lab.synthetic.scrape import generate_scrape
from worker.settings.settings import Settings

STARTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
INDEX = MappingIndex(CATALOGUE)
EXTRAS: tuple[Extra, ...] = ("catalogue",)
EVENTS = 4
FOOTBALL = [
    each for each in CATALOGUE if each.scope.sport == "football" and each.participant is None
]


def made(*, scrape: int = 0, has_grade_c: bool = False) -> list[Generated]:
    return list(
        generate_scrape(
            seed=4,
            events=EVENTS,
            scrape=scrape,
            started_at=STARTED_AT,
            size="slim",
            extras=EXTRAS,
            has_grade_c=has_grade_c,
        )
    )


@pytest.fixture(scope="module")
def scrape() -> list[Generated]:
    return made()


@pytest.fixture(scope="module")
def with_grade_c() -> list[Generated]:
    return made(has_grade_c=True)


def switched_on() -> MappingIndex:
    """The shipped catalogue with all ids of football before the match switched on."""
    document: Any = json.loads(CATALOGUE_FILE.read_text(encoding="utf-8"))
    for mapping in document["mappings"]:
        for further in mapping.get("also") or []:
            is_of_match = "scope" not in mapping and "participant" not in mapping
            if is_of_match and further.get("phase") != "live":
                further["active"] = True
    return MappingIndex(load_catalogue(json.dumps(document)))


def test_the_resolver_says_the_truth_of_every_event(scrape: list[Generated]) -> None:
    assert plain_faults(scrape, INDEX) == []


def test_rows_that_were_seen_before_say_the_same(scrape: list[Generated]) -> None:
    planner = planner_of(Settings())

    assert planned_faults(scrape, planner, INDEX) == []
    assert planned_faults(made(scrape=1), planner, INDEX) == []


def test_ids_of_grade_c_resolve_when_they_are_switched_on(with_grade_c: list[Generated]) -> None:
    assert plain_faults(with_grade_c, switched_on()) == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_id_of_a_football_market_is_sold(platform: Platform) -> None:
    known = {
        (mapping.canonical_id, market_id)
        for mapping in FOOTBALL
        for market_id in (mapping.id_on(platform), *_further(mapping.also, platform))
        if market_id is not None
    }
    sold = {
        (offer.market.canonical_id, offer.external_id)
        for offer in (*offers(platform), *catalogue_offers(platform), *offers_in("live", platform))
    }

    assert len(FOOTBALL) == 436
    assert sold == known


def _further(also: Any, platform: str) -> list[str]:
    return [further.id for further in also if further.platform == platform]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_is_sold_has_the_grade_and_the_outcomes_of_the_catalogue(platform: Platform) -> None:
    known = {
        (mapping.canonical_id, further.id): further.active
        for mapping in FOOTBALL
        for further in mapping.also
        if further.platform == platform
    }
    for offer in catalogue_offers(platform):
        active = known.get((offer.market.canonical_id, offer.external_id), True)
        assert active is (offer.form.get("grade") != "C"), offer.external_id


def test_a_few_events_sell_all_of_it(with_grade_c: list[Generated]) -> None:
    sold = {market.canonical_id for item in with_grade_c for market in item.expected.markets}
    offered = {
        offer.market.canonical_id for platform in PLATFORMS for offer in catalogue_offers(platform)
    }

    assert offered - sold == set()


def test_the_rungs_of_both_teams_are_in_one_row(scrape: list[Generated]) -> None:
    item = next(each for each in scrape if each.platform == "sportybet")
    (row,) = (each for each in item.observation["markets"] if each["id"] == "800160")
    event = item.observation["event"]

    for number, side in enumerate(("home", "away")):
        rungs = [one for one in row["outcomes"] if one["desc"].startswith(event[side])]
        assert len(rungs) > 3
        for rung in rungs:
            goals = rung["desc"].removeprefix(event[side])[1:-1]
            assert rung["id"] == f"800160:00000{number}{int(goals):02}"


def test_the_outcomes_of_several_ids_are_one_market(scrape: list[Generated]) -> None:
    item = next(each for each in scrape if each.platform == "bet9ja")
    (market,) = (each for each in item.expected.markets if each.canonical_id == "1x2_multigoals_ft")

    assert market.external_market_id == "S_1X2MULTI1-2"
    assert {"home_1_2", "draw_2_5", "away_4_5"} <= {one.outcome for one in market.outcomes}


def test_a_market_is_sometimes_sold_under_another_id_than_usual(
    with_grade_c: list[Generated],
) -> None:
    ids: dict[tuple[str, str], set[str]] = {}
    for item in with_grade_c:
        for market in item.expected.markets:
            key = item.platform, market.canonical_id
            ids.setdefault(key, set()).add(market.external_market_id)
    usual: dict[tuple[str, str], str] = {
        (platform, offer.market.canonical_id): offer.external_id
        for platform in PLATFORMS
        for offer in offers(platform)
    }
    both = [key for key in ids.keys() & usual.keys() if ids[key] > {usual[key]}]

    assert len(both) > 3


def test_an_id_with_a_meaning_is_not_sold_as_an_unknown_one_as_well(
    scrape: list[Generated],
) -> None:
    item = next(each for each in scrape if each.platform == "sportybet")
    rows = [row["desc"] for row in item.observation["markets"] if row["id"] == "900618"]

    assert len(rows) == 1
