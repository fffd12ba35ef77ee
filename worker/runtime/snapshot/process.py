"""A snapshot process: keeps the newest odds of every event in a compacted topic. It needs no database."""

from __future__ import annotations

import structlog

from worker.kafka.retrying import jittered_backoff
from worker.runtime.snapshot.following import Snapshot
from worker.runtime.snapshot.metrics import SnapshotMetrics
from worker.runtime.work_process import run_work
from worker.settings.connected import KafkaSettings

log = structlog.get_logger()


async def run_snapshot(settings: KafkaSettings) -> int:
    """Run until a signal or a fatal error; return the exit code."""
    metrics = SnapshotMetrics()
    snapshot = Snapshot(settings, metrics, retry_delay=jittered_backoff())
    return await run_work(
        snapshot, settings, metrics, on_stopped=lambda: log.info("snapshot_stopped")
    )
