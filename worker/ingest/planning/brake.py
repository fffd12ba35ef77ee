"""The brake: stops a partition before everything that it holds becomes a dead letter. Pure.

A sender that has changed its form, or a database that refuses everything, would turn a whole topic into dead
letters. So the brake remembers, for each partition, what became of the last records. Before a part of a batch
is published, it is tried: if its records would bring a partition to a limit, none of that partition's records
in the part, and none after them, are published, and the partition is stopped. All other partitions go on.

Two things are kept apart. A *trial* adds what the batches of a claim would do, and forgets it; `settle` adds
what was done: published, and counted. Only a stop outlives the process: `state` is committed with the
position, and `restore` gives it to the next owner. It reads the same records, comes to the same limit, and
stops again, until the records can be read, the limit is raised, or they are skipped. So restarts never exceed
the limit.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from schemas import DeadReason
from worker.ingest.partitions.marks import BrakeState
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


_WHAT = {"consecutive": "dead letters in a row", "ratio": "dead letters among the last records"}
_SETTINGS = {"consecutive": "MARKETMAP_BRAKE_CONSECUTIVE", "ratio": "MARKETMAP_BRAKE_RATIO"}


class Tripped(NamedTuple):
    """A limit that a partition came to: the first dead letter that led to it, and how many there are.

    ``reasons`` counts those by reason that this process has seen: after a restart, fewer than ``letters``.
    """

    at: Partition
    limit: BrakeLimit
    first_offset: int
    letters: int
    reasons: Counter[DeadReason]

    @property
    def sentence(self) -> str:
        """What happened, and what releases the partition."""
        histogram = ", ".join(f"{reason} {times}" for reason, times in self.reasons.most_common())
        return (
            f"{self.at.topic}/{self.at.partition} is stopped by the brake: {self.letters} "
            f"{_WHAT[self.limit]} from offset {self.first_offset} on ({histogram}). No more of them are "
            f"published. Fix the cause and restart; to pass these records anyway, raise "
            f"{_SETTINGS[self.limit]} (0: off) and restart"
        )


class _DeadLetter(NamedTuple):
    """``number`` among the records of its partition. After a restart the reason is not known."""

    number: int
    offset: int
    reason: DeadReason | None


@dataclass(slots=True)
class _History:
    """The last records of one partition, and the run of dead letters that they end with.

    Of the last ``window`` records, only the dead letters are kept.
    """

    window: int
    seen: int = 0
    last_offset: int = -1
    dead: deque[_DeadLetter] = field(default_factory=deque)
    run_from: int = 0
    run: int = 0
    reasons: Counter[DeadReason] = field(default_factory=Counter)

    @property
    def size(self) -> int:
        """How many records are in the window."""
        return min(self.seen, self.window)

    def copy(self) -> _History:
        return replace(self, dead=self.dead.copy(), reasons=self.reasons.copy())

    def add(self, offset: int, reason: DeadReason | None) -> None:
        self.seen += 1
        self.last_offset = offset
        if self.dead and self.dead[0].number <= self.seen - self.window:
            self.dead.popleft()
        if reason is not None:
            self.dead.append(_DeadLetter(self.seen, offset, reason))
            self.run_from = self.run_from if self.run else offset
            self.run += 1
            self.reasons[reason] += 1
        elif self.run:
            self.run = 0
            self.reasons.clear()


class BrakeTrial:
    """What would become of batches, part by part, after what is settled."""

    def __init__(self, brake: Brake) -> None:
        self._brake = brake
        self._histories: dict[Partition, _History] = {}

    def add(self, outcomes: Iterable[RecordOutcome]) -> list[Tripped]:
        """Add what would be done; return the partitions that would come to a limit, each once."""
        tripped: dict[Partition, Tripped] = {}
        for outcome in outcomes:
            if outcome.at not in tripped:
                limit = self._brake.judge_next(self._histories, outcome)
                if limit is not None:
                    tripped[outcome.at] = limit
        return list(tripped.values())


class Brake:
    """Remembers settled outcomes; says whether more of them would come to a limit."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._histories: dict[Partition, _History] = {}

    def trial(self) -> BrakeTrial:
        return BrakeTrial(self)

    def settle(self, outcomes: Iterable[RecordOutcome]) -> None:
        """Remember what was done, in the order of each partition's offsets."""
        settled: dict[Partition, _History] = {}
        for outcome in outcomes:
            self._history(settled, outcome).add(outcome.offset, outcome.dead)
        self._histories |= settled

    def state(self, at: Partition) -> BrakeState:
        """What is settled of a partition."""
        history = self._histories.get(at) or self._empty()
        return BrakeState(history.run_from, history.run, len(history.dead), history.size)

    def restore(self, at: Partition, state: BrakeState, position: int) -> None:
        """Go on from the state that another process has committed, with the record at ``position`` next."""
        history = self._empty()
        history.seen = min(state.window, history.window)
        history.last_offset = position - 1
        # Which of them were dead is not known. The newest, say: so none of them leaves the window early.
        for before in reversed(range(min(state.dead, history.seen))):
            history.dead.append(_DeadLetter(history.seen - before, position - 1 - before, None))
        history.run, history.run_from = state.run, state.run_from
        self._histories[at] = history

    def judge_next(
        self, histories: dict[Partition, _History], outcome: RecordOutcome
    ) -> Tripped | None:
        """Add an outcome to ``histories``, which begin with what is settled; the limit that it comes to."""
        history = self._history(histories, outcome)
        history.add(outcome.offset, outcome.dead)
        return self._judge(outcome.at, history) if outcome.dead is not None else None

    def _history(self, histories: dict[Partition, _History], outcome: RecordOutcome) -> _History:
        history = histories.get(outcome.at)
        if history is None:
            history = histories[outcome.at] = self._copy_of(outcome.at, outcome.offset)
        return history

    def _copy_of(self, at: Partition, offset: int) -> _History:
        """A partition that is read again from an earlier offset starts empty: else records count twice."""
        known = self._histories.get(at)
        if known is None or known.last_offset >= offset:
            return self._empty()
        return known.copy()

    def _empty(self) -> _History:
        return _History(max(1, self._limits.window))

    def _judge(self, at: Partition, history: _History) -> Tripped | None:
        limits = self._limits
        if limits.consecutive and history.run >= limits.consecutive:
            return Tripped(at, "consecutive", history.run_from, history.run, history.reasons.copy())
        dead, is_full = history.dead, history.size == history.window
        if limits.ratio and is_full and len(dead) >= limits.ratio * history.window:
            reasons = Counter(letter.reason for letter in dead if letter.reason is not None)
            return Tripped(at, "ratio", dead[0].offset, len(dead), reasons)
        return None
