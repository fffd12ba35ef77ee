"""The chance of every pair of half scores, fitted to the prices of one bookmaker on one event.

How it works. First four intensities, goals of each side in each half, are fitted as if goals came one by one
(Poisson): four numbers cannot follow a wrong price, so what they contradict strongly is left out of the next
step. Then the distribution is bent as little as possible (in relative entropy) until the remaining prices
hold to within their noise: a dual problem with one multiplier for each price, solved by Newton's method. So
markets that were not fitted have a price too, and a mapping that means something else is far from it. If a
board has more lines than any real one, only some of them are fitted (``fitted_lines``).

The families that are fitted are those that fix a joint distribution: results, totals, correct scores, half
time/full time, both teams to score.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from worker.domain.meaning.catalogue import MarketMeaning

from .boards import Fair, MarketLine, Quoted, wholes
from .fitted_lines import LEAST_CHANCE, fitted_lines
from .grid import BetBook
from .margin import METHODS, Method, logit

FITTED_FAMILIES: Final = frozenset({"result", "total", "correct_score", "half_full", "both_score"})
FIRST_HALF_SHARE: Final = 0.45
NOISE: Final = 0.06  # of a price without margin, in logits
_SURPRISING: Final = 0.5  # logits from what the intensities say
_LEAST_PRICES: Final = 3
MOST_MODELS: Final = 256  # that are kept, of some 30 kB each
_Array = NDArray[np.float64]
# What makes two boards have the same model: for each market and line that is fitted, the chances.
_FittedPrices = frozenset[tuple[MarketLine, frozenset[tuple[str, float]]]]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class GoalModel:
    """The chance of each cell of a grid. ``left_out`` are prices that the others contradict."""

    cells: _Array
    fitted: frozenset[MarketLine]
    left_out: frozenset[MarketLine]

    def price(
        self, bets: BetBook, key: MarketLine, outcomes: frozenset[str] | None = None
    ) -> dict[str, float] | None:
        """The chance of each outcome, given that the bet is decided; None for what has no meaning."""
        found = bets.bets(key.canonical_id, key.line, outcomes)
        return None if found is None else found.chances(self.cells)


@dataclass(frozen=True, slots=True)
class _Prices:
    """What is to hold: ``won - chance * decided`` has the mean 0 over the cells, to within ``noise``."""

    keys: list[MarketLine]
    won: _Array
    decided: _Array
    chances: _Array

    @property
    def moments(self) -> _Array:
        return self.won - self.chances[:, None] * self.decided

    def kept(self, which: NDArray[np.bool_]) -> _Prices:
        keys = [key for key, keep in zip(self.keys, which, strict=True) if keep]
        return _Prices(keys, self.won[which], self.decided[which], self.chances[which])


def fit(
    chances_of: Mapping[MarketLine, Fair],
    bets: BetBook,
    meanings: Mapping[str, MarketMeaning],
    *,
    noise: float = NOISE,
    families: frozenset[str] = FITTED_FAMILIES,
) -> GoalModel | None:
    """Fit the goals of one event to one bookmaker's prices; None when too few are there to fit."""
    prices = _prices(chances_of, bets, meanings, families)
    if prices is None:
        return None
    cells = _intensities(prices, bets.grid.halves)
    off = np.abs(logit(_chances(prices, cells)) - logit(prices.chances))
    agreeing = prices.kept(off <= _SURPRISING)
    if agreeing.keys:
        cells = _bent(cells, agreeing, noise)
    fitted = frozenset(agreeing.keys)
    return GoalModel(cells, fitted, frozenset(prices.keys) - fitted)


def usual_method(
    boards: Iterable[Mapping[MarketLine, Quoted]],
    bets: BetBook,
    meanings: Mapping[str, MarketMeaning],
) -> Method:
    """How a bookmaker spreads its margin: the method after which its prices agree best with each other."""
    sampled = [fitted_part(quoted, meanings) for quoted in boards]
    off: dict[Method, list[float]] = {method: [] for method in METHODS}
    for method, distances in off.items():
        for quoted in sampled:
            prices = _prices(wholes(quoted, bets, method), bets, meanings, FITTED_FAMILIES)
            if prices is not None:
                cells = _intensities(prices, bets.grid.halves)
                distances.extend(abs(logit(_chances(prices, cells)) - logit(prices.chances)))
    return min(off, key=lambda method: float(np.mean(off[method])) if off[method] else 0.0)


def fitted_part(
    quoted: Mapping[MarketLine, Value], meanings: Mapping[str, MarketMeaning]
) -> dict[MarketLine, Value]:
    """What is fitted, of all that a board has."""
    return {
        key: one
        for key, one in quoted.items()
        if (meaning := meanings.get(key.canonical_id)) is not None
        and meaning.family in FITTED_FAMILIES
    }


class FittedModels:
    """Goal models by the prices that they were fitted to: the same prices have the same model.

    A change of a mapping leaves most prices of a board as they are, and most changes leave all prices that
    are fitted. The last used models are kept. Any thread may ask.
    """

    def __init__(self, most: int = MOST_MODELS) -> None:
        self._most = most
        self._kept: OrderedDict[_FittedPrices, GoalModel | None] = OrderedDict()
        self._lock = Lock()

    def fit(
        self,
        chances_of: Mapping[MarketLine, Fair],
        bets: BetBook,
        meanings: Mapping[str, MarketMeaning],
    ) -> GoalModel | None:
        """The model that ``fit`` gives; ``bets`` and ``meanings`` are always the same ones."""
        fitted = fitted_lines(_meant(chances_of, bets, meanings, FITTED_FAMILIES), bets)
        key = frozenset((key, frozenset(one.chances.items())) for key, one in fitted.items())
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = fit(fitted, bets, meanings)
        with self._lock:
            self._kept[key] = found
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return found


