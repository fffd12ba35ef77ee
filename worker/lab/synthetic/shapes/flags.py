"""BetPawa's flags: a market, a row or a price may be suspended, which closes all that is below it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from worker.lab.synthetic.offers import offers
from worker.lab.synthetic.shapes.truths import MarketOutcome, close

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from worker.lab.synthetic.books.at_event import Json
    from worker.lab.synthetic.expected import AnswerSheet, ExpectedMarket

_MARKETS_SUSPENDED = 0.08
_ROWS_SUSPENDED = 0.05
_PER_UNIT = 4


def suspend_some(answers: AnswerSheet, rng: Random, market: Json) -> None:
    """Suspend a market, or rows of it; prices below are then closed whatever they say of themselves."""
    external_id = market["marketType"]["id"]
    if rng.random() < _MARKETS_SUSPENDED:
        market["suspended"] = True
        close(answers, lambda each: each.external_market_id == external_id)
        return
    named = named_in(external_id)
    for row in market["row"]:
        if rng.random() >= _ROWS_SUSPENDED:
            continue
        row["suspended"] = True
        outcomes = {name for price in row["prices"] for name in named[price["name"]]}
        close(answers, is_in_row(external_id, row), outcomes)


def line_of(row: Json) -> str | None:
    """The line of a row in its usual form, which is a fourth of its handicap."""
    handicap = row.get("handicap")
    return None if handicap is None else f"{handicap / _PER_UNIT:g}"


def is_in_row(external_id: str, row: Json) -> Callable[[ExpectedMarket], bool]:
    """Whether a market is one that a row has prices of."""
    line = line_of(row)

    def is_there(market: ExpectedMarket) -> bool:
        # What is fixed, such as the number of the goal, is no line.
        return market.external_market_id == external_id and market.line in {None, line}

    return is_there


def named_in(external_id: str) -> dict[str, list[MarketOutcome]]:
    """The canonical outcomes that each label of an id names."""
    found: defaultdict[str, list[MarketOutcome]] = defaultdict(list)
    for offer in offers("betpawa"):
        if offer.external_id == external_id:
            for outcome, label, _feed_id in offer.selections:
                found[label].append((offer.market.canonical_id, outcome))
    return found
