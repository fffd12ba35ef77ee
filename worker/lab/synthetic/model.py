"""One goal model for each event: two Poisson intensities a half, and the same for corners and cards.

Everything a market asks of a match is a sum over a grid of scores. The grids are cut off where less than one
match in ten thousand is lost, and normalised.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

Pmf = tuple[float, ...]
FIRST_HALF_SHARE = 0.45
RESULTS = ("home", "draw", "away")
MINUTES = tuple(minute for minute in range(5, 90, 5) if minute != 45)


def poisson(mean: float, highest: int) -> Pmf:
    """Probabilities of 0..``highest``, normalised."""
    weights = [math.exp(-mean)]
    for count in range(1, highest + 1):
        weights.append(weights[-1] * mean / count)
    total = sum(weights)
    return tuple(weight / total for weight in weights)


def result(difference: float) -> str:
    """The side that leads when home is ahead by ``difference``."""
    if difference > 0:
        return "home"
    return "away" if difference < 0 else "draw"


@dataclass(frozen=True)
class ScoreGrid:
    """Two independent counts, home and away, of one period of a match."""

    home: Pmf
    away: Pmf

    @cached_property
    def cells(self) -> list[tuple[int, int, float]]:
        return [(h, a, p * q) for h, p in enumerate(self.home) for a, q in enumerate(self.away)]

    @cached_property
    def total(self) -> Pmf:
        return convolve(self.home, self.away)

    @cached_property
    def differences(self) -> dict[int, float]:
        """Probability by home minus away."""
        sums: dict[int, float] = {}
        for h, a, p in self.cells:
            sums[h - a] = sums.get(h - a, 0.0) + p
        return sums

    @cached_property
    def results(self) -> dict[str, float]:
        sums = dict.fromkeys(RESULTS, 0.0)
        for difference, p in self.differences.items():
            sums[result(difference)] += p
        return sums

    @cached_property
    def joint(self) -> dict[tuple[str, bool, int], float]:
        """Probability by (result, both scored, total)."""
        sums: dict[tuple[str, bool, int], float] = {}
        for h, a, p in self.cells:
            key = (result(h - a), h > 0 and a > 0, h + a)
            sums[key] = sums.get(key, 0.0) + p
        return sums

    def side(self, name: str) -> Pmf:
        """The distribution of ``home``, ``away`` or ``total``."""
        return {"home": self.home, "away": self.away}.get(name) or self.total

    def score(self, home: int, away: int) -> float:
        inside = home < len(self.home) and away < len(self.away)
        return self.home[home] * self.away[away] if inside else 0.0


def convolve(left: Pmf, right: Pmf) -> Pmf:
    sums = [0.0] * (len(left) + len(right) - 1)
    for i, p in enumerate(left):
        for j, q in enumerate(right):
            sums[i + j] += p * q
    return tuple(sums)


def grid(home_mean: float, away_mean: float, highest: int) -> ScoreGrid:
    return ScoreGrid(poisson(home_mean, highest), poisson(away_mean, highest))


@dataclass(frozen=True)
class MatchModel:
    """Expected goals, corners and cards of one match: (home, away) means of the full match."""

    goals: tuple[float, float]
    corners: tuple[float, float]
    cards: tuple[float, float]
    red_cards: tuple[float, float]

    @cached_property
    def periods(self) -> dict[str, ScoreGrid]:
        """Grids by the names that the market table uses."""
        first, second = FIRST_HALF_SHARE, 1 - FIRST_HALF_SHARE
        return {
            "goals_ft": _part(self.goals, 1, 11),
            "goals_1h": _part(self.goals, first, 8),
            "goals_2h": _part(self.goals, second, 8),
            **{f"minutes_{n}": _part(self.goals, share_until(n), 4 + n // 10) for n in MINUTES},
            "corners_ft": _part(self.corners, 1, 18),
            "corners_1h": _part(self.corners, first, 12),
            "cards_ft": _part(self.cards, 1, 12),
            "cards_1h": _part(self.cards, 0.36, 8),
        }

    @cached_property
    def halves(self) -> dict[tuple[str, str, int], float]:
        """Probability by (result at half time, result at full time, goals in the match)."""
        second = _by_difference_and_total(self.periods["goals_2h"])
        sums: dict[tuple[str, str, int], float] = {}
        for (lead, goals), p in _by_difference_and_total(self.periods["goals_1h"]).items():
            half = result(lead)
            for (gain, more), q in second.items():
                key = (half, result(lead + gain), goals + more)
                sums[key] = sums.get(key, 0.0) + p * q
        return sums


def share_until(minute: int) -> float:
    """The share of a match's goals that is expected in its first minutes; added time is in the halves."""
    if minute < 45:
        return 0.009 * minute
    return FIRST_HALF_SHARE + (1 - FIRST_HALF_SHARE) * (minute - 45) / 48


def _part(means: tuple[float, float], share: float, highest: int) -> ScoreGrid:
    return grid(means[0] * share, means[1] * share, highest)


def _by_difference_and_total(half: ScoreGrid) -> dict[tuple[int, int], float]:
    # Six goals a side and half: the rest is under one match in ten thousand and would triple the work.
    kept = {(h - a, h + a): 0.0 for h in range(6) for a in range(6)}
    for h, a, p in half.cells:
        if h < 6 and a < 6:
            kept[h - a, h + a] += p
    whole = sum(kept.values())
    return {key: p / whole for key, p in kept.items()}


def draw_model(rng: random.Random) -> MatchModel:
    """A plausible match: about 2.7 goals, 10 corners and 4.3 cards, home a little stronger."""
    goals = min(4.2, max(1.7, rng.gauss(2.7, 0.4)))
    supremacy = min(0.8, max(-0.8, rng.gauss(0.13, 0.28)))
    corners = min(13.0, max(7.5, rng.gauss(10.0, 1.0)))
    cards = min(6.5, max(2.8, rng.gauss(4.3, 0.7)))
    return MatchModel(
        goals=_split(goals, supremacy),
        corners=_split(corners, supremacy * 0.6),
        cards=_split(cards, -supremacy * 0.3),
        red_cards=_split(cards * 0.05, -supremacy * 0.3),
    )


def _split(total: float, supremacy: float) -> tuple[float, float]:
    """``total`` shared between home and away; ``supremacy`` between -1 and 1."""
    return total * (1 + supremacy) / 2, total * (1 - supremacy) / 2
