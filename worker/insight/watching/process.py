"""An insight process: watches events, and judges mappings and missed markets by the odds.

It reads from Kafka and the database, and writes to the database, and grades to a topic.
"""

from __future__ import annotations

import structlog

from worker.insight.shipped import shipped_judge
from worker.insight.watching.following import Insight
from worker.insight.watching.metrics import InsightMetrics
from worker.kafka.retrying import jittered_backoff
from worker.runtime.work_process import run_work
from worker.settings.connected import ConnectedSettings

log = structlog.get_logger()


async def run_insight(settings: ConnectedSettings) -> int:
    """Run until a signal or a fatal error; return the exit code."""
    metrics = InsightMetrics()
    insight = Insight(settings, shipped_judge(), metrics, retry_delay=jittered_backoff())
    return await run_work(
        insight, settings, metrics, on_stopped=lambda: log.info("insight_stopped")
    )
