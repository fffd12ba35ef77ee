"""How long to wait before the next attempt, and a call that is retried until it succeeds."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from worker.domain.errors import TransientError

T = TypeVar("T")


def jittered_backoff(
    first_s: float = 0.1, longest_s: float = 10.0, rng: random.Random | None = None
) -> Callable[[int], float]:
    """Seconds to wait after attempt 0, 1, 2, ...: doubled up to ``longest_s``, half of it random."""
    draw = rng or random.Random()  # noqa: S311  # spreads retries, protects nothing

    def delay(attempt: int) -> float:
        ceiling = min(longest_s, first_s * 2.0 ** min(attempt, 30))
        return ceiling * (0.5 + draw.random() / 2)

    return delay


async def retried(call: Callable[[], Awaitable[T]], *, patience_s: float) -> T:
    """Call until it succeeds; after ``patience_s`` raise the last TransientError.

    For answers that the cluster cannot give yet: finding a new group's coordinator takes a moment.
    """
    delay = jittered_backoff(longest_s=2.0)
    attempt, since_s = 0, time.monotonic()
    while True:
        try:
            return await call()
        except TransientError:
            if time.monotonic() - since_s > patience_s:
                raise
        await asyncio.sleep(delay(attempt))
        attempt += 1
