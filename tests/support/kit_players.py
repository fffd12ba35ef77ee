"""Markets of players in resolved events, as readers of the client kit have them."""

from __future__ import annotations

from typing import Any

from clients.python.market_mapping_client.messages import ResolvedEvent
from tests.support.kit_events import event

SCORES = "anytime_goalscorer_ft"


def player(key: str, **known: str) -> dict[str, str]:
    """Whom a market is about; ``known`` are its feed_id, id and side."""
    return {"name": key.title(), "key": key, **known}


def players_market(
    who: dict[str, str],
    odds: float | None = 2.0,
    *,
    canonical_id: str = SCORES,
    outcome: str = "yes",
    line: str | None = None,
) -> dict[str, Any]:
    return {
        "canonical_id": canonical_id,
        "line": line,
        "participant": who,
        "external_market_id": "40",
        "outcomes": [{"outcome": outcome, "odds": odds, "active": odds is not None}],
    }


def event_of_players(platform: str, *markets: dict[str, Any], **more: Any) -> ResolvedEvent:
    return event(platform, [], participant_markets=list(markets), **more)
