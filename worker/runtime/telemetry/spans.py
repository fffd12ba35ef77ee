"""One OpenTelemetry span for the publishing of each batch, linked to the spans of those who sent its records.

Needs the extra `tracing`. OpenTelemetry's own variables say where spans go and how many, for instance
OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_TRACES_SAMPLER.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    format_span_id,
    format_trace_id,
    get_current_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.contextvars import bound_contextvars

from worker.kafka.record import Record

_HEADER: Final = "traceparent"
_LONGEST_HEADER: Final = 128
_MOST_LINKS: Final = 128


def otlp_processor() -> SpanProcessor:
    """Sends spans from a thread of its own; what cannot be sent is dropped, and nothing waits for it."""
    return BatchSpanProcessor(OTLPSpanExporter())


class Spans:
    def __init__(self, group: str, processor: SpanProcessor) -> None:
        named = Resource({SERVICE_NAME: "market-mapping-worker"}).merge(
            OTELResourceDetector().detect()
        )
        self._provider = TracerProvider(resource=named, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("marketmap")
        self._group = group

    @contextmanager
    def batch(self, records: Sequence[Record]) -> Iterator[None]:
        """A span around the work on a batch.

        Its ids are in every line that is logged by this task, and by those that begin in it.
        """
        attributes: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.consumer.group.name": self._group,
            "messaging.batch.message_count": len(records),
        }
        links = [Link(sender) for sender in islice(senders(records), _MOST_LINKS)]
        with self._tracer.start_as_current_span(
            "process observations", Context(), SpanKind.CONSUMER, attributes, links
        ) as span:
            own = span.get_span_context()
            with bound_contextvars(
                trace_id=format_trace_id(own.trace_id), span_id=format_span_id(own.span_id)
            ):
                yield

    async def stop(self) -> None:
        """Send what is not sent yet. In a thread: the receiver of the spans may be unavailable."""
        await asyncio.to_thread(self._provider.shutdown)


def senders(records: Sequence[Record]) -> Iterator[SpanContext]:
    """The spans in which records were sent, each once; an invalid header is ignored."""
    headers = (header for record in records for header in record.headers)
    values = {value for name, value in headers if name == _HEADER and value is not None}
    return (sender for value in sorted(values) if (sender := _sender(value)).is_valid)


def _sender(header: bytes) -> SpanContext:
    carrier = {_HEADER: header[:_LONGEST_HEADER].decode("ascii", "replace")}
    return get_current_span(
        TraceContextTextMapPropagator().extract(carrier, Context())
    ).get_span_context()
