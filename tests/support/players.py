"""Markets of players, in the two forms that bookmakers send, and what resolves of them."""

from __future__ import annotations

from typing import Any

from tests.support.markets import Json, betpawa, sportybet
from worker.domain.books.platforms import Platform
from worker.domain.mapping import Mapping, parse_mapping
from worker.domain.resolve import Resolution, player_document

PLAYER = {"kind": "player"}
HOME, AWAY = "CF Cruz Azul", "Pumas UNAM"


def further(platform: Platform, market_id: str, **fields: Any) -> Json:
    return {"platform": platform, "id": market_id, **fields}


def goalscorer(*also: Json, **fields: Any) -> Mapping:
    """SportyBet's 40 and BetPawa's 129108: who scores. "No Goal" is an outcome of SportyBet's."""
    ids = also or (
        further("sportybet", "40", free=["variant"], outcome_ids={"no_goal": ["1716"]}),
        further("betpawa", "129108"),
    )
    return parse_mapping(
        {
            "canonical_id": "anytime_goalscorer_ft",
            "name": "Anytime goalscorer",
            "participant": PLAYER,
            "also": list(ids),
            "outcome_mapping": [
                {"canonical_id": "yes", "sportybet_desc": "{player}", "betpawa_name": "{player}"},
                {"canonical_id": "no_goal", "sportybet_desc": "No Goal"},
            ],
        }
        | fields
    )


def shots(**fields: Any) -> Mapping:
    """SportyBet's 776: at least N shots, with N in the label."""
    line = {"kind": "at_least", "from": "label"}
    return parse_mapping(
        {
            "canonical_id": "player_shots_ft",
            "name": "Player shots",
            "participant": PLAYER,
            "also": [further("sportybet", "776", line=line, free=["variant"])],
            "outcome_mapping": [{"canonical_id": "over", "sportybet_desc": "{player} N+"}],
        }
        | fields
    )


def sold(
    market_id: str, *outcomes: tuple[str, str | None, str], specifier: str | None = None
) -> Json:
    """A SportyBet market: label, id and odds of each outcome."""
    return sportybet(
        market_id,
        specifier,
        outcomes=[
            {"desc": label, "odds": odds, "isActive": 1, "id": id_} for label, id_, odds in outcomes
        ],
    )


def priced(market_id: str, *prices: tuple[str, str | None, int | None, float]) -> Json:
    """A BetPawa market, a row for each player: name, typeId, team and odds."""
    return betpawa(
        market_id,
        *(
            {"handicap": None, "prices": [{"name": n, "typeId": i, "team": team, "price": odds}]}
            for n, i, team, odds in prices
        ),
    )


def players(found: Resolution) -> dict[tuple[str, str | None, str, str | None], Json]:
    """(canonical id, line, key, side) to the odds of each outcome."""
    said: dict[tuple[str, str | None, str, str | None], Json] = {}
    for one in map(player_document, found.players):
        who = one["participant"]
        place = one["canonical_id"], one["line"], who["key"], who.get("side")
        assert place not in said
        said[place] = {price["outcome"]: price["odds"] for price in one["outcomes"]}
    return said
