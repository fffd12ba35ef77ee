"""A limit of records a second: a token bucket. Pure; the clock is an argument."""

from __future__ import annotations


class Pace:
    """``rate`` in records/s, None for no limit. A second's worth may pass at once."""

    def __init__(self, rate: float | None, now_s: float) -> None:
        self._rate = rate
        self._free = rate or 0.0
        self._then_s = now_s

    def take(self, records: int, now_s: float) -> float:
        """Take records, and return the seconds to wait before the next may be taken."""
        if self._rate is None:
            return 0.0
        refilled = self._free + (now_s - self._then_s) * self._rate
        self._free = min(refilled, self._rate) - records
        self._then_s = now_s
        return max(0.0, -self._free / self._rate)
