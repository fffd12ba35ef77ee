"""Resolved events as readers of the client kit have them, from generated observations and by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from clients.python.market_mapping_client.messages import MappingState, ResolvedEvent
from tests.support.markets import CATALOGUE_FILE, documents, run
from worker.domain.index import MappingIndex
from worker.lab.synthetic.expected import Generated

MAPPINGS: Final[dict[str, MappingState]] = {
    entry["canonical_id"]: MappingState.model_validate_json(json.dumps(entry))
    for entry in json.loads(CATALOGUE_FILE.read_text(encoding="utf-8"))["mappings"]
}
INDEX_VERSION: Final = 7


def resolved(item: Generated, index: MappingIndex) -> ResolvedEvent:
    """What the worker publishes for a generated observation, without misses and rejections."""
    said = item.observation
    found = run(
        item.platform,  # type: ignore[arg-type]  # the generator knows no type of the domain
        said["markets"],
        home=said["event"]["home"],
        away=said["event"]["away"],
        market_names=said.get("market_names"),
        index=index,
    )
    return event(said["platform"], documents(found), **said)


def event(platform: str, markets: Any, /, **more: Any) -> ResolvedEvent:
    """A resolved event of a match that all bookmakers know as 1, unless ``event`` says otherwise."""
    document = {
        "schema_version": 1,
        "platform": platform,
        "observed_at": more.get("observed_at", "2026-11-22T12:00:00Z"),
        "event": {"id": f"{platform}-1", "sportradar_id": "1"} | more.get("event", {}),
        "part": more.get("part"),
        "mapping_version": more.get("mapping_version", INDEX_VERSION),
        "markets": markets,
        "misses": [],
        "rejected": [],
        "participant_markets": more.get("participant_markets"),
    }
    return ResolvedEvent.model_validate_json(json.dumps(document))


def market(
    canonical_id: str,
    odds: Mapping[str, float | None],
    *,
    line: str | None = None,
    complete: bool | None = None,
) -> dict[str, Any]:
    """A resolved market by its odds; None is an outcome that is suspended."""
    return {
        "canonical_id": canonical_id,
        "line": line,
        "external_market_id": "1",
        "outcomes": [
            {"outcome": name, "odds": price, "active": price is not None}
            for name, price in odds.items()
        ],
        "complete": complete,
    }