def _prices(
    chances_of: Mapping[MarketLine, Fair],
    bets: BetBook,
    meanings: Mapping[str, MarketMeaning],
    families: frozenset[str],
) -> _Prices | None:
    keys: list[MarketLine] = []
    won: list[_Array] = []
    decided: list[_Array] = []
    chances: list[float] = []
    fitted = fitted_lines(_meant(chances_of, bets, meanings, families), bets)
    for key, one in sorted(
        fitted.items(), key=lambda item: (item[0].canonical_id, item[0].line or "")
    ):
        found = bets.bets(key.canonical_id, key.line, frozenset(one.chances))
        if found is None:
            continue
        is_decided = found.decided
        # The last of a partition follows from the others.
        for outcome, row in list(zip(found.outcomes, found.won, strict=True))[:-1]:
            if one.chances[outcome] >= LEAST_CHANCE:
                keys.append(key)
                won.append(row)
                decided.append(is_decided)
                chances.append(one.chances[outcome])
    if len(set(keys)) < _LEAST_PRICES:
        return None
    return _Prices(keys, np.array(won), np.array(decided), np.array(chances))


def _meant(
    chances_of: Mapping[MarketLine, Fair],
    bets: BetBook,
    meanings: Mapping[str, MarketMeaning],
    families: frozenset[str],
) -> dict[MarketLine, Fair]:
    """The markets of these families that win some scores and not others."""
    return {
        key: one
        for key, one in chances_of.items()
        if key.canonical_id in bets.meanings
        and (meaning := meanings.get(key.canonical_id)) is not None
        and meaning.family in families
    }


def _chances(prices: _Prices, cells: _Array) -> _Array:
    won, decided = prices.won @ cells, np.maximum(prices.decided @ cells, 1e-9)
    return np.asarray(won / decided)


def _poisson(log_means: _Array, halves: _Array) -> _Array:
    log_factorials = np.cumsum(np.log(np.maximum(np.arange(halves.max() + 1), 1)))
    logs = halves * log_means[:, None] - log_factorials[halves.astype(int)]
    weights = np.exp(logs.sum(axis=0))
    return np.asarray(weights / weights.sum())


def _intensities(prices: _Prices, halves: _Array) -> _Array:
    """The cells of the four intensities that come nearest, by Gauss-Newton; strange prices weigh less."""
    share = np.array([FIRST_HALF_SHARE] * 2 + [1 - FIRST_HALF_SHARE] * 2)
    start = np.log(np.array([1.4, 1.2, 1.4, 1.2]) * share)
    log_means, targets = start.copy(), logit(prices.chances)
    for _ in range(25):
        cells = _poisson(log_means, halves)
        won, decided = prices.won @ cells, np.maximum(prices.decided @ cells, 1e-9)
        chances = np.clip(won / decided, 1e-6, 1 - 1e-6)
        off = targets - logit(chances)
        centred = (halves - (halves @ cells)[:, None]) * cells
        slope = (
            prices.won @ centred.T - chances[:, None] * (prices.decided @ centred.T)
        ) / decided[:, None]
        slope /= (chances * (1 - chances))[:, None]
        # A price near 0 or 1 moves far in logits for a small error; a strange one is no guide.
        weight = chances * (1 - chances) / (1 + (off / 0.25) ** 2)
        # Without prices by half nothing tells the halves apart: stay near the usual share.
        normal = slope.T @ (slope * weight[:, None]) + 0.02 * np.eye(4)
        pull = slope.T @ (weight * off) - 0.02 * (log_means - start)
        step = np.clip(np.linalg.solve(normal, pull), -0.5, 0.5)
        log_means = np.clip(log_means + step, np.log(0.02), np.log(4.0))
        if np.abs(step).max() < 1e-6:
            break
    return _poisson(log_means, halves)


def _bent(prior: _Array, prices: _Prices, noise: float) -> _Array:
    """The cells nearest to ``prior`` under which the prices hold to within their noise."""
    moments = prices.moments
    chance = np.clip(prices.chances, 1e-4, 1 - 1e-4)
    # Of a long shot the same step of a price is more logits.
    spread = (noise * chance * (1 - chance) + 0.001) * np.maximum(prices.decided @ prior, 1e-6)
    scaled = moments / spread[:, None]
    multipliers = np.zeros(len(scaled))
    cells, value = _tilted(prior, scaled, multipliers)
    for _ in range(60):
        means = scaled @ cells
        gradient = means + multipliers
        if np.abs(gradient).max() < 1e-3:
            break
        curvature = (scaled * cells) @ scaled.T - np.outer(means, means)
        curvature += np.eye(len(scaled))
        step = -np.linalg.solve(curvature, gradient)
        size = 1.0
        while size > 1e-4:
            tried, lower = _tilted(prior, scaled, multipliers + size * step)
            if lower <= value + 1e-4 * size * float(gradient @ step):
                break
            size /= 2
        else:
            break
        multipliers, cells, value = multipliers + size * step, tried, lower
    return cells


def _tilted(prior: _Array, scaled: _Array, multipliers: _Array) -> tuple[_Array, float]:
    """The tilted cells, and the value of the dual problem, which is to be least."""
    logs = np.log(prior) + multipliers @ scaled
    highest = float(logs.max())
    weights = np.exp(logs - highest)
    total = float(weights.sum())
    value = highest + float(np.log(total)) + 0.5 * float(multipliers @ multipliers)
    return weights / total, value
