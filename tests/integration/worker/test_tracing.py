"""Spans as a collector gets them from a worker, and the lines of its log that lead to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.services.installation import Installation, Published, execute
from tests.support.stream import stream

pytestmark = pytest.mark.services

TOTAL = 14
SENDER = f"00-{7:032x}-{9:016x}-01".encode()
REFUSE = "ALTER TABLE unmapped_market_log ADD CONSTRAINT banned CHECK (external_market_id <> 'seventh 5')"


@dataclass
class Collector:
    """Takes spans by OTLP over HTTP."""

    address: str = ""
    spans: list[Span] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        sent = ExportTraceServiceRequest.FromString(await request.read())
        self.spans += [
            span for one in sent.resource_spans for scope in one.scope_spans for span in scope.spans
        ]
        return web.Response()


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector, application = Collector(), web.Application()
    application.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        collector.address = f"http://{host}:{port}"
        yield collector
    finally:
        await runner.cleanup()


def traced(records: list[Published]) -> list[Published]:
    return [(topic, key, value, [("traceparent", SENDER)]) for topic, key, value, _ in records]


async def test_a_line_logged_in_a_batch_leads_to_its_span_and_that_to_the_sender(
    installation: Installation,
) -> None:
    await execute(installation.settings.database_url, REFUSE)
    await installation.publish(traced(stream(TOTAL)))
    async with collecting() as collector:
        installation.start_worker(
            MARKETMAP_TRACING="true",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.address,
            NO_PROXY="127.0.0.1",
        )
        await installation.caught_up()
        assert await installation.stop_worker() == 0
    spans = {span.trace_id.hex(): span for span in collector.spans}
    within = [line for line in installation.logs() if line["event"] == "counts_refused"]
    assert within
    for line in within:
        span = spans[line["trace_id"]]
        assert span.span_id.hex() == line["span_id"]
        assert [(link.trace_id.hex(), link.span_id.hex()) for link in span.links] == [
            (f"{7:032x}", f"{9:016x}")
        ]
    outside = [
        line
        for line in installation.logs()
        if line["event"] in {"partition_opened", "index_loaded"}
    ]
    assert outside
    assert not [line for line in outside if "trace_id" in line]


async def test_a_collector_that_is_away_costs_spans_and_nothing_else(
    installation: Installation,
) -> None:
    await installation.publish(traced(stream(TOTAL)))
    installation.start_worker(
        MARKETMAP_TRACING="true",
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
        NO_PROXY="127.0.0.1",
    )
    await installation.caught_up()
    assert await installation.stop_worker() == 0
    assert sum((await installation.counts()).values()) == 2 * TOTAL
