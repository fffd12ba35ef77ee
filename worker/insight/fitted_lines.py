"""To which lines of a board a goal model is fitted: to all of a real board, to few of one without end.

A fit takes the square of the number of its prices in memory, and more in time, and nothing else bounds the
lines of a market: a bookmaker may send thousands. Real boards have up to 23 lines of a market and some 190
prices that are fitted, and nothing of them is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .boards import Fair, MarketLine
from .grid import BetBook

MOST_LINES: Final = 40  # of one market
MOST_PRICES: Final = 500  # in all, as long as each market keeps a line
LEAST_CHANCE: Final = 0.01  # what is rarer has a price that says little


def fitted_lines(chances_of: Mapping[MarketLine, Fair], bets: BetBook) -> dict[MarketLine, Fair]:
    """Those with a margin of their own. Where there are too many, those in the middle of each market.

    It depends on the lines and chances alone, not on their order, and is the same when it is done again.
    """
    whole = {key: one for key, one in chances_of.items() if one.is_whole}
    lines = {name: middle_lines(each, bets) for name, each in _by_market(whole).items()}
    most = max(map(len, lines.values()), default=0)
    while most > 1 and _prices(lines, whole, most) > MOST_PRICES:
        most -= 1
    kept = {key for each in lines.values() for key in each[:most]}
    return {key: one for key, one in whole.items() if key in kept}


def middle_lines(chances_of: Mapping[MarketLine, Fair], bets: BetBook) -> list[MarketLine]:
    """The lines of one market, those with the most even prices first.

    Of more than ``MOST_LINES`` as many, and of lines that win the same scores one: they are the same bet.
    """
    in_order = sorted(chances_of, key=lambda key: _unevenness(key, chances_of[key]))
    if len(in_order) <= MOST_LINES:
        return in_order
    found: dict[object, MarketLine] = {}
    for key in in_order:
        bet = bets.bets(key.canonical_id, key.line, frozenset(chances_of[key].chances))
        if bet is not None:
            found.setdefault(bet.scores, key)
        if len(found) == MOST_LINES:
            break
    return list(found.values())


def _unevenness(key: MarketLine, one: Fair) -> tuple[float, float, str]:
    return max(one.chances.values(), default=1.0), abs(float(key.line or 0)), key.line or ""


def _by_market(
    chances_of: Mapping[MarketLine, Fair],
) -> dict[str, dict[MarketLine, Fair]]:
    found: dict[str, dict[MarketLine, Fair]] = {}
    for key, one in chances_of.items():
        found.setdefault(key.canonical_id, {})[key] = one
    return found


def _prices(
    lines: Mapping[str, list[MarketLine]], chances_of: Mapping[MarketLine, Fair], most: int
) -> int:
    """How many prices are likely enough to be fitted, with so many lines of each market."""
    return sum(
        chance >= LEAST_CHANCE
        for each in lines.values()
        for key in each[:most]
        for chance in chances_of[key].chances.values()
    )
