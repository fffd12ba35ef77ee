"""Football in play: what is closed, copied, missed and refused, and what switched-on ids would resolve."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.markets import CATALOGUE, CATALOGUE_FILE
from tests.support.verdicts import plain_faults
from worker.domain.catalogue import load_catalogue
from worker.domain.index import MappingIndex
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.extras import Extra
from worker.lab.synthetic.offers import load, offers_in
from worker.lab.synthetic.scrape import generate_scrape

STARTED_AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
INDEX = MappingIndex(CATALOGUE)


def made(*extras: Extra, events: int = 60, has_grade_c: bool = False) -> list[Generated]:
    scrape = generate_scrape(
        seed=2,
        events=events,
        started_at=STARTED_AT,
        size="slim",
        extras=extras,
        has_grade_c=has_grade_c,
    )
    return [item for item in scrape if int(item.observation["event"]["sportradar_id"] or 0) > 10**8]


@pytest.fixture(scope="module")
def scrape() -> list[Generated]:
    return made("live")


def on(scrape: list[Generated], platform: str) -> list[Generated]:
    return [item for item in scrape if item.platform == platform]


def is_suspended(item: Generated) -> bool:
    return bool(item.observation["event"]["status"] == "suspended")


def switched_on() -> MappingIndex:
    """The shipped catalogue with the ids in play and those of other sports switched on."""
    catalogue: Any = json.loads(CATALOGUE_FILE.read_text(encoding="utf-8"))
    for mapping in catalogue["mappings"]:
        for further in mapping.get("also") or []:
            if "scope" in mapping or further["id"].startswith("LIVES_"):
                further["active"] = True
    return MappingIndex(load_catalogue(json.dumps(catalogue)))


def test_the_resolver_says_the_truth_of_every_event_in_play(scrape: list[Generated]) -> None:
    assert len(scrape) == 21
    assert all(item.observation["event"]["live"] for item in scrape)
    assert plain_faults(scrape, INDEX) == []


def test_ids_of_grade_c_resolve_when_they_are_switched_on() -> None:
    scrape = made("live", "basketball", "tennis", events=10, has_grade_c=True)
    sold = {market.external_market_id for item in scrape for market in item.expected.markets}

    assert {"LIVES_1X2", "LIVES_OUHOME", "B_12", "T_121P", "219"} <= sold
    assert plain_faults(scrape, switched_on()) == []


def test_every_key_in_play_that_the_catalogue_knows_is_sold_and_missed_as_it_ships(
    scrape: list[Generated],
) -> None:
    known = {
        further.id
        for mapping in CATALOGUE
        for further in mapping.also
        if further.id.startswith("LIVES_")
    }
    missed = {
        miss.external_market_id for item in on(scrape, "bet9ja") for miss in item.expected.misses
    }

    assert {offer.external_id for offer in offers_in("live", "bet9ja")} == known
    assert missed == known | {entry["id"] for entry in load("unmapped_live.json")}
    assert not any(item.expected.markets for item in on(scrape, "bet9ja"))


def test_bet9ja_writes_prices_as_objects_and_scores_in_params(scrape: list[Generated]) -> None:
    keys: set[str] = set()
    for item in on(scrape, "bet9ja"):
        keys |= item.observation["markets"].keys()
        assert all(value.keys() == {"v"} for value in item.observation["markets"].values())

    assert any(key.startswith("LIVES_NEXTGOAL@") and ":" in key for key in keys)
    assert any(key.startswith("LIVEB_") for key in keys)
    assert any("@+" in key for key in keys)
    assert {code.code for item in on(scrape, "bet9ja") for code in item.expected.rejected} == {
        "INVALID_KEY_FORMAT"
    }


def test_closed_copies_are_next_to_open_ones_and_some_open_ones_differ(
    scrape: list[Generated],
) -> None:
    copies: Counter[int] = Counter()
    for item in on(scrape, "sportybet"):
        rows = item.observation["markets"]
        assert {row["product"] for row in rows} <= {1, 3}
        copies.update(row["status"] for row in rows if row["product"] == 3)
        assert not (is_suspended(item) and any(row["product"] == 3 for row in rows))

    assert copies[1] > 50
    assert copies[2] > 50
    assert copies[0] > 0
    assert any(item.expected.rejected for item in on(scrape, "sportybet"))


def test_betpawa_suspends_markets_and_rows_and_what_is_below_is_closed(
    scrape: list[Generated],
) -> None:
    markets = [
        (item, market)
        for item in on(scrape, "betpawa")
        if not is_suspended(item)
        for market in item.observation["markets"]
    ]
    closed = [(item, market) for item, market in markets if market.get("suspended")]
    rows = [row for _item, market in markets for row in market["row"] if row.get("suspended")]

    assert closed
    assert rows
    for item, market in closed:
        sold = [
            outcome
            for each in item.expected.markets
            if each.external_market_id == market["marketType"]["id"]
            for outcome in each.outcomes
        ]
        assert sold
        assert not any(outcome.active for outcome in sold)


def test_nothing_of_a_suspended_event_can_be_bet_on(scrape: list[Generated]) -> None:
    suspended = [item for item in scrape if is_suspended(item)]

    assert suspended
    for item in suspended:
        prices = [price for market in item.expected.markets for price in market.outcomes]
        prices += [price for market in item.expected.players for price in market.outcomes]
        assert not any(price.active for price in prices)


def test_players_in_play_have_no_side(scrape: list[Generated]) -> None:
    sides = {m.participant.side for item in on(scrape, "betpawa") for m in item.expected.players}

    assert sides == {None}


def test_the_goal_after_the_first_is_another_market(scrape: list[Generated]) -> None:
    missed = {
        miss.external_market_id
        for item in on(scrape, "betpawa")
        for miss in item.expected.misses
        if miss.reason == "UNKNOWN_PARAM_MARKET"
    }

    assert missed
    assert all(external_id.startswith("28000224?handicap=") for external_id in missed)


def test_an_event_in_play_is_the_same_whatever_else_is_generated() -> None:
    few, many = made("live", events=10), made("live", "tennis", events=30)

    def told(item: Generated) -> tuple[str, Any]:
        return item.key, item.expected

    assert [told(item) for item in few] == [told(item) for item in many][: len(few)]
