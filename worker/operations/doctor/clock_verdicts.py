"""What to say of clocks: this machine's, Postgres's, and those that records were stamped by. Pure.

Kafka does not tell its own clock. What it shows are records: one from the future was stamped by a clock that
is ahead of this one, the sender's or, with `message.timestamp.type=LogAppendTime`, the broker's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aiokafka import TopicPartition

from worker.operations.doctor.findings import Finding, failure, fine, warning

TOLERATED_S: Final = 1.0
# From here on the times in the tables and the ages in the metrics mislead.
HARMFUL_S: Final = 60.0
_REMEDY: Final = "set both clocks by NTP"


def judge_database_clock(asked: datetime, reported: datetime, answered: datetime) -> list[Finding]:
    """``reported`` is Postgres's time; it was read between ``asked`` and ``answered`` of this machine's."""
    ahead_s = (reported - answered).total_seconds()
    behind_s = (asked - reported).total_seconds()
    skew_s = max(ahead_s, behind_s, 0.0)
    if skew_s <= TOLERATED_S:
        return [fine("clock", f"Postgres and this machine agree to {TOLERATED_S:g} s")]
    message = f"Postgres is {skew_s:.1f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine"
    return [(failure if skew_s >= HARMFUL_S else warning)("clock", message, _REMEDY)]


def judge_record_times(newest_ms: Mapping[TopicPartition, int], now_ms: int) -> list[Finding]:
    """``newest_ms`` is the latest timestamp of any record, by partition."""
    ahead_s = {place: (time_ms - now_ms) / 1000 for place, time_ms in newest_ms.items()}
    early = {place: seconds for place, seconds in ahead_s.items() if seconds > TOLERATED_S}
    if not early:
        return [fine("timestamps", "no observation is from the future")]
    place = max(early, key=lambda place: early[place])
    message = f"{place.topic} [{place.partition}] has a record {early[place]:.1f} s from the future"
    remedy = "set the clock of its sender, and of this machine, by NTP"
    return [warning("timestamps", message, remedy)]
