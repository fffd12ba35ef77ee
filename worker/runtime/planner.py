"""What a planner needs, as the settings describe it: the encoder of verdicts, and the clock guard."""

from __future__ import annotations

import time

from worker.ingest.planning.encode import Encoder
from worker.ingest.reading.clock import ClockGuard
from worker.settings.settings import Settings


def make_encoder(
    settings: Settings, *, replay_id: str | None = None, resolved_topic: str | None = None
) -> Encoder:
    """Make the encoder of the live worker, or of a replay; ``resolved_topic`` None is the live topic."""
    return Encoder(
        resolved_topic=resolved_topic or settings.topics.resolved,
        dead_topic=settings.topics.dead,
        group=settings.group_id,
        max_bytes=settings.max_message_bytes,
        max_dead_bytes=2 * settings.max_message_bytes,
        replay_id=replay_id,
    )


def clock_guard(settings: Settings) -> ClockGuard:
    """Make the guard against observations from the future, with this machine's clock."""
    return ClockGuard(settings.max_clock_ahead_s, time.time)
