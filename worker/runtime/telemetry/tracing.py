"""Tracing, if it is wanted; if not, nothing of OpenTelemetry is imported."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from worker.kafka.record import Record
from worker.settings.settings import Settings


class Tracing(Protocol):
    def batch(self, records: Sequence[Record]) -> AbstractContextManager[object]:
        """Around the publishing of a batch, until it is to be counted."""

    async def stop(self) -> None:
        """Send what is not sent yet."""


class NoTracing:
    def batch(self, _: Sequence[Record]) -> AbstractContextManager[object]:
        return nullcontext()

    async def stop(self) -> None:
        return


def tracing(settings: Settings) -> Tracing:
    if not settings.tracing:
        return NoTracing()
    from worker.runtime.telemetry.spans import Spans, otlp_processor  # noqa: PLC0415  # an extra: it may not be installed

    return Spans(settings.group_id, otlp_processor())
