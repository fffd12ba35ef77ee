"""Judges whether the work moves, by what can be observed; not by what a client library says of itself.

Theory of operation. Every few seconds a probe (`outlook`) lists what should move at this moment. Each entry
is an `Awaited`: a name, a token that changes with every step, and a sentence for people. `Progress` remembers
how long it has seen the same token under the same name. The longest such time decides:

- moving: nothing has stood still for half of the timeout.
- stalled: something has. `/livez` fails, and the log gets the stacks of all tasks and threads. A supervisor
  that restarts the process at this point loses nothing.
- dead: something has stood still for the whole timeout. The watchdog raises FatalError and the process ends.

What waits for something known, such as an unavailable database, is not listed: the probe leaves it out,
because a restart would not help. Ages are summed from the gaps between looks, and no gap counts for more than
`longest_gap_s`: a process that was frozen, or a machine that slept, is not blamed for that time.

The watchdog needs the event loop. `deadman` is for the case that the loop itself hangs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

import structlog

from worker.domain.errors import FatalError
from worker.runtime.liveness.stacks import stacks

log = structlog.get_logger()

# Of many partitions without progress, this many are named.
_NAMED: Final = 5


class Awaited(NamedTuple):
    """Something that should move: it has moved when ``token`` has changed."""

    name: Hashable
    token: Hashable
    sentence: str


class ProgressVerdict(NamedTuple):
    """``for_s``: how long the longest stall has lasted, or 0. ``reasons``: what stalled for too long."""

    state: Literal["moving", "stalled", "dead"]
    for_s: float
    reasons: Sequence[str]


MOVING: Final = ProgressVerdict("moving", 0.0, ())


class Progress:
    """Judges what is observed, at times that the caller gives. Has no clock of its own.

    A standstill is a stall after half of ``timeout_s``, and the end of the process after all of it. Of the
    time between two looks, no more than ``longest_gap_s`` counts.
    """

    def __init__(self, timeout_s: float, longest_gap_s: float) -> None:
        self._timeout_s = timeout_s
        self._longest_gap_s = longest_gap_s
        self._seen_at_s: float | None = None
        self._ages: dict[tuple[Hashable, Hashable], float] = {}

    def look(self, at_s: float, standings: Iterable[Awaited]) -> ProgressVerdict:
        gap_s = self._gap_s(at_s)
        known, self._ages = self._ages, {}
        late: list[str] = []
        for name, token, sentence in standings:
            has_not_moved = (name, token) in known
            age_s = known[name, token] + gap_s if has_not_moved else 0.0
            self._ages[name, token] = age_s
            if age_s >= self._timeout_s / 2:
                late.append(sentence)
        longest_s = max(self._ages.values(), default=0.0)
        return self._judge(longest_s, late)

    def _gap_s(self, at_s: float) -> float:
        before_s, self._seen_at_s = self._seen_at_s, at_s
        return 0.0 if before_s is None else min(at_s - before_s, self._longest_gap_s)

    def _judge(self, for_s: float, late: Sequence[str]) -> ProgressVerdict:
        if for_s >= self._timeout_s:
            return ProgressVerdict("dead", for_s, late)
        return ProgressVerdict("stalled" if late else "moving", for_s, late)


class Watchdog:
    """Looks at intervals. A stall is logged with all stacks; a stall that lasts is a FatalError."""

    def __init__(
        self,
        look: Callable[[], Awaitable[Iterable[Awaited]]],
        progress: Progress,
        *,
        interval_s: float,
        report: Callable[[ProgressVerdict], None] = lambda _: None,
    ) -> None:
        self._look = look
        self._progress = progress
        self._interval_s = interval_s
        self._report = report
        self.verdict = MOVING

    async def run(self) -> None:
        """Run until cancelled. Raises FatalError when something has not moved for the whole timeout."""
        while True:
            self.judge(time.monotonic(), await self._look())
            await asyncio.sleep(self._interval_s)

    def judge(self, at_s: float, standings: Iterable[Awaited]) -> None:
        before, self.verdict = self.verdict, self._progress.look(at_s, standings)
        self._report(self.verdict)
        if self.verdict.state == before.state:
            return
        _log(self.verdict)
        if self.verdict.state == "dead":
            raise FatalError(f"nothing moves: {'; '.join(_named(self.verdict.reasons))}")

    def stalled(self) -> list[str]:
        """Return what makes no progress, for `/livez`; empty when everything moves."""
        return [] if self.verdict.state == "moving" else _named(self.verdict.reasons)


def _log(verdict: ProgressVerdict) -> None:
    fields: dict[str, Any] = {"for_s": round(verdict.for_s, 1), "reasons": _named(verdict.reasons)}
    if verdict.state == "moving":
        log.warning("progress_resumed")
    else:
        log.error("stalled", **fields, stacks=stacks())


def _named(reasons: Sequence[str]) -> list[str]:
    more = len(reasons) - _NAMED
    return [*reasons[:_NAMED], *([f"and {more} more"] if more > 0 else [])]
