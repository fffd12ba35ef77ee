"""Markets of players on real events: who is who, and prices as the independent witness."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median

import orjson
import pytest

from clients.python.market_mapping_client.board import Board
from clients.python.market_mapping_client.messages import (
    Participant,
    ParticipantMarket,
    ResolvedEvent,
)
from clients.python.market_mapping_client.players import joined_players
from schemas.raw_reply import observation_from_reply
from tests.support.markets import CATALOGUE
from tests.support.payloads import MISSING, PAYLOADS
from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping, claims_of
from worker.domain.resolve import Observation, Resolution, resolve
from worker.domain.scope import event_scope
from worker.ingest.planning.encode import resolved_event

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
FILES = [
    "cruz_pumas.sportybet",
    "live_tokyo_chiba.betpawa",
    "wuhan_qingdao.betpawa",
    "wuhan_qingdao.sportybet",
]
PLAYERS = [mapping for mapping in CATALOGUE if mapping.participant is not None]
OTHERS = [mapping for mapping in CATALOGUE if mapping.participant is None]
# The worst case for labels: also the ids that ship switched off.
SWITCHED_ON: list[Mapping] = [
    replace(mapping, also=tuple(replace(one, active=True) for one in mapping.also))
    for mapping in PLAYERS
]
INDEX = MappingIndex([*OTHERS, *SWITCHED_ON], 1)
SOLD = {(claim.platform, claim.market_id) for one in SWITCHED_ON for claim in claims_of(one)}

pytestmark = pytest.mark.skipif(not PAYLOADS.is_dir(), reason=MISSING)


def resolved(name: str) -> tuple[Platform, Resolution, ResolvedEvent]:
    reply = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    seen = observation_from_reply(reply, NOW)
    scope = event_scope(seen.event.sport, live=seen.event.live)
    teams = seen.event.home, seen.event.away
    found = resolve(Observation(seen.platform, seen.markets, *teams, None, scope), INDEX)
    envelope = orjson.loads(
        seen.model_dump_json(exclude={"markets", "market_names", "schema_version"})
    )
    text = resolved_event(envelope, found, 1)
    return seen.platform, found, ResolvedEvent.model_validate_json(text)


def markets(event: ResolvedEvent) -> list[ParticipantMarket]:
    return event.participant_markets or []


@pytest.mark.parametrize("name", FILES)
def test_every_player_of_every_mapped_market_is_read(name: str) -> None:
    platform, found, event = resolved(name)
    assert markets(event)
    missed = {(platform, miss.external_market_id.partition("?")[0]) for miss in found.misses}
    assert not missed & SOLD
    assert [entry for entry in found.rejected if (platform, entry[0]) in SOLD] == []
    assert all(market.complete is None for market in markets(event))


@pytest.mark.parametrize("name", FILES)
def test_one_player_has_one_side_in_all_markets_of_a_bookmaker(name: str) -> None:
    sides: defaultdict[str | None, set[str | None]] = defaultdict(set)
    for market in markets(resolved(name)[2]):
        who = market.participant
        sides[who.feed_id or who.id].add(who.side)
    assert all(len(of_one) == 1 for of_one in sides.values())
    is_live = name.startswith("live")  # then BetPawa says no teams
    assert ({None} in sides.values()) is is_live


def test_a_number_of_the_feed_is_one_player_however_the_name_is_written() -> None:
    """SportyBet's sources write "Antuna, Uriel (Pumas UNAM)" and "Uriel Antuna (Pumas)" for one number."""
    keys: defaultdict[str | None, set[str]] = defaultdict(set)
    for market in markets(resolved("cruz_pumas.sportybet")[2]):
        keys[market.participant.feed_id].add(market.participant.key)
    words = [[set(key.split()) for key in of_one] for of_one in keys.values()]
    assert len(words) == 67
    # Karol Jaziel Velazquez Mendoza is called by two halves of his name.
    assert sum(not set.intersection(*of_one) for of_one in words) == 1
    assert sum(len(of_one) == 1 for of_one in words) == 41


