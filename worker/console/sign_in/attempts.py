"""How often somebody may try to sign in. Pure but for the clock that it is given.

Two counts limit failures: by the name that is tried, so that one account is not guessed from many addresses,
and by the address, so that one address does not try many names. Both are bounded: whoever tries very many
names pushes out the oldest counts, but not that of its own address. A name counts up to the longest that
somebody can have, and of IPv6 the network: one customer has 2^64 addresses.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from worker.console.sign_in.addresses import network_of
from worker.settings.console_users import LONGEST_NAME

WINDOW_S: Final = 300.0
MOST_BY_NAME: Final = 5
MOST_BY_ADDRESS: Final = 20
_MOST_KEYS: Final = 10_000

AttemptKey = tuple[str, str]


class Attempts:
    """The failed attempts of the last five minutes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: OrderedDict[AttemptKey, deque[float]] = OrderedDict()

    def wait_s(self, name: str, address: str) -> float:
        """Return how long to wait before the next attempt; 0 if it may be made now."""
        now_s = self._clock()
        waits = [
            self._wait_s(_by_name(name), MOST_BY_NAME, now_s),
            self._wait_s(_by_address(address), MOST_BY_ADDRESS, now_s),
        ]
        return max(waits)

    def failed(self, name: str, address: str) -> None:
        now_s = self._clock()
        # The address comes last: it is pushed out last.
        for key, most in (
            (_by_name(name), MOST_BY_NAME),
            (_by_address(address), MOST_BY_ADDRESS),
        ):
            times = self._failures.setdefault(key, deque(maxlen=most))
            times.append(now_s)
            self._failures.move_to_end(key)
        while len(self._failures) > _MOST_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Clear the name, and take back what this attempt counted against its address."""
        self._failures.pop(_by_name(name), None)
        times = self._failures.get(_by_address(address))
        if times:
            times.pop()

    def _wait_s(self, key: AttemptKey, most: int, now_s: float) -> float:
        times = self._failures.get(key)
        if times is None or len(times) < most:
            return 0.0
        return max(0.0, times[0] + WINDOW_S - now_s)


def _by_name(name: str) -> AttemptKey:
    return "name", name[:LONGEST_NAME].casefold()


def _by_address(address: str) -> AttemptKey:
    return "address", network_of(address)
