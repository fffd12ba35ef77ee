"""Work in steps: how long one took, and how long to rest after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

Result = TypeVar("Result")
# Reading and judging have half of the process's share of a core each.
_HALVES: Final = 2


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Return what ``work`` returns, and the seconds of CPU that it took in this thread."""
    began = time.thread_time()
    result = work()
    return result, time.thread_time() - began


def within(seconds: float, work: Iterable[object]) -> int:
    """Go on with ``work`` until it is done or has taken so long; return how far it came, 1 at least."""
    until = time.monotonic() + seconds
    count = 0
    for _ in work:
        count += 1
        if time.monotonic() >= until:
            break
    return count


def rest_after(seconds: float, share: float) -> float:
    """How long to rest after work of this length, so that half of ``share`` is not exceeded."""
    return seconds * (_HALVES / share - 1)
