"""How the time of a computation grows with its size: CPU time of one, and of one four times as large."""

import time
from collections.abc import Callable
from typing import Final

TIMES_LARGER: Final = 4
# A quarter of the way from the first power to the second, as exponents: noise stays below, squares above.
MOST_TIMES: Final = 9.0
_ROUNDS: Final = 3


def least_s(work: Callable[[], object]) -> float:
    """The CPU time of the quickest of a few rounds, in seconds."""
    found = []
    for _ in range(_ROUNDS):
        since = time.process_time()
        work()
        found.append(time.process_time() - since)
    return min(found)


def is_in_proportion(small: Callable[[], object], large: Callable[[], object]) -> bool:
    """Whether the large one, four times the small one, takes no more than it should; both are warmed up."""
    small()
    return least_s(large) <= MOST_TIMES * max(least_s(small), 0.001)
