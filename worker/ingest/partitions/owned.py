"""What is known of a partition while it is owned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from worker.ingest.partitions.marks import BrakeState
from worker.kafka.record import Partition

StopCause = Literal["TRUNCATED", "UNREADABLE", "BRAKE"]


@dataclass(slots=True)
class OpenPartition:
    """An open partition: where it is, what is counted, and how far a replay goes (0 when there is none).

    ``position`` is the offset after the last record that is counted, ``taken_to`` that after the last one
    that a claim has taken in, and ``reached`` where the client was then. ``brake`` is what the brake knew
    when it stopped the partition; None once the handler has taken it over.
    """

    partition: Partition
    position: int
    watermark: int
    replay_to: int
    opened_at_s: float = 0.0
    last_timestamp_ms: int = 0
    brake: BrakeState | None = None
    taken_to: int = 0
    reached: int = 0

    @property
    def next_offset(self) -> int:
        """The offset after all that is taken in."""
        return max(self.position, self.taken_to)

    @property
    def processed_to(self) -> int:
        """Up to where the log is processed: the marker of a transaction comes after its last record."""
        is_counted = self.position >= self.taken_to
        return max(self.position, self.reached) if is_counted else self.position


class StoppedPartition(NamedTuple):
    """A partition that is assigned and not read until somebody acts; ``sentence`` says why."""

    partition: Partition
    cause: StopCause
    sentence: str


class Lag(NamedTuple):
    """How far a partition is behind: in records, and in seconds.

    The seconds are the age of the newest record processed, else the time since the partition was opened.
    """

    partition: Partition
    records: int
    seconds: float
    watermark: int
