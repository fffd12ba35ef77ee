"""How long to wait before trying again."""

from __future__ import annotations

import random
from collections.abc import Callable


def jittered_backoff(
    first_s: float = 0.1, longest_s: float = 10.0, rng: random.Random | None = None
) -> Callable[[int], float]:
    """Seconds to wait after attempt 0, 1, 2, ...: doubling up to ``longest_s``, half of it by chance."""
    draw = rng or random.Random()  # noqa: S311  # spreads retries, protects nothing

    def delay(attempt: int) -> float:
        ceiling = min(longest_s, first_s * 2.0 ** min(attempt, 30))
        return ceiling * (0.5 + draw.random() / 2)

    return delay
