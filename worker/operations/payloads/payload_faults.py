"""What is wrong with an observation, field by field. Pure.

A record that cannot be read has the faults of its envelope. In one that can, each entry of `markets` is
resolved alone, which tells where a rejection is; then all together, for what only several entries make wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson
from pydantic import ValidationError

from schemas import Observation
from worker.domain import resolve as resolver
from worker.domain.books.rows import Rejection, abbreviate
from worker.domain.index import MappingIndex
from worker.ingest.reading.clock import NO_GUARD, ClockGuard
from worker.ingest.reading.decode import Decoded, UnreadableRecord, decode
from worker.ingest.reading.framing import unframed
from worker.operations.payloads.records import LineRecord


@dataclass(frozen=True, slots=True)
class PayloadFault:
    """One fault. ``field`` is a path in the observation, None when it concerns the whole record."""

    field: str | None
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class PayloadReport:
    """The findings about one record. ``unknown`` markets are not a fault of the payload."""

    line_number: int
    platform: str | None
    event_id: str | None
    faults: list[PayloadFault]
    unknown: list[resolver.MissDocument]
    resolved: int
    outcomes: int


@dataclass(slots=True)
class Summary:
    """Totals over all records."""

    records: int = 0
    good: int = 0
    faults: int = 0
    resolved: int = 0
    outcomes: int = 0
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, report: PayloadReport) -> None:
        self.records += 1
        self.good += not report.faults
        self.faults += len(report.faults)
        self.resolved += report.resolved
        self.outcomes += report.outcomes
        names = {(one["external_market_id"], one["market_name"]): None for one in report.unknown}
        self.unknown.update(f"{market_id} {name or ''}".strip() for market_id, name in names)


def check(
    record: LineRecord, index: MappingIndex, max_bytes: int, guard: ClockGuard = NO_GUARD
) -> PayloadReport:
    """Return everything that is wrong with one record."""
    value = unframed(record.value)
    decoded = decode(value, max_bytes=max_bytes)
    if isinstance(decoded, UnreadableRecord):
        faults = _field_faults(value, decoded) or [
            PayloadFault(None, decoded.reason, decoded.detail)
        ]
        return PayloadReport(record.offset, None, None, faults, [], 0, 0)
    resolution = resolver.resolve(decoded.observation, index)
    return PayloadReport(
        line_number=record.offset,
        platform=decoded.observation.platform,
        event_id=decoded.envelope["event"]["id"],
        faults=[*_clock_faults(decoded, guard), *_market_faults(decoded, resolution, index)],
        unknown=list(map(resolver.miss_document, resolution.misses)),
        resolved=len(resolution.markets),
        outcomes=sum(len(prices) for _, prices in resolution.markets),
    )


def _clock_faults(decoded: Decoded, guard: ClockGuard) -> Iterator[PayloadFault]:
    """Yield a fault for an observation from the future, by this machine's clock: a file has no timestamps."""
    objection = guard.objection(decoded.observed_at, timestamp_ms=0)
    if objection is not None:
        yield PayloadFault("observed_at", "OBSERVED_IN_FUTURE", objection)


def _field_faults(value: bytes | None, verdict: UnreadableRecord) -> list[PayloadFault]:
    """Return a fault for each field of the envelope; none when the record is refused before they matter."""
    if value is None or verdict.reason not in {"INVALID_FIELD", "WRONG_SHAPE"}:
        return []
    try:
        Observation.model_validate(orjson.loads(value))
    except ValidationError as error:
        return [
            PayloadFault(
                ".".join(map(str, one["loc"])) or "markets",
                verdict.reason,
                f"{one['msg']} (found {abbreviate(one['input'])})" if one["loc"] else one["msg"],
            )
            for one in error.errors(include_url=False)
        ]
    return []


def _market_faults(
    decoded: Decoded, resolution: resolver.Resolution, index: MappingIndex
) -> Iterator[PayloadFault]:
    """Yield what is rejected, each with its place; at the end what only several entries make wrong."""
    markets = decoded.observation.markets
    found: set[tuple[str, str | None, str]] = set()
    if isinstance(markets, list):
        for number, entry in enumerate(markets):
            alone = resolver.Observation(
                decoded.observation.platform,
                [entry],
                decoded.observation.home,
                decoded.observation.away,
            )
            for rejection in resolver.resolve(alone, index).rejected:
                found.add(rejection[:3])
                yield _fault(f"markets[{number}]", rejection)
    for rejection in resolution.rejected:
        if rejection[:3] not in found:
            yield _fault("markets", rejection)


def _fault(where: str, rejection: Rejection) -> PayloadFault:
    line = "" if rejection.line is None else f" at {rejection.line}"
    return PayloadFault(
        where, rejection.code, f"{rejection.external_market_id}{line}: {rejection.detail}"
    )
