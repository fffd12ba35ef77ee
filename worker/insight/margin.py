"""From odds to chances: a bookmaker's prices of one market, without its margin.

The inverse odds of outcomes of which exactly one wins add up to 1 and the margin; where ``cover`` of them win
in every match, as the three of a double chance do, to ``cover`` times as much. Two ways to take the margin
out: *proportional* divides it equally; *power* raises each chance to one exponent, so that long shots carry
more of the margin. Which one a bookmaker follows is a matter of measuring (``goal_model.usual_method``): on
real events SportyBet's prices agree with each other after *power*, BetPawa's and Bet9ja's after
*proportional*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Method = Literal["power", "proportional"]
Chances = NDArray[np.float64]
_HIGHEST: Final = 1 - 1e-9
_MOST_STEPS: Final = 60


def proportional(odds: Sequence[float], cover: float = 1.0) -> Chances:
    """Chances in proportion to the inverse odds, ``cover`` in sum."""
    inverse = 1 / np.asarray(odds, dtype=np.float64)
    return np.asarray(np.minimum(inverse * (cover / inverse.sum()), _HIGHEST))


def power(odds: Sequence[float], cover: float = 1.0) -> Chances:
    """Inverse odds to the one exponent that gives them ``cover`` in sum.

    Where no exponent does (as many outcomes as are covered), as ``proportional``.
    """
    inverse = np.minimum(1 / np.asarray(odds, dtype=np.float64), _HIGHEST)
    if len(inverse) <= cover:
        return proportional(odds, cover)
    logs = np.log(inverse)
    exponent = 1.0
    for _ in range(_MOST_STEPS):  # Newton; the sum falls and is convex in the exponent
        raised = np.exp(exponent * logs)
        excess = float(raised.sum()) - cover
        if abs(excess) < 1e-12:
            break
        exponent -= excess / float(raised @ logs)
        exponent = max(exponent, 1e-3)
    return np.minimum(np.exp(exponent * logs), _HIGHEST)


METHODS: Final[dict[Method, Callable[[Sequence[float], float], Chances]]] = {
    "power": power,
    "proportional": proportional,
}


def logit(chance: float | Chances) -> Chances:
    """The logarithm of the odds for; chances are kept off 0 and 1."""
    kept = np.clip(np.asarray(chance, dtype=np.float64), 1e-6, 1 - 1e-6)
    return np.log(kept / (1 - kept))
