"""Examples of every message, as JSON values. They are exported with the schemas and are tests."""

from __future__ import annotations

from typing import Any, Final

EVENT: Final[dict[str, Any]] = {
    "id": "sr:match:68995116",
    "sportradar_id": "68995116",
    "home": "Wuhan Three Towns FC",
    "away": "Qingdao Hainiu FC",
    "starts_at": "2026-11-23T11:00:00Z",
    "sport": "football",
    "competition": "Chinese Super League",
    "live": False,
    "status": "scheduled",
}

PART: Final[dict[str, Any]] = {"number": 1, "of": 2}

_SPORTYBET: Final[dict[str, Any]] = {
    "schema_version": 1,
    "platform": "sportybet",
    "observed_at": "2026-11-22T12:00:00.120Z",
    "scrape_id": "2026-11-22T12:00Z",
    "event": EVENT,
    "markets": [
        {
            "id": "18",
            "product": 3,
            "desc": "Over/Under",
            "name": "Over/Under",
            "status": 0,
            "specifier": "total=2.5",
            "outcomes": [
                {"id": "12", "odds": "1.98", "isActive": 1, "desc": "Over 2.5"},
                {"id": "13", "odds": "1.83", "isActive": 1, "desc": "Under 2.5"},
            ],
        }
    ],
}

_BETPAWA: Final[dict[str, Any]] = {
    "schema_version": 1,
    "platform": "betpawa",
    "observed_at": "2026-11-22T12:00:01Z",
    "scrape_id": "2026-11-22T12:00Z",
    "event": {**EVENT, "id": "33289995"},
    "markets": [
        {
            "marketType": {
                "id": "5000",
                "name": "Total Score Over/Under - FT",
                "displayName": "Over/Under | Full Time",
                "handicapType": "NORMAL",
            },
            "row": [
                {
                    "id": "1",
                    "handicap": 10,
                    "formattedHandicap": None,
                    "prices": [
                        {
                            "name": "Over",
                            "typeId": "5001",
                            "price": 1.98,
                            "suspended": False,
                            "handicap": "2.5",
                        },
                        {
                            "name": "Under",
                            "typeId": "5002",
                            "price": 1.83,
                            "suspended": False,
                            "handicap": "2.5",
                        },
                    ],
                }
            ],
        }
    ],
}

_BET9JA: Final[dict[str, Any]] = {
    "schema_version": 1,
    "platform": "bet9ja",
    "observed_at": "2026-11-22T12:00:02+01:00",
    "scrape_id": "2026-11-22T12:00Z",
    "event": {**EVENT, "id": "769895636", "home": "Wuhan Three Towns"},
    "markets": {
        "S_1X2_1": "2.4",
        "S_1X2_X": "3.3",
        "S_1X2_2": "3",
        "S_OU@2.5_O": "1.95",
        "S_OU@2.5_U": "1.8",
    },
    "market_names": {"S_1X2": "1X2", "S_OU": "Over/Under"},
}

OBSERVATIONS: Final[dict[str, dict[str, Any]]] = {
    "sportybet": _SPORTYBET,
    "betpawa": _BETPAWA,
    "bet9ja": _BET9JA,
}

RESOLVED_EVENT: Final[dict[str, Any]] = {
    "schema_version": 1,
    "platform": "sportybet",
    "observed_at": "2026-11-22T12:00:00.120Z",
    "scrape_id": "2026-11-22T12:00Z",
    "event": EVENT,
    "mapping_version": 4711,
    "markets": [
        {
            "canonical_id": "over_under_ft",
            "line": "2.5",
            "external_market_id": "18",
            "outcomes": [
                {"outcome": "over", "odds": 1.98, "active": True},
                {"outcome": "under", "odds": 1.83, "active": True},
            ],
        },
        {
            "canonical_id": "1x2_ft",
            "line": None,
            "external_market_id": "1",
            "outcomes": [
                {"outcome": "home", "odds": 2.4, "active": False},
                {"outcome": "draw", "odds": None, "active": False},
                {"outcome": "away", "odds": None, "active": False},
            ],
        },
    ],
    "misses": [
        {
            "external_market_id": "800117",
            "market_name": "Player To Be Booked",
            "reason": "UNKNOWN_MARKET",
        },
        {
            "external_market_id": "45",
            "market_name": "Correct Score",
            "reason": "NO_MATCHING_OUTCOMES",
            "outcome": "5:5",
        },
    ],
    "rejected": [
        {
            "external_market_id": "18",
            "line": "3.5",
            "code": "INVALID_ODDS",
            "detail": "Over 3.5: odds '2,15'",
        }
    ],
    "omitted": {"misses": 1200, "rejected": 0},
}

