"""Whether the work moves, by what is seen of it; not by what a client library believes of itself.

What could move and does not is a `Standing`: a name for it, a token that changes with every step, and a
sentence. The same token seen for too long is a stall. What waits for something known, such as a database that
is away, is no standing: it is for the one who looks to leave it out.
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

# Of many partitions that stand still, so many are named.
_NAMED: Final = 5


class Awaited(NamedTuple):
    """Something that should move: it has moved when ``token`` is another one."""

    name: Hashable
    token: Hashable
    sentence: str


class ProgressVerdict(NamedTuple):
    """``for_s``: how long the longest standstill lasts, 0 for none. ``reasons``: what stands too long."""

    state: Literal["moving", "stalled", "dead"]
    for_s: float
    reasons: Sequence[str]


MOVING: Final = ProgressVerdict("moving", 0.0, ())


class Progress:
    """Judges what is seen at moments that the caller names.

    A standstill is a stall after half of ``timeout_s``, and the end of the process after all of it.
    Between two looks at most ``longest_gap_s`` count: a process that was frozen, or a machine that slept, is
    not blamed for the time in which it could do nothing.
    """

    def __init__(self, timeout_s: float, longest_gap_s: float) -> None:
        self._timeout_s = timeout_s
        self._longest_gap_s = longest_gap_s
        self._seen_at_s: float | None = None
        self._ages: dict[tuple[Hashable, Hashable], float] = {}

    def look(self, at_s: float, standings: Iterable[Awaited]) -> ProgressVerdict:
        gap_s = 0.0 if self._seen_at_s is None else min(at_s - self._seen_at_s, self._longest_gap_s)
        self._seen_at_s = at_s
        known, self._ages = self._ages, {}
        late = []
        for name, token, sentence in standings:
            age_s = known[name, token] + gap_s if (name, token) in known else 0.0
            self._ages[name, token] = age_s
            if age_s >= self._timeout_s / 2:
                late.append((age_s, sentence))
        return self._judge(
            max(self._ages.values(), default=0.0), [sentence for _, sentence in late]
        )

    def _judge(self, for_s: float, late: Sequence[str]) -> ProgressVerdict:
        if for_s >= self._timeout_s:
            return ProgressVerdict("dead", for_s, late)
        return ProgressVerdict("stalled" if late else "moving", for_s, late)


class Watchdog:
    """Looks again and again. A stall is told and logged with all stacks; one that lasts is a FatalError."""

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
        """Until cancelled. Raises FatalError when nothing has moved for the whole timeout."""
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
        """What stands still, for whoever asks whether this process is alive; empty when all moves."""
        return [] if self.verdict.state == "moving" else _named(self.verdict.reasons)


def _log(verdict: ProgressVerdict) -> None:
    told: dict[str, Any] = {"for_s": round(verdict.for_s, 1), "reasons": _named(verdict.reasons)}
    if verdict.state == "moving":
        log.warning("progress_resumed")
    else:
        log.error("stalled", **told, stacks=stacks())


def _named(reasons: Sequence[str]) -> list[str]:
    more = len(reasons) - _NAMED
    return [*reasons[:_NAMED], *([f"and {more} more"] if more > 0 else [])]
