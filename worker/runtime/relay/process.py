"""A relay as a process of its own."""

from __future__ import annotations

from functools import partial

import structlog

from worker.kafka.retrying import jittered_backoff
from worker.runtime.index.covering import cover_changes
from worker.runtime.relay.metrics import RelayMetrics
from worker.runtime.relay.publishing import Relay
from worker.runtime.work_process import run_work
from worker.settings.connected import ConnectedSettings
from worker.storage.engine import create_engine

log = structlog.get_logger()


async def run_relay(settings: ConnectedSettings) -> int:
    """Run until a signal or a fatal error; return the exit code."""
    metrics = RelayMetrics()
    engine = create_engine(
        settings.database_url, application_name="marketmap-covering", pool_size=1
    )
    relay = Relay(
        settings,
        metrics,
        retry_delay=jittered_backoff(),
        on_published=partial(cover_changes, engine),
    )
    return await run_work(
        relay,
        settings,
        metrics,
        on_stopped=lambda: log.info("relay_stopped"),
        database=engine.dispose,
    )
