"""What is known of a partition while it is owned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from worker.kafka.record import Partition


@dataclass(slots=True)
class OpenPartition:
    """An open partition: where it is, what is counted, and how far a replay goes (0 when there is none)."""

    partition: Partition
    position: int
    watermark: int
    replay_to: int
    opened_at_s: float = 0.0
    last_timestamp_ms: int = 0


class Lag(NamedTuple):
    """How far a partition is behind: in records, and in seconds.

    The seconds are the age of the newest record processed, else the time since the partition was opened.
    """

    partition: Partition
    records: int
    seconds: float
    watermark: int
