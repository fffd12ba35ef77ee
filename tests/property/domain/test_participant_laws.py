"""Laws of markets of players, over rows in which few players, ids and labels meet each other."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ResolvedEvent
from tests.support.laws import FEED_LAWS, LAWS
from tests.support.markets import Json, said
from tests.support.players import further, goalscorer, priced, shots, sold
from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.domain.participants import LONGEST_KEY, participant_key
from worker.domain.resolve import Observation, Resolution, player_document, resolve
from worker.ingest.planning.encode import resolved_event

BOTH = goalscorer(
    further("sportybet", "41", free=["variant"]),
    further("betpawa", "41", free=["variant"]),
    canonical_id="both_ft",
    outcome_mapping=[
        {"canonical_id": "yes", "sportybet_desc": "{player} Ja", "betpawa_name": "{player} Ja"},
        {"canonical_id": "no", "sportybet_desc": "{player} Nein", "betpawa_name": "Nobody"},
    ],
)
INDEX = MappingIndex([goalscorer(), shots(), BOTH], 3)
HOME, AWAY = "Lagos Stars", "Kano City"
ENVELOPE = {"observed_at": "2026-11-22T12:00:00Z", "event": {"id": "1"}}
NAMES = st.sampled_from(
    [
        *(
            "Musa, Ahmed",
            "Ahmed Musa",
            "Ahmed  Musa (Lagos)",
            "Musa, Ahmed (Kano City)",
            "Obi (Kano)",
        ),
        *("No Goal", "Nobody", "Draw", "Musa 2", "Över, Obi", "É. Obi", "", "(Kano)", "Over"),
    ]
)
TAILS = st.sampled_from(["", "", " 1+", " 2+", " 1+", " Ja", " Nein", " 12+ 3+"])
LABELS = st.builds("{}{}".format, NAMES, TAILS)
ODDS = st.sampled_from(["2", "2.0", "3", "1.00", "", "x", None])
FEED_IDS = st.sampled_from(
    [
        *("sr:player:1", "sr:player:2", "pre:playerprops:9:1:1", "pre:playerprops:9:1:2", "1716"),
        *("pre:playerprops:9:2:1:1", "pre:playerprops:9:1:1:2", "pre:playerprops:9:1", "x", None),
    ]
)
VARIANTS = st.sampled_from(
    [None, "variant=a", "variant=b", "variant=pre:playerprops:9:1", "variant=pre:playerprops:9:2"]
)
MARKET_IDS = st.sampled_from(["40", "776", "41"])
SPORTYBET = st.builds(
    lambda id_, outcomes, variant: sold(id_, *outcomes, specifier=variant),
    MARKET_IDS,
    st.lists(st.tuples(LABELS, FEED_IDS, ODDS), max_size=5),
    VARIANTS,
)
BETPAWA = st.builds(
    lambda id_, prices: priced(id_, *prices),
    st.sampled_from(["129108", "41"]),
    st.lists(
        st.tuples(
            LABELS,
            st.sampled_from(["1", "2", None, 3]),
            st.sampled_from([1, 2, None, 0]),
            st.sampled_from([2.0, 3.0, 1.0, 0, None]),
        ),
        max_size=5,
    ),
)
FEEDS = {"sportybet": st.lists(SPORTYBET, max_size=4), "betpawa": st.lists(BETPAWA, max_size=4)}
PLATFORMS: list[Platform] = ["sportybet", "betpawa"]


def found(platform: Platform, feed: list[Json], index: MappingIndex = INDEX) -> Resolution:
    return resolve(Observation(platform, feed, HOME, AWAY), index)


def mixed(feed: list[Json], seed: int) -> list[Json]:
    """The same rows and outcomes in another order."""
    order = random.Random(seed)
    inner = "outcomes" if feed and "outcomes" in feed[0] else "row"
    rows = [market | {inner: order.sample(market[inner], len(market[inner]))} for market in feed]
    order.shuffle(rows)
    return rows


@pytest.mark.parametrize("platform", PLATFORMS)
@FEED_LAWS
@given(st.data(), st.integers(0, 2**32))
def test_the_order_of_the_feed_does_not_change_what_is_said_of_players(
    platform: Platform, data: st.DataObject, seed: int
) -> None:
    feed = data.draw(FEEDS[platform])
    assert said(found(platform, feed)) == said(found(platform, mixed(feed, seed)))


@pytest.mark.parametrize("platform", PLATFORMS)
@FEED_LAWS
@given(st.data())
def test_nothing_is_answered_twice_for_one_market_line_and_participant(
    platform: Platform, data: st.DataObject
) -> None:
    resolution = found(platform, data.draw(FEEDS[platform]))
    places = [one.layout.place for one in resolution.players]
    assert len(places) == len(set(places))
    for one in resolution.players:
        outcomes = one.layout.outcomes
        assert len(outcomes) == len(set(outcomes)) > 0
        assert one.layout.participant.key == participant_key(one.layout.participant.name)


@pytest.mark.parametrize("platform", PLATFORMS)
@FEED_LAWS
@given(st.data())
def test_what_is_published_of_players_keeps_to_the_schema_and_is_what_was_resolved(
    platform: Platform, data: st.DataObject
) -> None:
    resolution = found(platform, data.draw(FEEDS[platform]))
    text = resolved_event({"platform": platform, **ENVELOPE}, resolution, 3)
    event = ResolvedEvent.model_validate_json(text)
    documents = [
        one.model_dump(exclude_none=True, exclude={"line"}) | {"line": one.line}
        for one in event.participant_markets or ()
    ]
    expected: list[Any] = [dict(player_document(one)) for one in resolution.players]
    for one in expected:
        one["outcomes"] = [
            {name: value for name, value in price.items() if value is not None}
            for price in one["outcomes"]
        ]
    assert documents == expected


@pytest.mark.parametrize("platform", PLATFORMS)
@FEED_LAWS
@given(st.data())
def test_what_an_index_remembers_does_not_change_what_it_says_of_players(
    platform: Platform, data: st.DataObject
) -> None:
    feed = data.draw(FEEDS[platform])
    fresh = MappingIndex([goalscorer(), shots(), BOTH], 3)
    assert said(found(platform, feed, fresh)) == said(found(platform, feed))


@pytest.mark.parametrize("platform", PLATFORMS)
@FEED_LAWS
@given(st.data())
def test_no_label_of_another_row_gives_a_player_a_price(
    platform: Platform, data: st.DataObject
) -> None:
    """Every price on offer for a player is one that a row alone gives this player, too."""
    feed = data.draw(FEEDS[platform])
    together = prices(found(platform, feed))
    alone = set().union(*(prices(found(platform, [market])) for market in feed))
    assert {one for one in together if one[-1].endswith("true")} <= alone


def prices(resolution: Resolution) -> set[tuple[str, ...]]:
    return {
        (one.layout.canonical_id, one.layout.line or "", *one.layout.place[2], outcome, price)
        for one in resolution.players
        for outcome, price in zip(one.layout.outcomes, one.prices, strict=True)
    }


@LAWS
@given(st.text(max_size=120))
def test_a_key_is_the_key_of_itself_and_does_not_depend_on_case_or_on_the_order_of_words(
    name: str,
) -> None:
    key = participant_key(name)
    if key is None:
        return
    assert 0 < len(key) <= LONGEST_KEY
    assert participant_key(key) == key
    assert participant_key(" ".join(reversed(key.split(" ")))) == key
    assert participant_key(f"{key} (Lagos)") == key
    assert key == key.casefold() or participant_key(key.casefold()) == key
