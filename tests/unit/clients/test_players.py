"""The players of two bookmakers are joined only where that is unique on both sides."""

from __future__ import annotations

from typing import Any

import pytest

from clients.python.market_mapping_client.messages import ResolvedEvent
from clients.python.market_mapping_client.players import joined_players


def event(platform: str, *participants: dict[str, Any], number: str | None = "7") -> ResolvedEvent:
    markets = [
        {
            "canonical_id": "anytime_goalscorer_ft",
            "line": None,
            "participant": {"name": who["key"], **who},
            "external_market_id": "40",
            "outcomes": [{"outcome": "yes", "odds": 2.0, "active": True}],
        }
        for who in participants
    ]
    return ResolvedEvent.model_validate_json(
        ResolvedEvent(
            schema_version=1,
            platform=platform,
            observed_at="2026-11-22T12:00:00Z",
            event={"id": platform, "sportradar_id": number},
            mapping_version=1,
            markets=[],
            misses=[],
            rejected=[],
            participant_markets=markets,
        ).model_dump_json()
    )


def keys(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[tuple[str, str]]:
    pairs = joined_players(event("betpawa", *ours), event("sportybet", *theirs))
    return [(pair.one.key, pair.other.key) for pair in pairs]


WANG = {"id": "1", "key": "jiao wang"}


def test_players_meet_by_key_and_side() -> None:
    theirs = [
        {"feed_id": "5", "key": "jiao wang", "side": "home"},
        {"feed_id": "6", "key": "adriano"},
    ]
    assert keys([WANG | {"side": "home"}, {"id": "2", "key": "long wei"}], theirs) == [
        ("jiao wang", "jiao wang")
    ]


def test_an_unknown_side_contradicts_none() -> None:
    assert keys([WANG], [{"feed_id": "5", "key": "jiao wang", "side": "home"}])
    assert not keys(
        [WANG | {"side": "away"}], [{"feed_id": "5", "key": "jiao wang", "side": "home"}]
    )


def test_what_is_not_unique_on_either_side_stays_alone() -> None:
    two = [{"feed_id": "5", "key": "jiao wang"}, {"feed_id": "6", "key": "jiao wang"}]
    assert keys([WANG], two) == []
    assert keys([WANG, {"id": "2", "key": "jiao wang"}], two[:1]) == []


def test_of_two_players_of_one_name_the_side_tells_which() -> None:
    ours = [WANG | {"side": "home"}, {"id": "2", "key": "jiao wang", "side": "away"}]
    theirs = [
        {"feed_id": "5", "key": "jiao wang", "side": "away"},
        {"feed_id": "6", "key": "jiao wang", "side": "home"},
    ]
    assert len(keys(ours, theirs)) == 2


def test_the_number_of_the_feed_decides_alone() -> None:
    ours = [{"feed_id": "5", "key": "jiao wang"}]
    assert keys(ours, [{"feed_id": "5", "key": "wang"}]) == [("jiao wang", "wang")]
    assert keys(ours, [{"feed_id": "6", "key": "jiao wang"}]) == []


def test_a_player_whose_name_a_bookmaker_writes_in_two_ways_is_one() -> None:
    theirs = [
        {"feed_id": "5", "key": "ibanez nicolas"},
        {"feed_id": "5", "key": "alejandro ibanez nicolas"},
    ]
    assert keys([{"id": "1", "key": "alejandro ibanez nicolas"}], theirs)


def test_a_player_of_two_sides_is_left_out() -> None:
    theirs = [
        {"feed_id": "5", "key": "jiao wang", "side": "home"},
        {"feed_id": "5", "key": "jiao wang", "side": "away"},
    ]
    assert keys([WANG], theirs) == []


@pytest.mark.parametrize(
    ("platform", "number"), [("betpawa", "7"), ("sportybet", "8"), ("sportybet", None)]
)
def test_events_of_two_matches_or_one_bookmaker_are_not_joined(
    platform: str, number: str | None
) -> None:
    with pytest.raises(ValueError, match="one match at two bookmakers"):
        joined_players(event("betpawa", number=number and "7"), event(platform, number=number))
