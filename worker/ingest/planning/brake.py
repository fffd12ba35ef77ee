"""The brake: stops before everything a partition holds becomes a dead letter. Pure.

A sender that has changed its form, or a database that refuses everything, would turn a whole topic into dead
letters. So of each partition the last verdicts are remembered, and a part of a batch that would bring them to
a limit is not published at all. What is remembered is gone with the process.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from schemas import DeadReason
from worker.domain.errors import FatalError
from worker.kafka.record import Partition

BrakeLimit = Literal["consecutive", "ratio"]


class RecordOutcome(NamedTuple):
    """What became of one record. ``dead`` is the reason of a dead letter, None for one that was resolved."""

    at: Partition
    offset: int
    dead: DeadReason | None


class Limits(NamedTuple):
    """``consecutive`` dead letters in a row, or a share of ``ratio`` in the last ``window`` records.

    0 is off. The share is judged once there are as many records as the window has.
    """

    consecutive: int
    ratio: float
    window: int


class Tripped(NamedTuple):
    """A limit that a partition came to: the first dead letter that led to it, and how many by reason."""

    at: Partition
    limit: BrakeLimit
    first_offset: int
    reasons: Counter[DeadReason]


class BrakeError(FatalError):
    """Going on would only make more dead letters. ``tripped`` says where."""

    def __init__(self, tripped: Tripped) -> None:
        super().__init__(_sentence(tripped))
        self.tripped = tripped


@dataclass(slots=True)
class _History:
    """The last verdicts of one partition, and the run of dead letters that they end with."""

    window: deque[tuple[int, DeadReason | None]]
    dead: int = 0
    run_from: int = 0
    run: Counter[DeadReason] = field(default_factory=Counter)

    def copy(self) -> _History:
        return _History(self.window.copy(), self.dead, self.run_from, self.run.copy())

    def add(self, offset: int, dead: DeadReason | None) -> None:
        if len(self.window) == self.window.maxlen:
            self.dead -= self.window[0][1] is not None
        self.window.append((offset, dead))
        if dead is None:
            self.run.clear()
            return
        self.dead += 1
        self.run_from = self.run_from if self.run else offset
        self.run[dead] += 1


class Brake:
    """Remembers settled verdicts; says whether more of them would come to a limit."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._histories: dict[Partition, _History] = {}

    def check(self, verdicts: Iterable[RecordOutcome]) -> None:
        """Raise BrakeError if ``verdicts`` after what is settled would come to a limit; settle nothing."""
        tried: dict[Partition, _History] = {}
        for verdict in verdicts:
            tripped = self._add(tried, verdict)
            if tripped is not None:
                raise BrakeError(tripped)

    def settle(self, verdicts: Iterable[RecordOutcome]) -> None:
        """Remember verdicts that were carried out, in the order of each partition's offsets."""
        settled: dict[Partition, _History] = {}
        for verdict in verdicts:
            self._add(settled, verdict)
        self._histories |= settled

    def _add(self, histories: dict[Partition, _History], verdict: RecordOutcome) -> Tripped | None:
        at, offset, dead = verdict
        history = histories.get(at) or self._copy_of(at, offset)
        histories[at] = history
        history.add(offset, dead)
        return self._judge(at, history) if dead is not None else None

    def _copy_of(self, at: Partition, offset: int) -> _History:
        """A partition that is read again from an earlier offset begins anew: else records counted twice."""
        known = self._histories.get(at)
        if known is None or known.window[-1][0] >= offset:
            return _History(deque(maxlen=max(1, self._limits.window)))
        return known.copy()

    def _judge(self, at: Partition, history: _History) -> Tripped | None:
        limits = self._limits
        if limits.consecutive and history.run.total() >= limits.consecutive:
            return Tripped(at, "consecutive", history.run_from, history.run.copy())
        full = len(history.window) == history.window.maxlen
        if limits.ratio and full and history.dead >= limits.ratio * len(history.window):
            dead = [(offset, reason) for offset, reason in history.window if reason is not None]
            return Tripped(at, "ratio", dead[0][0], Counter(reason for _, reason in dead))
        return None


_WHAT = {"consecutive": "dead letters in a row", "ratio": "dead letters among the last records"}
_SETTINGS = {"consecutive": "MARKETMAP_BRAKE_CONSECUTIVE", "ratio": "MARKETMAP_BRAKE_RATIO"}


def _sentence(tripped: Tripped) -> str:
    at, limit, first_offset, reasons = tripped
    histogram = ", ".join(f"{reason} {times}" for reason, times in reasons.most_common())
    return (
        f"{reasons.total()} {_WHAT[limit]} of {at.topic}/{at.partition} from offset {first_offset} on "
        f"({histogram}): no more of them are published. Mend what is wrong; to go past these records all the "
        f"same, raise {_SETTINGS[limit]} (0: off), and start again"
    )
