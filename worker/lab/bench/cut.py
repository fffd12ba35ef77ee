"""Parts of a generated observation, each with its part of the truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from worker.lab.synthetic.books.bet9ja import market_of
from worker.lab.synthetic.expected import Expected, Generated

# The book's own ids of markets, each with what the observation holds of it.
CutMarkets = dict[str, list[Any]]


def by_market(seen: Generated) -> CutMarkets:
    """What an observation holds, by the book's id of the market."""
    found: CutMarkets = defaultdict(list)
    if seen.platform == "bet9ja":
        for entry in seen.observation["markets"].items():
            found[market_of(entry[0])].append(entry)
    else:
        for market in seen.observation["markets"]:
            found[_id(seen.platform, market)].append(market)
    return found


def part(seen: Generated, markets: CutMarkets) -> Generated:
    """The observation with only these of its markets. Its truth is the part of the truth under their ids."""
    entries = [entry for group in markets.values() for entry in group]
    observation = seen.observation | {
        "markets": dict(entries) if seen.platform == "bet9ja" else entries
    }
    if "market_names" in observation:
        names = observation["market_names"]
        observation["market_names"] = {id_: name for id_, name in names.items() if id_ in markets}
    return seen._replace(observation=observation, expected=_part_of_truth(seen.expected, markets))


def size(seen: Generated) -> int:
    """How many markets an observation holds, a market with several lines as often as the book lists it."""
    markets = seen.observation["markets"]
    if seen.platform == "bet9ja":
        return len({key.rpartition("_")[0] for key in markets})
    return len(markets)


def _id(platform: str, market: Any) -> str:
    return str(market["id"] if platform == "sportybet" else market["marketType"]["id"])


def _part_of_truth(expected: Expected, ids: Collection[str]) -> Expected:
    return Expected(
        tuple(one for one in expected.markets if _book_id(one.external_market_id) in ids),
        tuple(one for one in expected.misses if _book_id(one.external_market_id) in ids),
        tuple(one for one in expected.rejected if _book_id(one.external_market_id) in ids),
        tuple(one for one in expected.players if _book_id(one.external_market_id) in ids),
    )


def _book_id(external_market_id: str) -> str:
    """A missed market's id may carry the specifier that makes it another market."""
    return external_market_id.partition("?")[0]
