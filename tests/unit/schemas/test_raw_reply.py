"""What bookmakers answer, and the observation that is made of it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.raw_reply import (
    UnknownReplyError,
    observation_from_bet9ja,
    observation_from_betpawa,
    observation_from_reply,
    observation_from_sportybet,
    platform_of,
)

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
KICK_OFF = datetime(2026, 5, 6, 11, tzinfo=UTC)
SPORTYBET: dict[str, Any] = {
    "bizCode": 10000,
    "data": {
        "eventId": "sr:match:68995116",
        "homeTeamName": "Wuhan",
        "awayTeamName": "Qingdao",
        "estimateStartTime": 1778065200000,
        "status": 0,
        "sport": {
            "name": "Football",
            "category": {"name": "China", "tournament": {"name": "Super League"}},
        },
        "markets": [{"id": "1"}],
    },
}
BETPAWA: dict[str, Any] = {
    "id": "33289995",
    "startTime": "2026-05-06T11:00:00Z",
    "widgets": [
        {"id": "68995116", "type": "SPORTRADAR", "retention": "PREMATCH"},
        {"id": "13571147", "type": "GENIUSSPORTS"},
    ],
    "participants": [{"name": "Qingdao", "position": 2}, {"name": "Wuhan", "position": 1}],
    "category": {"id": "2", "name": "Football"},
    "competition": {"name": "Super League"},
    "additionalInfo": {"live": False},
    "markets": [{"marketType": {"id": "3743"}, "row": []}],
}
BET9JA: dict[str, Any] = {
    "R": "OK",
    "D": {
        "ID": 769895636,
        "EXTID": "68995116",
        "DS": "Wuhan - Qingdao",
        "STARTDATE": "2026-05-06 11:00:00",
        "S": "Soccer",
        "GN": "Super League",
        "O": {"S_1X2_1": "2.4"},
        "MK": [{"ID": "S_1X2", "DS": "1X2"}],
    },
}
REPLIES = {"sportybet": SPORTYBET, "betpawa": BETPAWA, "bet9ja": BET9JA}


@pytest.mark.parametrize("platform", REPLIES)
def test_the_envelope_is_read_alike_from_every_bookmaker(platform: str) -> None:
    observation = observation_from_reply(REPLIES[platform], NOW, scrape_id="s1")
    event = observation.event
    assert (observation.platform, observation.observed_at, observation.scrape_id) == (
        platform,
        NOW,
        "s1",
    )
    assert (event.sportradar_id, event.home, event.away) == ("68995116", "Wuhan", "Qingdao")
    assert (event.starts_at, event.sport, event.competition, event.live) == (
        KICK_OFF,
        "football",
        "Super League",
        False,
    )


def test_the_bookmaker_s_own_ids_are_kept() -> None:
    ids = {name: observation_from_reply(reply, NOW).event.id for name, reply in REPLIES.items()}
    assert ids == {
        "sportybet": "sr:match:68995116",
        "betpawa": "33289995",
        "bet9ja": "769895636",
    }


def test_markets_are_passed_on_as_they_came() -> None:
    assert observation_from_sportybet(SPORTYBET, NOW).markets == SPORTYBET["data"]["markets"]
    assert observation_from_betpawa(BETPAWA, NOW).markets == BETPAWA["markets"]
    bet9ja = observation_from_bet9ja(BET9JA, NOW)
    assert (bet9ja.markets, bet9ja.market_names) == (BET9JA["D"]["O"], {"S_1X2": "1X2"})


def test_a_zone_overrides_that_bet9ja_s_times_are_utc() -> None:
    lagos = observation_from_bet9ja(BET9JA, NOW, zone=ZoneInfo("Africa/Lagos")).event.starts_at
    assert lagos == KICK_OFF - timedelta(hours=1)
    east = observation_from_reply(BET9JA, NOW, zone=timezone(timedelta(hours=3))).event.starts_at
    assert east == KICK_OFF - timedelta(hours=3)


def test_a_live_bet9ja_reply_names_neither_teams_nor_start() -> None:
    live = {"R": "OK", "D": {"A": {"ID": 9261155, "EXTID": "67645534", "T2": "91'"}, "O": {}}}
    event = observation_from_bet9ja(live, NOW).event
    assert (event.id, event.sportradar_id, event.live) == ("9261155", "67645534", True)
    assert (event.home, event.away, event.starts_at) == (None, None, None)


def test_a_dash_inside_a_team_s_name_leaves_both_teams_out() -> None:
    reply = {"R": "OK", "D": BET9JA["D"] | {"DS": "Al-Ahly - Cairo - Zamalek"}}
    event = observation_from_bet9ja(reply, NOW).event
    assert (event.home, event.away) == (None, None)


def test_two_sportradar_numbers_that_differ_are_none() -> None:
    widgets = [{"id": "1", "type": "SPORTRADAR"}, {"id": "2", "type": "SPORTRADAR"}]
    event = observation_from_betpawa(BETPAWA | {"widgets": widgets}, NOW).event
    assert event.sportradar_id is None


@pytest.mark.parametrize("code", [1, 2])
def test_a_sportybet_event_that_has_started_is_live(code: int) -> None:
    reply = SPORTYBET | {"data": SPORTYBET["data"] | {"status": code}}
    assert observation_from_sportybet(reply, NOW).event.live is True


@pytest.mark.parametrize(
    ("name", "field"),
    [("estimateStartTime", "starts_at"), ("status", "live"), ("sport", "sport")],
)
@pytest.mark.parametrize("value", [None, "", "x", [], True, 10**30])
def test_what_cannot_be_read_of_the_envelope_is_left_out(
    name: str, field: str, value: object
) -> None:
    reply = SPORTYBET | {"data": SPORTYBET["data"] | {name: value}}
    found = getattr(observation_from_sportybet(reply, NOW).event, field)
    assert found is None or ((field == "live" and found is (value is True)) or found is False)


@pytest.mark.parametrize(
    ("reply", "platform", "words"),
    [
        ({"bizCode": 19000, "message": "not found"}, "sportybet", ["bizCode 10000", "19000"]),
        ({"bizCode": 10000, "data": None}, "sportybet", ["data of", "nothing"]),
        ({"R": "E", "D": False}, "bet9ja", ["object D", '"E"', "false"]),
        ({"R": "OK", "D": {"ID": 1}}, "bet9ja", ["D.O", "nothing"]),
        ({"id": "1", "markets": {}}, "betpawa", ["markets of", "an empty object"]),
        ({"markets": []}, "betpawa", ["id of", "nothing"]),
        ([1, 2], "betpawa", ["an object", "an array of 2 entries"]),
        ({"error": "x"}, None, ["no bookmaker's reply", "an object with error"]),
        ("{}", None, ['"{}"']),
    ],
)
def test_an_unknown_reply_is_refused_with_what_was_looked_for_and_found(
    reply: object, platform: Any, words: list[str]
) -> None:
    with pytest.raises(UnknownReplyError) as refused:
        observation_from_reply(reply, NOW, platform=platform)
    assert [word for word in words if word not in str(refused.value)] == []


@pytest.mark.parametrize(
    ("reply", "observed_at", "more", "words"),
    [
        (SPORTYBET, NOW.replace(tzinfo=None), {}, "refused: observed_at = .*has no UTC offset"),
        (BET9JA, NOW, {"scrape_id": "x" * 101}, "refused: scrape_id = .*at most 100 characters"),
        (BETPAWA | {"id": "x" * 101}, NOW, {}, "refused: event.id = .*at most 100 characters"),
        (BET9JA, NOW, {"zone": "Africa/Lagos"}, r'zone: .*ZoneInfo.*found "Africa/Lagos"'),
        (BETPAWA, NOW, {"platform": "betway"}, 'platform: .*sportybet, betpawa.*found "betway"'),
    ],
)
def test_what_is_passed_with_a_reply_and_is_wrong_is_one_sentence(
    reply: object, observed_at: Any, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(UnknownReplyError, match=words) as refused:
        observation_from_reply(reply, observed_at, **more)
    assert len(str(refused.value).splitlines()) == 1


def test_a_refusal_is_short_whatever_was_found() -> None:
    with pytest.raises(UnknownReplyError) as refused:
        observation_from_reply({"k" * 100_000: 1}, NOW)
    assert len(str(refused.value)) < 300


def test_an_observation_is_no_reply() -> None:
    observation = observation_from_reply(BETPAWA, NOW).model_dump(mode="json")
    assert platform_of(observation) is None


@pytest.mark.parametrize("platform", [None, "sportybet", "betpawa", "bet9ja"])
def test_of_what_is_an_observation_already_no_other_is_made(platform: Any) -> None:
    observation = observation_from_reply(BETPAWA, NOW).model_dump(mode="json")
    with pytest.raises(UnknownReplyError, match="an observation already: publish it as it is"):
        observation_from_reply(observation, NOW, platform=platform)


@pytest.mark.parametrize("make", [observation_from_sportybet, observation_from_betpawa])
def test_no_bookmaker_s_own_function_takes_an_observation(make: Any) -> None:
    observation = observation_from_reply(BETPAWA, NOW).model_dump(mode="json")
    with pytest.raises(UnknownReplyError, match="an observation already"):
        make(observation, NOW)


@pytest.mark.parametrize(
    ("part", "words"), [(SPORTYBET["data"], "data of SportyBet"), (BET9JA["D"], "D of Bet9ja")]
)
def test_a_part_of_a_reply_is_named(part: object, words: str) -> None:
    with pytest.raises(UnknownReplyError, match=words):
        observation_from_reply(part, NOW)
