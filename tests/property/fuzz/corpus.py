"""What the fuzzer starts from: observations of the generator, and real payloads where there are any."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from tests.support.payloads import PAYLOADS
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.lab.synthetic.scrape import generate_scrape

_STARTED_AT: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
# Few enough that a message is read in a millisecond, enough that markets meet.
_MARKETS: Final = 6
_CUTS: Final = 8


def messages(seed: int) -> list[bytes]:
    """Whole and well formed, of every platform, cut down to some of their markets."""
    draw = random.Random(seed)
    whole = [
        dict(seen.observation)
        for seen in generate_scrape(seed=seed, events=4, started_at=_STARTED_AT)
    ]
    whole += [observation for platform in PLATFORMS if (observation := _real(platform)) is not None]
    return [orjson.dumps(_cut(draw, observation)) for observation in whole for _ in range(_CUTS)]


def _cut(draw: random.Random, observation: dict[str, Any]) -> dict[str, Any]:
    markets = observation["markets"]
    if isinstance(markets, dict):
        keys = draw.sample(sorted(markets), min(len(markets), 4 * _MARKETS))
        return observation | {"markets": {key: markets[key] for key in keys}}
    return observation | {"markets": draw.sample(markets, min(len(markets), _MARKETS))}


def _real(platform: Platform) -> dict[str, Any] | None:
    files = sorted(PAYLOADS.glob(f"*.{platform}.json")) if PAYLOADS.is_dir() else []
    if not files:
        return None
    payload = json.loads(files[0].read_text(encoding="utf-8"))
    markets = {
        "sportybet": lambda: payload["data"]["markets"],
        "betpawa": lambda: payload["markets"],
        "bet9ja": lambda: payload["D"]["O"],
    }[platform]()
    event = {"id": "real", "home": "Wuhan Three Towns FC", "away": "Qingdao Hainiu FC"}
    return {
        "platform": platform,
        "observed_at": "2026-11-22T12:00:00Z",
        "event": event,
        "markets": markets,
    }
