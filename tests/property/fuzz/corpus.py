"""What the fuzzer starts from: observations of the generator, and real payloads where there are any.

Both hold football before the match and in play, players, basketball, tennis, and the forms in which BetPawa
and Bet9ja write one market. Of each observation a few small parts are taken, at random.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import orjson

from schemas.raw_reply import observation_from_reply
from tests.support.markets import CATALOGUE
from tests.support.payloads import PAYLOADS, SHAPES
from tests.support.players import AWAY, HOME, priced, sold
from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.lab.coverage.agreement import switched_on
from worker.lab.synthetic.extras import EXTRAS
from worker.lab.synthetic.scrape import generate_scrape

# What ships switched off is on as well, so that as much as possible is resolved.
ALL_MAPPINGS: Final = tuple(switched_on(CATALOGUE))
INDEX: Final = MappingIndex(ALL_MAPPINGS, version=7)

_STARTED_AT: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
# Few enough that a message is read in a millisecond, enough that markets meet.
_MARKETS: Final = 6
_CUTS: Final = 4


def messages(seed: int) -> list[bytes]:
    """Whole and well formed, of every platform, cut down to some of their markets."""
    draw = random.Random(seed)
    generated = generate_scrape(seed=seed, events=3, started_at=_STARTED_AT, extras=EXTRAS)
    whole = [dict(seen.observation) for seen in generated]
    whole += [players_of_sportybet(), players_of_betpawa(), *_real()]
    cut = (_cut(draw, observation) for observation in whole for _ in range(_CUTS))
    return [orjson.dumps(observation) for observation in [*cut, *_shapes()]]


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


@lru_cache(maxsize=1)
def _real() -> tuple[dict[str, Any], ...]:
    """Every real payload there is; an event whose markets are all closed has none to take."""
    files = sorted(PAYLOADS.glob("*.json")) if PAYLOADS.is_dir() else []
    replies = (json.loads(file.read_text(encoding="utf-8")) for file in files)
    found = (observation_from_reply(reply, _STARTED_AT) for reply in replies)
    return tuple(seen.model_dump(mode="json", exclude_none=True) for seen in found if seen.markets)


@lru_cache(maxsize=1)
def _shapes() -> tuple[dict[str, Any], ...]:
    """The forms in which bookmakers write a market: small observations of one or two."""
    if not SHAPES.is_file():
        return ()
    lines = SHAPES.read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line)["message"] for line in lines)
