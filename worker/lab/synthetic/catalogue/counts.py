"""What else is counted in a match, and the truths of markets on it.

Each count is a Poisson pair like goals, from what is usual and from how strong the sides are. No draw is made
for them: what a scrape without the catalogue's markets holds stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from worker.lab.synthetic.model import RESULTS, MatchModel, ScoreGrid, convolve, grid, result
from worker.lab.synthetic.question import Probabilities, Question

if TYPE_CHECKING:
    from worker.lab.synthetic.question import Truth

_SHORT: Final = {"home": "1", "draw": "x", "away": "2"}
_EXTRA_TIME_SHARE: Final = 0.3
_POINTS_OF_A_CARD: Final = 10


class UsualCount(NamedTuple):
    """Means of home and away in a match; the part of the first half; how far goals expected move them."""

    home: float
    away: float
    first_half: float = 0.45
    follows_goals: float = 0.0


_USUAL: Final[Mapping[str, UsualCount]] = {
    "shots": UsualCount(13.2, 10.8, follows_goals=0.5),
    "on_target": UsualCount(4.7, 3.8, follows_goals=0.7),
    "outside_box": UsualCount(4.6, 4.0, follows_goals=0.3),
    "fouls": UsualCount(10.8, 11.4),
    "offsides": UsualCount(1.9, 1.7),
    "throw_ins": UsualCount(19.5, 18.7),
    "saves": UsualCount(2.8, 3.4, follows_goals=-0.4),
    "goal_kicks": UsualCount(7.1, 8.2, follows_goals=-0.3),
    "tackles": UsualCount(16.2, 16.8),
    "posts": UsualCount(0.36, 0.3, follows_goals=0.5),
    "substitutions": UsualCount(4.6, 4.6, first_half=0.04),
    "assists": UsualCount(1.05, 0.85, follows_goals=1.0),
}
_USUAL_GOALS: Final = 1.35


class CountedMatch(MatchModel):
    """The model of a match with grids for everything that the catalogue's markets count."""

    @cached_property
    def periods(self) -> dict[str, ScoreGrid]:
        grids = dict(super().periods)
        for name, usual in _USUAL.items():
            grids |= _halves(name, self._means(usual), usual.first_half)
        grids["corners_2h"] = _grid(self.corners, 0.55)
        grids["cards_2h"] = _grid(self.cards, 0.64)
        grids["goals_extra time"] = _grid(self.goals, _EXTRA_TIME_SHARE)
        grids["goals_and_posts_ft"] = ScoreGrid(
            convolve(grids["goals_ft"].home, grids["posts_ft"].home),
            convolve(grids["goals_ft"].away, grids["posts_ft"].away),
        )
        for period in ("ft", "1h"):
            cards = grids[f"cards_{period}"]
            grids[f"points_{period}"] = ScoreGrid(_points(cards.home), _points(cards.away))
        return grids

    def _means(self, usual: UsualCount) -> tuple[float, float]:
        home, away = (
            mean * (goals / _USUAL_GOALS) ** usual.follows_goals
            for mean, goals in zip((usual.home, usual.away), self.goals, strict=True)
        )
        return home, away


def counted(model: MatchModel) -> CountedMatch:
    return CountedMatch(model.goals, model.corners, model.cards, model.red_cards)


def _halves(name: str, means: tuple[float, float], first: float) -> dict[str, ScoreGrid]:
    shares = {"ft": 1.0, "1h": first, "2h": 1 - first}
    return {f"{name}_{period}": _grid(means, share) for period, share in shares.items()}


def _grid(means: tuple[float, float], share: float) -> ScoreGrid:
    home, away = means[0] * share, means[1] * share
    most = max(home, away)
    return grid(home, away, round(most + 5 * most**0.5) + 3)


def _points(cards: tuple[float, ...]) -> tuple[float, ...]:
    """Ten for each card."""
    points = [0.0] * (_POINTS_OF_A_CARD * (len(cards) - 1) + 1)
    points[::_POINTS_OF_A_CARD] = cards
    return tuple(points)


def at_least(asked: Question) -> Probabilities:
    """A rung of a ladder: only over is sold."""
    return {"over": sum(p for count, p in enumerate(asked.counts) if count > asked.line)}


def both_at_least(asked: Question) -> Probabilities:
    """Outcomes that name how many each side has at least: ``2+``."""
    chances = {}
    for name in asked.market.outcomes:
        least = int(name.removesuffix("+"))
        chances[name] = sum(asked.grid.home[least:]) * sum(asked.grid.away[least:])
    return chances


def goes_through(asked: Question) -> Probabilities:
    """Who wins or, after a draw, what follows: each side as often as without the draws."""
    results = asked.grid.results
    home = results["home"] / (results["home"] + results["away"])
    return {"home": home, "away": 1 - home}


def two_results(asked: Question) -> Probabilities:
    """Who has more of two things that are counted apart, of ``goals_ft+corners_ft``."""
    first, second = (asked.model.periods[each].results for each in asked.market.period.split("+"))
    return {
        f"{_SHORT[one]}_{_SHORT[other]}": first[one] * second[other]
        for one in RESULTS
        for other in RESULTS
    }


def _halves_of(asked: Question) -> tuple[ScoreGrid, ScoreGrid]:
    first, second = (asked.model.periods[f"{asked.market.period}_{half}"] for half in ("1h", "2h"))
    return first, second


def half_with_more(asked: Question) -> Probabilities:
    """The half with more of what is counted."""
    first, second = (half.side(asked.market.side) for half in _halves_of(asked))
    ahead = sum(p * q for i, p in enumerate(first) for j, q in enumerate(second) if i > j)
    equal = sum(p * q for p, q in zip(first, second, strict=False))
    return {"1st": ahead, "equal": equal, "2nd": 1 - ahead - equal}


def result_at_half_and_end(asked: Question) -> Probabilities:
    """Who has more at half time, and at the end."""
    first, second = _halves_of(asked)
    sums = {f"{_SHORT[half]}_{_SHORT[full]}": 0.0 for half in RESULTS for full in RESULTS}
    for lead, p in first.differences.items():
        for gain, q in second.differences.items():
            sums[f"{_SHORT[result(lead)]}_{_SHORT[result(lead + gain)]}"] += p * q
    return sums


COUNTED: dict[str, Truth] = {
    "at_least": at_least,
    "both_at_least": both_at_least,
    "goes_through": goes_through,
    "two_results": two_results,
    "half_with_more": half_with_more,
    "result_at_half_and_end": result_at_half_and_end,
}
