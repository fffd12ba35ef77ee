"""Truths of markets that ask two things at once, or look at both halves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.lab.synthetic.model import RESULTS, Pmf, ScoreGrid
from worker.lab.synthetic.question import Probabilities, Question, yes_no

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.lab.synthetic.question import Truth

_CHANCES = {"1x": ("home", "draw"), "12": ("home", "away"), "x2": ("draw", "away")}
_SHORT = {"home": "1", "draw": "x", "away": "2"}
_FIXED_TOTAL = 2.5


def _chance(grid: ScoreGrid, holds: Callable[[str, bool, int], bool]) -> float:
    """Probability that ``holds(result, both scored, total)``."""
    return sum(p for key, p in grid.joint.items() if holds(*key))


def _side_of(total: int, line: float) -> str:
    return "over" if total > line else "under"


def _summed(asked: Question, name: Callable[[str, bool, int], str]) -> Probabilities:
    """Probability by the name that each (result, both scored, total) has."""
    sums: Probabilities = {}
    for key, p in asked.grid.joint.items():
        outcome = name(*key)
        sums[outcome] = sums.get(outcome, 0.0) + p
    return sums


def _with_double_chance(single: Probabilities, second: tuple[str, str]) -> Probabilities:
    return {
        f"{chance}_{other}": sum(single.get(f"{side}_{other}", 0.0) for side in sides)
        for chance, sides in _CHANCES.items()
        for other in second
    }


def result_over_under(asked: Question) -> Probabilities:
    return _summed(asked, lambda won, _both, total: f"{won}_{_side_of(total, asked.line)}")


def result_btts(asked: Question) -> Probabilities:
    return _summed(asked, lambda won, both, _total: f"{won}_{'yes' if both else 'no'}")


def over_under_btts(asked: Question) -> Probabilities:
    return _summed(
        asked, lambda _won, both, total: f"{_side_of(total, asked.line)}_{'yes' if both else 'no'}"
    )


def double_chance_over_under(asked: Question) -> Probabilities:
    return _with_double_chance(result_over_under(asked), ("over", "under"))


def double_chance_btts(asked: Question) -> Probabilities:
    return _with_double_chance(result_btts(asked), ("yes", "no"))


def or_over(asked: Question) -> Probabilities:
    side = asked.market.side
    return yes_no(
        _chance(asked.grid, lambda won, _both, total: won == side or total > _FIXED_TOTAL)
    )


def or_btts(asked: Question) -> Probabilities:
    side = asked.market.side
    return yes_no(_chance(asked.grid, lambda won, both, _total: won == side or both))


def or_clean_sheet(asked: Question) -> Probabilities:
    side = asked.market.side
    return yes_no(_chance(asked.grid, lambda won, both, _total: won == side or not both))


def no_draw_btts(asked: Question) -> Probabilities:
    return yes_no(_chance(asked.grid, lambda won, both, _total: won != "draw" and both))


def _halves(asked: Question) -> tuple[ScoreGrid, ScoreGrid]:
    return asked.model.periods["goals_1h"], asked.model.periods["goals_2h"]


def win_both_halves(asked: Question) -> Probabilities:
    first, second = (half.results[asked.market.side] for half in _halves(asked))
    return yes_no(first * second)


def win_either_half(asked: Question) -> Probabilities:
    first, second = (half.results[asked.market.side] for half in _halves(asked))
    return yes_no(1 - (1 - first) * (1 - second))


def score_both_halves(asked: Question) -> Probabilities:
    first, second = (1 - half.side(asked.market.side)[0] for half in _halves(asked))
    return yes_no(first * second)


def btts_both_halves(asked: Question) -> Probabilities:
    first, second = ((1 - half.home[0]) * (1 - half.away[0]) for half in _halves(asked))
    return yes_no(first * second)


def both_halves_over(asked: Question) -> Probabilities:
    first, second = (sum(half.total[2:]) for half in _halves(asked))
    return yes_no(first * second)


def highest_half(asked: Question) -> Probabilities:
    first, second = (half.side(asked.market.side) for half in _halves(asked))
    ahead = sum(p * q for i, p in enumerate(first) for j, q in enumerate(second) if i > j)
    equal = sum(p * q for p, q in zip(first, second, strict=True))
    return {"1st": ahead, "equal": equal, "2nd": 1 - ahead - equal}


def half_full(asked: Question) -> Probabilities:
    sums = {f"{_SHORT[half]}_{_SHORT[full]}": 0.0 for half in RESULTS for full in RESULTS}
    for (half, full, _total), p in asked.model.halves.items():
        sums[f"{_SHORT[half]}_{_SHORT[full]}"] += p
    return sums


def half_full_over_under(asked: Question) -> Probabilities:
    sums: Probabilities = {}
    for (half, full, total), p in asked.model.halves.items():
        name = f"{_SHORT[half]}_{_SHORT[full]}_{_side_of(total, asked.line)}"
        sums[name] = sums.get(name, 0.0) + p
    return sums


def half_full_score(asked: Question) -> Probabilities:
    first, second = _halves(asked)
    return {name: _half_full_chance(first, second, name) for name in asked.market.outcomes}


def _half_full_chance(first: ScoreGrid, second: ScoreGrid, name: str) -> float:
    half, full = name.split("_")
    if half == "4+":
        return sum(first.total[4:])
    home, away = map(int, half.split("-"))
    if full == "4+":
        return first.score(home, away) * _at_least(second.total, 4 - home - away)
    final = tuple(map(int, full.split("-")))
    return first.score(home, away) * second.score(final[0] - home, final[1] - away)


def _at_least(pmf: Pmf, count: int) -> float:
    return sum(pmf[max(count, 0) :])


COMBINED: dict[str, Truth] = {
    "result_over_under": result_over_under,
    "result_btts": result_btts,
    "over_under_btts": over_under_btts,
    "double_chance_over_under": double_chance_over_under,
    "double_chance_btts": double_chance_btts,
    "or_over": or_over,
    "or_btts": or_btts,
    "or_clean_sheet": or_clean_sheet,
    "no_draw_btts": no_draw_btts,
    "win_both_halves": win_both_halves,
    "win_either_half": win_either_half,
    "score_both_halves": score_both_halves,
    "btts_both_halves": btts_both_halves,
    "both_halves_over": both_halves_over,
    "highest_half": highest_half,
    "half_full": half_full,
    "half_full_over_under": half_full_over_under,
    "half_full_score": half_full_score,
}
