"""Markets in the three platforms' own forms, and what one of them resolves to.

What is built here has the keys that the resolver reads and nothing else; whole payloads stand in the contract
tests.
"""

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from worker.domain.books.platforms import Platform
from worker.domain.books.rows import RejectCode, Rejection
from worker.domain.catalogue import load_catalogue
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping, parse_mapping
from worker.domain.misses import Sample, sample
from worker.domain.resolve import (
    MarketDocument,
    MissDocument,
    Observation,
    PlayerMarketDocument,
    Resolution,
    market_document,
    miss_document,
    player_document,
    resolve,
)
from worker.domain.scope import PREMATCH_FOOTBALL, EventScope

CATALOGUE_FILE = Path(__file__).parents[2] / "catalogue" / "markets.json"
CATALOGUE: tuple[Mapping, ...] = tuple(load_catalogue(CATALOGUE_FILE.read_text(encoding="utf-8")))
FOOTBALL = MappingIndex(CATALOGUE, version=7)

Json = dict[str, Any]
Answer = dict[tuple[str, str | None], dict[str, float | None]]


def sportybet(
    market_id: str, specifier: str | None = None, /, name: str | None = None, **rest: Any
) -> Json:
    """A SportyBet market; ``prices`` (label to odds) gives active outcomes, ``rest`` overrides fields."""
    prices = rest.pop("prices", {})
    market: Json = {
        "id": market_id,
        "status": 0,
        "outcomes": [
            {"desc": label, "odds": odds, "isActive": 1} for label, odds in prices.items()
        ],
    }
    if specifier is not None:
        market["specifier"] = specifier
    if name is not None:
        market["name"] = name
    return market | rest


def betpawa(type_id: str, *rows: Json, name: str | None = None) -> Json:
    market_type = {"id": type_id} if name is None else {"id": type_id, "name": name}
    return {"marketType": market_type, "row": list(rows)}


def betpawa_row(quarters: int | None = None, **prices: float) -> Json:
    """A v3 row: ``quarters`` is the line times four; every price shows the line as the platform does."""
    return {
        "handicap": quarters,
        "prices": [
            {"name": label, "price": odds, "suspended": False} for label, odds in prices.items()
        ],
    }


def betpawa_v4_row(specifier: dict[str, str] | None = None, **prices: float) -> Json:
    row: Json = {"prices": [{"name": label, "odds": odds} for label, odds in prices.items()]}
    return row if specifier is None else row | {"specifier": specifier}


def run(
    platform: Platform,
    markets: Any,
    *,
    home: str | None = None,
    away: str | None = None,
    index: MappingIndex = FOOTBALL,
    market_names: dict[str, str] | None = None,
    scope: EventScope = PREMATCH_FOOTBALL,
) -> Resolution:
    return resolve(Observation(platform, markets, home, away, market_names, scope), index)


def answer(resolution: Resolution) -> Answer:
    """(canonical id, line) to outcome to odds, whether active or not."""
    return {
        (market["canonical_id"], market["line"]): {
            price["outcome"]: price["odds"] for price in market["outcomes"]
        }
        for market in documents(resolution)
    }


def documents(resolution: Resolution) -> list[MarketDocument]:
    """The resolved markets as they are published."""
    return [market_document(market) for market in resolution.markets]


class Said(NamedTuple):
    """All that a resolution says, to compare. ``counted`` has the sample that is kept of each miss."""

    markets: list[MarketDocument]
    misses: list[MissDocument]
    rejected: list[Rejection]
    counted: list[tuple[str, str | None, str, list[Sample]]]
    more_rejected: Counter[RejectCode]
    players: list[PlayerMarketDocument]


def said(resolution: Resolution) -> Said:
    return Said(
        documents(resolution),
        [miss_document(miss) for miss in resolution.misses],
        resolution.rejected,
        [
            (one.external_market_id, one.market_name, one.reason, sample(one.rows))
            for one in resolution.missed
        ],
        resolution.more_rejected,
        [player_document(found) for found in resolution.players],
    )


def active(resolution: Resolution) -> dict[str, bool]:
    """Outcome to whether it can be bet on, of the only market that resolved."""
    (market,) = documents(resolution)
    return {price["outcome"]: price["active"] for price in market["outcomes"]}


def missed(resolution: Resolution) -> set[tuple[str, str, str | None]]:
    return {(miss.external_market_id, miss.reason, miss.outcome) for miss in resolution.misses}


def rejected(resolution: Resolution) -> set[tuple[str, str | None, str]]:
    return {(entry.external_market_id, entry.line, entry.code) for entry in resolution.rejected}


def mapping(canonical_id: str, labels: Iterable[str], **fields: Any) -> Mapping:
    """A mapping whose outcomes carry the same label, which is the canonical id too, on every platform."""
    outcomes = [
        {
            "canonical_id": label,
            "betpawa_name": label,
            "sportybet_desc": label,
            "bet9ja_suffix": label,
        }
        for label in labels
    ]
    return parse_mapping(
        {"canonical_id": canonical_id, "name": canonical_id, "outcome_mapping": outcomes} | fields
    )


def observation(platform: Platform, markets: Any, **event: Any) -> bytes:
    """An observation message as it stands on its topic."""
    document = {
        "schema_version": 1,
        "platform": platform,
        "observed_at": "2026-11-22T12:00:00Z",
        "event": {"id": "e1", "home": "Wuhan Three Towns FC", "away": "Qingdao Hainiu FC", **event},
        "markets": markets,
    }
    return json.dumps(document).encode()
