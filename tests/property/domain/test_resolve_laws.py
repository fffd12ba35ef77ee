import random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ResolvedEvent
from tests.support.hostile.feeds import JSON, TEAMS, markets
from tests.support.laws import FEED_LAWS
from tests.support.markets import CATALOGUE, FOOTBALL, documents, said
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.index import MappingIndex
from worker.domain.resolve import Observation, resolve
from worker.ingest.planning.encode import MOST_ENTRIES, resolved_event

ENVELOPE = {"platform": "sportybet", "observed_at": "2026-11-22T12:00:00Z", "event": {"id": "1"}}


def shuffled(platform: Platform, given_markets: Any, seed: int) -> Any:
    """The same markets, their outcomes, rows and keys in another order."""
    order = random.Random(seed)
    if isinstance(given_markets, dict):
        keys = list(given_markets)
        order.shuffle(keys)
        return {key: given_markets[key] for key in keys}
    inner = "outcomes" if platform == "sportybet" else "row"
    mixed = [_mixed(market, inner, order) for market in given_markets]
    order.shuffle(mixed)
    return mixed


def _mixed(entry: Any, inner: str, order: random.Random) -> Any:
    if not isinstance(entry, dict) or not isinstance(entry.get(inner), list):
        return entry
    rows = [_mixed(row, "prices", order) for row in entry[inner]]
    order.shuffle(rows)
    return entry | {inner: rows}


@pytest.mark.parametrize("platform", PLATFORMS)
@FEED_LAWS
@given(st.data())
def test_resolve_never_raises_and_never_answers_twice_for_one_market_and_line(
    platform: Platform, data: st.DataObject
) -> None:
    feed = data.draw(markets(platform) | JSON)
    found = resolve(Observation(platform, feed, data.draw(TEAMS), data.draw(TEAMS)), FOOTBALL)
    resolved = documents(found)
    places = [(market["canonical_id"], market["line"]) for market in resolved]
    assert len(places) == len(set(places))
    for market in resolved:
        outcomes = [price["outcome"] for price in market["outcomes"]]
        assert len(outcomes) == len(set(outcomes)) > 0
        assert all(price["odds"] is not None for price in market["outcomes"] if price["active"])


@pytest.mark.parametrize("platform", PLATFORMS)
@FEED_LAWS
@given(st.data())
def test_whatever_was_sent_what_is_published_keeps_to_its_schema(
    platform: Platform, data: st.DataObject
) -> None:
    found = resolve(Observation(platform, data.draw(markets(platform))), FOOTBALL)
    ResolvedEvent.model_validate_json(resolved_event(ENVELOPE, found, FOOTBALL.version))


@pytest.mark.parametrize("platform", PLATFORMS)
@FEED_LAWS
@given(st.data())
def test_the_text_that_is_published_is_the_json_of_what_was_resolved(
    platform: Platform, data: st.DataObject
) -> None:
    found = resolve(Observation(platform, data.draw(markets(platform))), FOOTBALL)
    written = orjson.loads(resolved_event(ENVELOPE, found, FOOTBALL.version))
    assert written["markets"] == documents(found)
    assert written["misses"] == said(found).misses[:MOST_ENTRIES]
    assert orjson.dumps(documents(found)) in resolved_event(ENVELOPE, found, FOOTBALL.version)


@pytest.mark.parametrize("platform", PLATFORMS)
@FEED_LAWS
@given(st.data(), st.integers(0, 2**32))
def test_the_order_of_the_feed_does_not_change_the_result(
    platform: Platform, data: st.DataObject, seed: int
) -> None:
    feed = data.draw(markets(platform))
    home, away = data.draw(TEAMS), data.draw(TEAMS)
    one = resolve(Observation(platform, feed, home, away), FOOTBALL)
    other = resolve(Observation(platform, shuffled(platform, feed, seed), home, away), FOOTBALL)
    assert said(one) == said(other)


@pytest.mark.parametrize("platform", PLATFORMS)
@FEED_LAWS
@given(st.data())
def test_what_an_index_remembers_does_not_change_what_it_answers(
    platform: Platform, data: st.DataObject
) -> None:
    feed = data.draw(markets(platform))
    observed = Observation(platform, feed, data.draw(TEAMS), data.draw(TEAMS))
    fresh = MappingIndex(CATALOGUE, version=FOOTBALL.version)
    assert said(resolve(observed, fresh)) == said(resolve(observed, FOOTBALL))


@pytest.mark.parametrize("platform", PLATFORMS)
@FEED_LAWS
@given(st.data())
def test_every_market_is_missed_once_at_most(platform: Platform, data: st.DataObject) -> None:
    found = resolve(Observation(platform, data.draw(markets(platform))), FOOTBALL)
    ids = [missed.external_market_id for missed in found.missed]
    assert len(ids) == len(set(ids))
    assert set(ids) == {entry.external_market_id for entry in found.misses}


@pytest.mark.parametrize("platform", PLATFORMS)
@FEED_LAWS
@given(st.data())
def test_a_market_resolves_the_same_alone_as_in_company(
    platform: Platform, data: st.DataObject
) -> None:
    feed = data.draw(markets(platform).filter(bool))
    if not isinstance(feed, list):
        return
    together = resolve(Observation(platform, feed), FOOTBALL)
    alone = [resolve(Observation(platform, [entry]), FOOTBALL) for entry in feed]
    outcomes = {
        (market["canonical_id"], market["line"], price["outcome"])
        for market in documents(together)
        for price in market["outcomes"]
    }
    assert outcomes <= {
        (market["canonical_id"], market["line"], price["outcome"])
        for one in alone
        for market in documents(one)
        for price in market["outcomes"]
    }
