"""Spans of batches, as an exporter gets them; and that nothing is paid for them where they are off."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id
from structlog.contextvars import merge_contextvars
from structlog.testing import LogCapture

from tests.support.records import FakeRecord
from worker.runtime.telemetry.spans import Spans
from worker.runtime.telemetry.tracing import NoTracing, tracing
from worker.settings import checks as settings_module
from worker.settings.settings import Settings

PARENTS = [f"00-{number:032x}-{number:016x}-01".encode() for number in range(1, 201)]
SETTINGS: Any = {
    "database_url": "postgresql://localhost/x",
    "kafka_bootstrap_servers": "localhost:9092",
}


def sent_by(*parents: bytes | None) -> list[FakeRecord]:
    return [FakeRecord(headers=[("other", b"x"), ("traceparent", parent)]) for parent in parents]


class Traced:
    """Spans of a worker, and where they go."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.spans = Spans("group", SimpleSpanProcessor(self.exporter))


@pytest.fixture
def traced() -> Traced:
    return Traced()


def test_a_batch_is_one_span_that_says_of_what(traced: Traced) -> None:
    with traced.spans.batch(sent_by(*PARENTS[:3])):
        pass
    (span,) = traced.exporter.get_finished_spans()
    assert (span.name, span.kind, span.parent) == ("process observations", SpanKind.CONSUMER, None)
    told = dict(span.attributes or {})
    assert told["messaging.batch.message_count"] == 3
    assert told["messaging.consumer.group.name"] == "group"
    assert span.resource.attributes["service.name"] == "market-mapping-worker"


def test_it_is_linked_to_the_span_of_each_sender_once(traced: Traced) -> None:
    with traced.spans.batch(sent_by(PARENTS[0], PARENTS[1], PARENTS[0])):
        pass
    (span,) = traced.exporter.get_finished_spans()
    assert [link.context.trace_id for link in span.links] == [1, 2]


def test_links_are_bounded(traced: Traced) -> None:
    with traced.spans.batch(sent_by(*PARENTS)):
        pass
    (span,) = traced.exporter.get_finished_spans()
    assert len(span.links) == 128


@pytest.mark.parametrize(
    "header",
    [
        None,
        b"",
        b"\xff\xfe",
        b"nonsense",
        b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01",
        b"00-1" * 1_000_000,
    ],
    ids=["null", "empty", "no text", "nonsense", "zeros", "4 MB"],
)
def test_a_header_that_names_no_span_is_passed_over(traced: Traced, header: bytes | None) -> None:
    with traced.spans.batch(sent_by(header, PARENTS[0])):
        pass
    (span,) = traced.exporter.get_finished_spans()
    assert [link.context.trace_id for link in span.links] == [1]


def test_a_batch_that_failed_is_told_as_such(traced: Traced) -> None:
    with pytest.raises(ValueError, match="broken"), traced.spans.batch(sent_by()):
        raise ValueError("broken")
    (span,) = traced.exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR


def test_lines_that_are_logged_in_a_batch_carry_its_ids_and_later_ones_do_not(
    traced: Traced,
) -> None:
    lines = LogCapture()
    log = structlog.wrap_logger(None, processors=[merge_contextvars, lines])
    with traced.spans.batch(sent_by()):
        log.warning("counting_waits")
    log.warning("stopping")
    (span,) = traced.exporter.get_finished_spans()
    within, after = lines.entries
    assert within["trace_id"] == format_trace_id(span.context.trace_id)
    assert "trace_id" not in after


async def test_stopping_sends_what_is_left_and_may_be_repeated(traced: Traced) -> None:
    await traced.spans.stop()
    await traced.spans.stop()


async def test_it_is_off_unless_it_is_asked_for() -> None:
    assert isinstance(tracing(Settings(**SETTINGS)), NoTracing)
    wanted = tracing(Settings(**SETTINGS, tracing=True))
    assert isinstance(wanted, Spans)
    await wanted.stop()


def test_without_the_extra_it_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings_module, "_is_installed", lambda distribution: False)
    with pytest.raises(ValueError, match=r"pip install 'market-mapping-worker\[tracing\]'"):
        Settings(**SETTINGS, tracing=True)


def test_a_worker_that_does_not_trace_does_not_import_it() -> None:
    imported = "{'opentelemetry.trace', 'opentelemetry.sdk'} & sys.modules.keys()"
    code = f"import sys, worker.runtime.worker; sys.exit(bool({imported}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
