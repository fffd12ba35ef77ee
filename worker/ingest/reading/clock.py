"""The clock guard: an observation from the future is not taken. Pure, but for the clock that it is given.

Readers order observations of an event by ``observed_at``, and counting keeps the newest as a row's last
sighting. One record stamped 2099, or local time that is labelled Z, would freeze both. So a record that is
ahead of its time is a dead letter.

Its time is the earlier one of two: when Kafka took the record, and now. Either alone can be wrong: a producer
may set the timestamp of its record as wrongly as the observation's, and a worker that catches up reads
records hours after they were sent. Kafka writes -1 or 0 for a record without a timestamp; then only the clock
counts.

A replay therefore comes to the same verdict wherever Kafka's timestamp decides. If both were wrong, and the
clock decided, a replay takes the record once that time has passed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from schemas.fields import timestamp_text


class ClockGuard(NamedTuple):
    """``max_ahead_s`` is how far ahead an observation may be; 0: no limit. ``clock`` is as `time.time`."""

    max_ahead_s: float
    clock: Callable[[], float]

    def objection(self, observed_at: datetime, timestamp_ms: int) -> str | None:
        """Say why an observation is too far ahead of its time; None when it is not.

        ``timestamp_ms`` is Kafka's timestamp of the record.
        """
        observed_s = observed_at.timestamp()
        if not self.refuses(observed_s, timestamp_ms):
            return None
        ahead_s, of_what = observed_s - self.clock(), "the clock"
        age_s = age_at_arrival(observed_s, timestamp_ms)
        if age_s is not None and -age_s > ahead_s:
            ahead_s, of_what = -age_s, "the record's Kafka timestamp"
        return (
            f"observed_at = {timestamp_text(observed_at)} is {ahead_s:.0f} s ahead of {of_what}; "
            f"at most {self.max_ahead_s:g} s are allowed"
        )

    def refuses(self, observed_s: float, timestamp_ms: int) -> bool:
        """Whether there is an objection; ``observed_s`` is in seconds since 1970."""
        if not self.max_ahead_s:
            return False
        if observed_s - self.clock() > self.max_ahead_s:
            return True
        return timestamp_ms > 0 and observed_s - timestamp_ms / 1000 > self.max_ahead_s


NO_GUARD: Final = ClockGuard(0, lambda: 0.0)


def age_at_arrival(observed_s: float, timestamp_ms: int) -> float | None:
    """Seconds from the observation to Kafka's timestamp of its record, negative for one from the future.

    None for a record without a timestamp. ``observed_s`` is in seconds since 1970.
    """
    return timestamp_ms / 1000 - observed_s if timestamp_ms > 0 else None
