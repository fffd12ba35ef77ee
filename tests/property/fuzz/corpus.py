"""What the fuzzer starts from: observations of the generator, and real payloads where there are any."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from tests.support.payloads import PAYLOADS
from tests.support.players import AWAY, HOME, priced, sold
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
    whole += [players_of_sportybet(), players_of_betpawa()]
    whole += [observation for platform in PLATFORMS if (observation := _real(platform)) is not None]
    return [orjson.dumps(_cut(draw, observation)) for observation in whole for _ in range(_CUTS)]


def players_of_sportybet() -> dict[str, Any]:
    """Markets that name players, in each of the forms of ids that SportyBet has for them."""
    row = "variant=pre:playerprops:7:3"
    markets = [
        sold("40", ("Antuna, Uriel (Pumas UNAM)", "sr:player:1", "7.2"), ("No Goal", "1716", "9")),
        sold("40", ("Uriel Antuna (Pumas)", "pre:playerprops:7:1:2", "7.2")),
        sold("776", ("Ruben Duarte 1+", "pre:playerprops:7:3:1", "1.3"), specifier=row),
        sold("776", ("Ruben Duarte (Cruz Azul) 2+", "pre:playerprops:7:3:2:1", "2.7")),
    ]
    return _observation("sportybet", markets)


def players_of_betpawa() -> dict[str, Any]:
    names = (
        ("Uriel Antuna", "30", 2, 7.2),
        ("Ruben Duarte", "31", 1, 3.0),
        ("No Goal", "4", None, 9.5),
    )
    return _observation("betpawa", [priced("129108", *names), priced("129108", names[0])])


def _observation(platform: Platform, markets: list[Any]) -> dict[str, Any]:
    return {
        "platform": platform,
        "observed_at": "2026-11-22T12:00:00Z",
        "event": {"id": "players", "home": HOME, "away": AWAY},
        "markets": markets,
    }


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