def test_a_higher_rung_is_never_the_better_bet() -> None:
    rungs: defaultdict[tuple[str, str | None], list[tuple[float, float]]] = defaultdict(list)
    for market in markets(resolved("cruz_pumas.sportybet")[2]):
        (price,) = market.outcomes
        if market.line is not None and price.active and price.odds is not None:
            place = market.canonical_id, market.participant.feed_id
            rungs[place].append((float(market.line), price.odds))
    ladders = [sorted(ladder) for ladder in rungs.values() if len(ladder) > 1]
    assert len(ladders) > 300
    for ladder in ladders:
        odds = [price for _, price in ladder]
        assert odds == sorted(odds)


def test_who_scores_first_scores() -> None:
    odds: defaultdict[str | None, dict[str, float]] = defaultdict(dict)
    for market in markets(resolved("cruz_pumas.sportybet")[2]):
        (price,) = market.outcomes
        if price.active and price.odds is not None and market.line is None:
            odds[market.participant.feed_id][market.canonical_id] = price.odds
    both = [of_one for of_one in odds.values() if "first_goalscorer_ft" in of_one]
    assert len(both) > 40
    assert all(one["anytime_goalscorer_ft"] <= one["first_goalscorer_ft"] for one in both)


def pairs() -> Iterator[tuple[Participant, Participant]]:
    _, _, ours = resolved("wuhan_qingdao.betpawa")
    _, _, theirs = resolved("wuhan_qingdao.sportybet")
    for pair in joined_players(ours, theirs):
        yield pair.one, pair.other


def test_all_goalscorers_of_betpawa_meet_one_of_sportybet() -> None:
    met = list(pairs())
    sold = {market.participant.id for market in markets(resolved("wuhan_qingdao.betpawa")[2])}
    assert len(met) == len(sold) == 49
    assert {one.id for one, _ in met} == sold
    assert len({other.feed_id for _, other in met}) == 49
    assert all(one.side == other.side for one, other in met)


def test_players_that_meet_have_nearly_the_same_price() -> None:
    odds: dict[tuple[str, str | None], float] = {}
    for name in ("wuhan_qingdao.betpawa", "wuhan_qingdao.sportybet"):
        for market in markets(resolved(name)[2]):
            if market.canonical_id == "anytime_goalscorer_ft":
                (price,) = market.outcomes
                who = market.participant
                odds[name, who.id or who.feed_id] = price.odds or math.nan
    apart = [
        abs(
            logit(odds["wuhan_qingdao.betpawa", one.id])
            - logit(odds["wuhan_qingdao.sportybet", other.feed_id])
        )
        for one, other in pairs()
    ]
    assert median(apart) < 0.02
    assert max(apart) < 0.1


def logit(odds: float) -> float:
    return -math.log(odds - 1)


def test_a_board_puts_the_goalscorers_of_both_bookmakers_side_by_side() -> None:
    board = Board()
    _, _, ours = resolved("wuhan_qingdao.betpawa")
    _, _, theirs = resolved("wuhan_qingdao.sportybet")
    board.take(ours)
    found = board.compare(board.take(theirs))
    joined = [row for row in found.players if len(row.participants) == 2]
    scorers = [row for row in joined if row.canonical_id == "anytime_goalscorer_ft"]
    expected = {(one.id, other.feed_id) for one, other in pairs()}
    assert {
        (row.participants["betpawa"].id, row.participants["sportybet"].feed_id) for row in joined
    } == expected
    assert len(scorers) == 49
    for row in scorers:
        prices = [logit(odds) for odds in row.prices["yes"].values()]
        assert max(prices) - min(prices) < 0.1


def test_every_price_of_a_player_is_in_one_row_or_left_out() -> None:
    board = Board()
    events = [resolved(f"wuhan_qingdao.{name}")[2] for name in ("betpawa", "sportybet")]
    for each in events:
        match = board.take(each)
    found = board.compare(match)
    shown = sum(len(prices) for row in found.players for prices in row.prices.values())
    left_out = sum(one.participant is not None for one in found.left_out)
    sold = sum(len(market.outcomes) for each in events for market in markets(each))
    assert (shown + left_out, shown > 0) == (sold, True)
