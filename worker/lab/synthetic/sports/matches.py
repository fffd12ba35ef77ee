"""The true chances of a match of which every possible course is listed.

A course has a chance and, by period, a pair of counts (home, away). What a market asks is a sum over the
courses. A period ``one&other`` is about two of them: the winner of the first, and the second's total.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from worker.lab.synthetic.model import result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from worker.lab.synthetic.question import Probabilities, QuestionedMarket

CountPair = tuple[int, int]
_NEVER = 1e-9
_SHORT = {"home": "1", "draw": "x", "away": "2"}


class Course(NamedTuple):
    """One way a match may go."""

    chance: float
    counts: Mapping[str, CountPair]


class SportPrices:
    """Fair win probabilities of one match, by market and line; a stake that comes back is left out."""

    def __init__(self, courses: Sequence[Course]) -> None:
        self._courses = courses
        self._periods: dict[str, dict[tuple[CountPair, ...], float]] = {}
        self._known: dict[tuple[str, str | None], Probabilities] = {}

    def of(self, market: QuestionedMarket, line: str | None) -> Probabilities:
        """Probability by canonical outcome; outcomes that cannot happen are left out."""
        key = (market.canonical_id, line)
        if key not in self._known:
            self._known[key] = self._asked(market, float(line or 0))
        return self._known[key]

    def balanced(self, market: QuestionedMarket) -> float:
        """About where both sides of a line are equally likely."""
        sums = self._of_period(market.period)
        values = [(_measured(market, counts[-1]), chance) for counts, chance in sums.items()]
        mean = sum(value * chance for value, chance in values) / sum(p for _value, p in values)
        return -mean if market.family == "handicap" else mean

    def _of_period(self, period: str) -> dict[tuple[CountPair, ...], float]:
        if period not in self._periods:
            names = period.split("&")
            sums: dict[tuple[CountPair, ...], float] = {}
            for chance, counts in self._courses:
                key = tuple(counts[name] for name in names)
                sums[key] = sums.get(key, 0.0) + chance
            self._periods[period] = sums
        return self._periods[period]

    def _asked(self, market: QuestionedMarket, line: float) -> Probabilities:
        name = _NAMES[market.family]
        sums: Probabilities = {}
        for counts, chance in self._of_period(market.period).items():
            outcome = name(market, counts, line)
            if outcome is not None:
                sums[outcome] = sums.get(outcome, 0.0) + chance
        decided = sum(sums.values())
        return {outcome: p / decided for outcome, p in sums.items() if p > _NEVER}


def lines_around(prices: SportPrices, market: QuestionedMarket, spread: int) -> list[float]:
    """The half lines next to the balanced one, ``spread`` on either side of it."""
    middle = math.floor(prices.balanced(market)) + 0.5
    return [middle + step for step in range(-spread, spread + 1)]


def _measured(market: QuestionedMarket, counts: CountPair) -> int:
    """What a line is held against: a count, or by how much home is ahead."""
    home, away = counts
    if market.family == "handicap":
        return home - away
    return {"home": home, "away": away}.get(market.side, home + away)


def _leader(counts: CountPair) -> str:
    return result(counts[0] - counts[1])


def _winner(_market: QuestionedMarket, counts: Sequence[CountPair], _line: float) -> str | None:
    leader = _leader(counts[0])
    return None if leader == "draw" else leader


def _result(_market: QuestionedMarket, counts: Sequence[CountPair], _line: float) -> str:
    return _leader(counts[0])


def _total(market: QuestionedMarket, counts: Sequence[CountPair], line: float) -> str:
    return "over" if _measured(market, counts[-1]) > line else "under"


def _handicap(market: QuestionedMarket, counts: Sequence[CountPair], line: float) -> str:
    return result(_measured(market, counts[0]) + line)


def _odd_even(market: QuestionedMarket, counts: Sequence[CountPair], _line: float) -> str:
    return "odd" if _measured(market, counts[0]) % 2 else "even"


def _score(_market: QuestionedMarket, counts: Sequence[CountPair], _line: float) -> str:
    return f"{counts[0][0]}_{counts[0][1]}"


def _two_results(market: QuestionedMarket, counts: Sequence[CountPair], _line: float) -> str:
    first, second = (_leader(each) for each in counts)
    if f"{_SHORT[first]}_{_SHORT[second]}" in market.outcomes:
        return f"{_SHORT[first]}_{_SHORT[second]}"
    return f"{first}_{second}"


def _winner_total(market: QuestionedMarket, counts: Sequence[CountPair], line: float) -> str | None:
    winner = _winner(market, counts, line)
    return None if winner is None else f"{winner}_{_total(market, counts, line)}"


def _any(market: QuestionedMarket, counts: Sequence[CountPair], _line: float) -> str:
    return "yes" if _measured(market, counts[0]) > 0 else "no"


def _exactly_one(market: QuestionedMarket, counts: Sequence[CountPair], _line: float) -> str:
    return "yes" if _measured(market, counts[0]) == 1 else "no"


def _level(_market: QuestionedMarket, counts: Sequence[CountPair], _line: float) -> str:
    return "yes" if _leader(counts[0]) == "draw" else "no"


_NAMES: dict[str, Callable[[QuestionedMarket, Sequence[CountPair], float], str | None]] = {
    "winner": _winner,
    "result": _result,
    "total": _total,
    "handicap": _handicap,
    "odd_even": _odd_even,
    "score": _score,
    "two_results": _two_results,
    "winner_total": _winner_total,
    "any": _any,
    "exactly_one": _exactly_one,
    "level": _level,
}