_MAPPING: Final[dict[str, Any]] = {
    "id": 12,
    "canonical_id": "over_under_ft",
    "name": "Over/Under - Full Time",
    "betpawa_id": "5000",
    "sportybet_id": "18",
    "bet9ja_key": None,
    "outcome_mapping": [
        {
            "canonical_id": "over",
            "betpawa_name": "Over",
            "sportybet_desc": "Over",
            "bet9ja_suffix": "O",
            "position": 0,
        },
        {
            "canonical_id": "under",
            "betpawa_name": "Under",
            "sportybet_desc": "Under",
            "bet9ja_suffix": "U",
            "position": 1,
        },
    ],
    "line_rule": {"kind": "total"},
    "priority": 0,
    "is_active": True,
    "created_at": "2026-11-20T09:00:00Z",
    "updated_at": "2026-11-20T09:00:00Z",
    "created_by": "ada",
}

MAPPING_CHANGED: Final[dict[str, Any]] = {
    "schema_version": 1,
    "action": "UPDATE",
    "mapping_version": 4711,
    "canonical_id": "over_under_ft",
    "old": _MAPPING,
    "new": {**_MAPPING, "bet9ja_key": "S_OU", "updated_at": "2026-11-22T12:00:00Z"},
    "reason": "Bet9ja sells it too",
    "created_by": "ada",
    "created_at": "2026-11-22T12:00:00Z",
}

MAPPING_GRADED: Final[dict[str, Any]] = {
    "schema_version": 1,
    "canonical_id": "over_under_ft",
    "platform": "sportybet",
    "grade": "verified",
    "mapping_version": 4711,
    "graded_at": "2026-11-22T12:00:00Z",
}

UNMAPPED_MARKET: Final[dict[str, Any]] = {
    "schema_version": 1,
    "source": "sportybet",
    "external_market_id": "800117",
    "market_name": "Player To Be Booked",
    "reason": "UNKNOWN_MARKET",
    "sample_outcomes": [{"label": "Yes", "odds": 4.5}, {"label": "No", "odds": None}],
    "first_seen_at": "2026-11-22T12:00:00.120Z",
    "mapping_version": 4711,
}

DEAD_LETTER_HEADERS: Final[dict[str, Any]] = {
    "marketmap-id": "Wq3nVJ0iSkKZp2bK1yF0Bg/3/1042",
    "marketmap.dead.reason": "INVALID_FIELD",
    "marketmap.dead.detail": 'observed_at = "2026-11-22T12:00:00": timestamp has no UTC offset',
    "marketmap.dead.topic": "observations.sportybet",
    "marketmap.dead.partition": "3",
    "marketmap.dead.offset": "1042",
    "marketmap.dead.timestamp": "1795348800120",
    "marketmap.dead.exception": "ValidationError",
    "marketmap.dead.group": "market-mapping-worker",
    "marketmap.dead.scrape_id": "2026-11-22T12:00Z",
    "marketmap.dead.event_id": "sr:match:68995116",
}

REDRIVEN_HEADERS: Final[dict[str, Any]] = {
    "marketmap-id": "Wq3nVJ0iSkKZp2bK1yF0Bg/3/1042",
    "marketmap.redriven": "1",
    "marketmap.redriven.by": "ada",
    "marketmap.redriven.reason": "the scraper's clock was mended",
}

DEAD_LETTER_BODY: Final = (
    '{"platform": "sportybet", "observed_at": "2026-11-22T12:00:00",'
    ' "event": {"id": "1"}, "markets": []}'
)
