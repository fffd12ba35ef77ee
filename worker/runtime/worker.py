"""The composition root of a worker: the one file that knows every part, and only puts them together.

Read `make_worker` from top to bottom: it makes each part and hands it what it needs. It connects to nothing
and starts nothing. How the parts are started and stopped is in `lifecycle`, whether they can work in
`readiness`, what they report in `reports`.

    Kafka --> consumer --> handler --> planner        bytes to a plan, with the current mapping index
                              |------> outputs        P: publish, and wait for every acknowledgement
                              |------> counting       D: one transaction, watermarks and misses
                              '------> assignment     K: commit offsets; which partitions are open
    Postgres --> mappings --> index                   the table, followed; swapped between batches
    counting --> announcer --> outputs                first sightings

Next to that run the watchdog, which judges from outside whether the work moves, and the HTTP endpoints.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any, Final

from aiokafka import TopicPartition

from worker.ingest.consumer import Fetching, application, consume, handle_with
from worker.ingest.handler import BatchHandler
from worker.ingest.partitions.assignment import Assignment
from worker.ingest.planning.brake import Brake, Limits
from worker.ingest.planning.recall import make_planner
from worker.ingest.polls import BatchLimits
from worker.ingest.reading.field_samples import FieldSampler
from worker.kafka.client.introductions import Introduction
from worker.kafka.client.positions import fetch_positions
from worker.kafka.connections import admin_of, broker_connection, client_connection, prepare_reading
from worker.kafka.producer import Outputs
from worker.kafka.record import Outgoing
from worker.kafka.retrying import jittered_backoff
from worker.runtime.announcer import Announcer
from worker.runtime.coordinates import PartitionLookup
from worker.runtime.counting import LedgerWriter
from worker.runtime.index.covering import cover_changes
from worker.runtime.index.following import LiveMappings
from worker.runtime.index.live import LiveIndex
from worker.runtime.lifecycle import Worker, WorkerParts, never_raising
from worker.runtime.liveness.outlook import BatchProgress, ProgressProbe
from worker.runtime.liveness.snapshots import SnapshotWatch
from worker.runtime.liveness.watchdog import Awaited, Progress, Watchdog
from worker.runtime.planner import clock_guard, make_encoder
from worker.runtime.process import Stop
from worker.runtime.readiness import OwnStatus, Readiness, RequiredTopics
from worker.runtime.relay.metrics import RelayMetrics
from worker.runtime.relay.publishing import Relay
from worker.runtime.reports import Reports
from worker.runtime.telemetry.group_status import GroupSurvey
from worker.runtime.telemetry.health import HealthServer
from worker.runtime.telemetry.metrics import Metrics
from worker.runtime.telemetry.status import StatusPage
from worker.runtime.telemetry.totals import Totals
from worker.runtime.telemetry.tracing import tracing
from worker.settings.connected import ConnectedSettings
from worker.settings.settings import Settings
from worker.storage.engine import create_engine
from worker.storage.ledger import Ledger

# A batch is planned in this many parts: one while the one before it is being published.
_PARTS: Final = 4


def make_worker(settings: ConnectedSettings) -> Worker:
    """Put a worker together. Nothing is connected or started before `Worker.run`."""
    stop = Stop()
    retry_delay = jittered_backoff()
    observations = list(settings.topics.observations.values())

    # What is reported, and where it goes.
    metrics = Metrics()
    totals = Totals(time.monotonic())
    tracer = tracing(settings)
    batch_progress = BatchProgress()
    index = LiveIndex()
    reports = Reports(metrics, totals, batch_progress, index)

    # The database: mappings in, counts out.
    engine = create_engine(settings.database_url, pool_size=settings.database_connections)
    mappings = LiveMappings(
        engine,
        settings.database_url,
        index,
        poll_s=settings.index_poll_s,
        retry_delay=retry_delay,
        report=reports,
    )
    ledger = Ledger(engine, settings.group_id, most_new=settings.max_new_markets_per_hour)
    outputs = Outputs(
        client_connection(settings),
        timeout_s=settings.publish_timeout_s,
    )
    announcer = Announcer(ledger, outputs, settings.topics.unmapped, retry_delay=retry_delay)
    counting = LedgerWriter(
        ledger, retry_delay=retry_delay, report=reports, on_first_sighting=announcer.wake
    )

    # Kafka: which partitions are ours, and what is done with a batch of them.
    admin = admin_of(settings)
    topics = RequiredTopics(admin, [*observations, *settings.topics.outputs])
    assignment = Assignment(
        PartitionLookup(admin, counting, settings.group_id),
        drain_timeout_s=settings.drain_timeout_s,
        commit_timeout_s=settings.commit_timeout_s,
        retry_delay=retry_delay,
        report=reports,
        on_fatal=stop.fail,
        on_truncation=settings.on_truncation,
    )
    prepare_reading(settings)
    app = application(
        settings.kafka_bootstrap_servers, settings.client_id, broker_connection(settings)
    )
    broker: Any = app.broker
    subscriber, ahead = consume(
        broker, observations, settings.group_id, _fetching(settings), assignment, on_fatal=stop.fail
    )
    assignment.attach(lambda: subscriber.consumer)
    handler: BatchHandler[Outgoing] = BatchHandler(
        assignment=assignment,
        indexes=index,
        planner=make_planner(
            make_encoder(settings),
            max_message_bytes=settings.max_message_bytes,
            guard=clock_guard(settings),
        ),
        outputs=outputs,
        counts=counting,
        part_max_bytes=max(1, settings.batch_max_bytes // _PARTS),
        report=reports,
        ahead=ahead,
        limits=BatchLimits(
            settings.count_interval_s, settings.count_max_bytes, settings.count_max_records
        ),
        brake=_brake(settings),
        around=tracer.batch,
        sampler=FieldSampler(max_bytes=settings.max_message_bytes),
    )
    handle_with(
        subscriber,
        never_raising(handler.handle, batch_progress=batch_progress, stop=stop),
    )

    relay = None
    if settings.relay_in_worker:
        relay = Relay(
            settings,
            RelayMetrics(metrics.registry),
            retry_delay=retry_delay,
            on_published=partial(cover_changes, engine),
        )

    # Whether the work moves.
    def handed_over(places: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        consumer = subscriber.consumer
        return {} if consumer is None else fetch_positions(consumer, places)

    # A question to the cluster ends after half of this, unless the client breaks its own timeout.
    look_timeout_s = 2 * settings.admin_timeout_s
    probe = ProgressProbe(
        admin,
        assignment,
        batch_progress,
        topics=observations,
        handed_over=handed_over,
        database_blocks=lambda: not index.is_loaded or counting.blocked_by is not None,
        report=reports,
        timeout_s=look_timeout_s,
    )

    async def look() -> list[Awaited]:
        return [*await probe.look(), *(relay.standings() if relay else [])]

    watchdog = Watchdog(
        look,
        Progress(settings.stall_timeout_s, settings.watchdog_interval_s + look_timeout_s),
        interval_s=settings.watchdog_interval_s,
        report=reports,
    )

    # What is said of it over HTTP.
    readiness = Readiness(
        index=index,
        mappings=mappings,
        topics=topics,
        assignment=assignment,
        counting=counting,
        probe=probe,
        reports=reports,
    )
    own = OwnStatus(
        settings.group_id,
        settings.console_public_url,
        readiness=readiness,
        watchdog=watchdog,
        totals=totals,
        assignment=assignment,
        index=index,
        mappings=mappings,
    )
    survey = GroupSurvey(admin, ledger, settings.group_id, observations)
    health = HealthServer(
        settings.http_host,
        settings.http_port,
        metrics,
        not_ready=readiness.not_ready,
        notes=readiness.notes,
        stalled=watchdog.stalled,
        not_started=readiness.not_started,
        status=StatusPage(engine, own.now, survey.look).html,
    )

    parts = WorkerParts(
        stop=stop,
        metrics=metrics,
        tracing=tracer,
        engine=engine,
        mappings=mappings,
        topics=topics,
        outputs=outputs,
        assignment=assignment,
        application=app,
        announcer=announcer,
        relay=relay,
        probe=probe,
        watchdog=watchdog,
        snapshots=SnapshotWatch(engine, report=reports),
        health=health,
    )
    return Worker(settings, parts, retry_delay=retry_delay)


def _fetching(settings: Settings) -> Fetching:
    return Fetching(
        max_records=settings.batch_max_records,
        max_partition_bytes=settings.max_message_bytes,
        max_bytes=settings.batch_max_bytes,
        wait_ms=round(settings.fetch_wait_s * 1000),
        session_timeout_ms=round(settings.session_timeout_s * 1000),
        rebalance_timeout_ms=round(settings.rebalance_timeout_s * 1000),
        member_name=settings.member_name,
        introduction=Introduction(version("market-mapping-worker"), datetime.now(UTC)),
    )


def _brake(settings: Settings) -> Brake:
    return Brake(Limits(settings.brake_consecutive, settings.brake_ratio, settings.brake_window))
