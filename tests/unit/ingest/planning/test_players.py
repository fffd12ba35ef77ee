"""What is published of players, and what a sender who makes up players can use up."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas import ResolvedEvent
from tests.support.markets import CATALOGUE, Json, observation, sportybet
from tests.support.players import AWAY, HOME, goalscorer, shots, sold
from tests.support.records import FakeRecord, partition_of
from worker.domain import participants
from worker.domain.index import MappingIndex
from worker.domain.markets import PlayerMarket
from worker.domain.misses import MOST_SAMPLES, sample
from worker.ingest.planning import recall as recalling
from worker.ingest.planning.encode import MOST_ENTRIES, Encoder
from worker.ingest.planning.plan import MarketCount, Planned, Planner
from worker.ingest.planning.recall import IS_COMPILED, RecallingPlanner
from worker.kafka.record import Outgoing

MAPPINGS = {one.canonical_id: one for one in [*CATALOGUE, goalscorer(), shots()]}
RESULT = sportybet("1", prices={"Home": "2.1", "Draw": "3.2", "Away": "3.6"})
SCORERS = sold(
    "40", ("Antuna, Uriel (Pumas UNAM)", "sr:player:1", "7.2"), ("No Goal", "1716", "0.00")
)
PLANNERS: list[type[Planner[Any]]] = [Planner, *([RecallingPlanner] if IS_COMPILED else [])]
Plans = list[Planned[Outgoing]]


def plan(kind: type[Planner[Any]], *values: bytes, max_bytes: int = 10_000_000) -> Plans:
    encoder = Encoder(
        resolved_topic="resolved",
        dead_topic="dead",
        group="g",
        max_bytes=max_bytes,
        max_dead_bytes=9,
    )
    records = [FakeRecord(value=value, offset=offset) for offset, value in enumerate(values)]
    planner = kind(encoder, max_message_bytes=10_000_000)
    placed = [(record, partition_of(record)) for record in records]
    return list(planner.plan_all(placed, MappingIndex(MAPPINGS.values())))


def seen(*markets: Json) -> bytes:
    return observation("sportybet", list(markets), home=HOME, away=AWAY)


def published(planned: Planned[Outgoing]) -> Json:
    document: Json = orjson.loads(planned.output.value or b"")
    return document


@pytest.mark.parametrize("kind", PLANNERS)
def test_players_are_published_in_a_list_of_their_own(kind: type[Planner[Any]]) -> None:
    for planned in plan(kind, *[seen(RESULT, SCORERS)] * 3):
        event = ResolvedEvent.model_validate_json(planned.output.value or b"")
        assert [market.canonical_id for market in event.markets] == [
            "1x2_ft",
            "anytime_goalscorer_ft",
        ]
        assert event.participant_markets is not None
        (market,) = event.participant_markets
        assert market.participant.model_dump() == {
            "feed_id": "1",
            "id": None,
            "name": "Antuna, Uriel (Pumas UNAM)",
            "side": "away",
            "key": "antuna uriel",
        }
        assert market.outcomes[0].odds == 7.2
        assert planned.outcomes[MarketCount("sportybet", "resolved")] == 3


def test_without_players_there_is_no_list() -> None:
    (planned,) = plan(Planner, seen(RESULT))
    assert "participant_markets" not in published(planned)


def invented(count: int) -> Json:
    return sold(
        "40",
        *((f"K{chr(97 + n % 26)}n {'x' * (n % 50)}", f"sr:player:{n}", "2") for n in range(count)),
    )


@pytest.mark.parametrize("kind", PLANNERS)
def test_players_that_do_not_fit_cost_no_other_market(kind: type[Planner[Any]]) -> None:
    for planned in plan(kind, *[seen(RESULT, invented(500))] * 2, max_bytes=20_000):
        event = published(planned)
        assert [market["canonical_id"] for market in event["markets"]] == ["1x2_ft"]
        assert "participant_markets" not in event
        assert event["omitted"] == {"misses": 0, "rejected": 0, "participant_markets": 500}
        ResolvedEvent.model_validate_json(planned.output.value or b"")


def test_what_is_remembered_of_invented_players_is_bounded() -> None:
    index = MappingIndex(MAPPINGS.values())
    claimed = index.claimed("sportybet")["776"]
    for number in range(2000):
        claimed[f"variant=pre:playerprops:1:{number}"]
    assert len(claimed) <= 256
    market = index.claimed("sportybet")["40"][None]
    assert isinstance(market, PlayerMarket)
    plan(Planner, seen(invented(5000)))
    assert len(market.market.known) <= 512
    assert participants._read_name.cache_info().maxsize is not None
    assert participants.read_name("x y" * 1000) is None


@pytest.mark.skipif(not IS_COMPILED, reason="the compiled part is not installed")
def test_players_of_an_event_are_recalled_when_it_comes_again_with_other_prices() -> None:
    dearer = sold(
        "40", ("No Goal", "1716", "9"), ("Antuna, Uriel (Pumas UNAM)", "sr:player:1", "8.5")
    )
    rung = sold(
        "776",
        ("Antuna, Uriel 1+", "pre:playerprops:7:1:1", "1.4"),
        specifier="variant=pre:playerprops:7:1",
    )
    planned = plan(
        RecallingPlanner, seen(RESULT, SCORERS), seen(dearer, RESULT), seen(SCORERS, rung)
    )
    # One canonical market, whoever its players are: what is new is counted with what is recalled.
    assert [each.recalled for each in planned] == [0, 3, 2]
    assert [each.outcomes[MarketCount("sportybet", "resolved")] for each in planned] == [3, 3, 3]
    (market,) = published(planned[1])["participant_markets"]
    assert market["outcomes"] == [{"outcome": "yes", "odds": 8.5, "active": True}]
    names = [
        market["participant"]["name"] for market in published(planned[2])["participant_markets"]
    ]
    assert names == ["Antuna, Uriel (Pumas UNAM)", "Antuna, Uriel"]


@pytest.mark.skipif(not IS_COMPILED, reason="the compiled part is not installed")
def test_a_player_of_other_teams_is_not_recalled() -> None:
    other = observation("sportybet", [SCORERS], home="Pumas UNAM", away="CF Cruz Azul")
    known, planned = plan(RecallingPlanner, seen(SCORERS), other)
    sides = [
        published(each)["participant_markets"][0]["participant"]["side"]
        for each in (known, planned)
    ]
    assert sides == ["away", "home"]
    assert planned.recalled == 0


@pytest.mark.skipif(not IS_COMPILED, reason="the compiled part is not installed")
def test_what_is_recalled_of_invented_players_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    most_bytes = 200_000
    limits = recalling._LIMITS | {"most_bytes_of_players": most_bytes}
    monkeypatch.setattr(recalling, "_LIMITS", limits)
    encoder = Encoder(
        resolved_topic="r", dead_topic="d", group="g", max_bytes=10_000_000, max_dead_bytes=9
    )
    planner = RecallingPlanner(encoder, max_message_bytes=10_000_000)
    index = MappingIndex(MAPPINGS.values())
    memory, most = None, 0
    for number in range(300):
        value = observation("sportybet", [invented(20)], home=f"Home {number}", away=AWAY)
        record = FakeRecord(value=value, offset=number)
        list(planner.plan_all([(record, partition_of(record))], index))
        memory = planner._memory
        assert memory is not None
        taken = memory._recall.bytes_of_players
        most = max(most, taken)
        assert taken <= most_bytes
    assert most > most_bytes / 2
    # A row that would fill the memory is not kept: others would be forgotten for it.
    (record,) = [FakeRecord(value=seen(invented(2000)))]
    list(planner.plan_all([(record, partition_of(record))], index))
    assert memory is not None
    assert memory._recall.bytes_of_players == taken


def test_what_is_missed_of_invented_players_is_one_market_with_a_bounded_sample() -> None:
    row = sold("40", *((f"Player {n}", f"sr:player:{n}", "2") for n in range(3000)))
    (planned,) = plan(Planner, seen(row, SCORERS))
    (sighting,) = planned.sightings
    (missed,) = sighting.missed
    assert missed.external_market_id == "40"
    assert len(sample(missed.rows)) <= MOST_SAMPLES
    assert len(published(planned)["misses"]) == MOST_ENTRIES
