"""What is wrong with an observation, field by field. Pure.

A record that holds one of the usual mistakes (`mistakes`) is answered with its name and what to do about it.
Otherwise, a record that cannot be read has the faults of its envelope. In one that can be read, each entry of
`markets` is resolved alone, which shows where a rejection is; then all together, for faults that only several
entries make.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import orjson
from pydantic import ValidationError

from schemas import Observation
from worker.domain import resolve as resolver
from worker.domain.books.rows import Rejection, abbreviate
from worker.domain.index import MappingIndex
from worker.ingest.reading.clock import NO_GUARD, ClockGuard
from worker.ingest.reading.decode import Decoded, UnreadableRecord, decode
from worker.ingest.reading.framing import unframed
from worker.operations.payloads.mistakes import (
    Mistake,
    MistakeCode,
    mistake_of_record,
    mistakes_of_fields,
)
from worker.operations.payloads.records import LineRecord

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Reasons of which each field of the envelope can say more.
_OF_FIELDS: Final = frozenset({"INVALID_FIELD", "WRONG_SHAPE", "UNSUPPORTED_PLATFORM"})


@dataclass(frozen=True, slots=True)
class PayloadFault:
    """One fault. ``field`` is a path in the observation, None when it concerns the whole record.

    ``code`` is the reason that the worker gives, ``mistake`` what it probably is, and ``fix`` what to do.
    """

    field: str | None
    code: str
    detail: str
    mistake: MistakeCode | None = None
    fix: str | None = None


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
        return PayloadReport(record.offset, None, None, _unreadable(value, decoded), [], 0, 0)
    mistakes = list(mistakes_of_fields(orjson.loads(value or b"")))
    swapped = [one for one in mistakes if one.code == "SWAPPED_PLATFORM"]
    if swapped:
        faults = [_of_mistake(one, "WRONG_SHAPE") for one in mistakes]
        platform, event_id = decoded.observation.platform, decoded.envelope["event"]["id"]
        return PayloadReport(record.offset, platform, event_id, faults, [], 0, 0)
    resolution = resolver.resolve(decoded.observation, index)
    return PayloadReport(
        line_number=record.offset,
        platform=decoded.observation.platform,
        event_id=decoded.envelope["event"]["id"],
        faults=[
            *(_of_mistake(one, one.code) for one in mistakes),
            *_clock_faults(decoded, guard),
            *_market_faults(decoded, resolution, index),
        ],
        unknown=list(map(resolver.miss_document, resolution.misses)),
        resolved=resolution.resolved,
        outcomes=sum(len(prices) for _, prices in resolution.markets)
        + sum(len(found.prices) for found in resolution.players),
    )


def _clock_faults(decoded: Decoded, guard: ClockGuard) -> Iterator[PayloadFault]:
    """Yield a fault for an observation from the future, by this machine's clock: a file has no timestamps."""
    objection = guard.objection(decoded.observed_at, timestamp_ms=0)
    if objection is not None:
        yield PayloadFault("observed_at", "OBSERVED_IN_FUTURE", objection)


def _unreadable(value: bytes | None, verdict: UnreadableRecord) -> list[PayloadFault]:
    """Return what is wrong with a record that is refused: its one mistake, or its fields, or the verdict."""
    mistake = mistake_of_record(value)
    if mistake is not None:
        return [_of_mistake(mistake, verdict.reason)]
    if value is None or verdict.reason not in _OF_FIELDS:
        return [PayloadFault(None, verdict.reason, verdict.detail)]
    document = orjson.loads(value)
    mistakes = {mistake.field: mistake for mistake in mistakes_of_fields(document)}
    faults = []
    for error in _errors(document):
        field = ".".join(map(str, error["loc"])) or "markets"
        mistake = mistakes.pop(field, None)
        if (
            field == "markets" and mistake is None
        ):  # which they are not, because another platform is named
            mistake = mistakes.pop("platform", None)
        faults.append(_of_field(field, error, verdict.reason, mistake))
    # What the worker says nothing of: an optional field that is misspelt.
    faults += [_of_mistake(mistake, mistake.code) for mistake in mistakes.values()]
    return faults or [PayloadFault(None, verdict.reason, verdict.detail)]


def _errors(document: object) -> list[ErrorDetails]:
    try:
        Observation.model_validate(document)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _of_field(
    field: str, error: ErrorDetails, reason: str, mistake: Mistake | None
) -> PayloadFault:
    is_missing = error["type"] == "missing"
    detail = "is missing" if is_missing else error["msg"]
    if error["loc"] and not is_missing:
        detail = f"{detail} (found {abbreviate(error['input'])})"
    if mistake is None:
        return PayloadFault(field, reason, detail)
    # A missing field is explained by what is there in its place; any other keeps the worker's sentence.
    return PayloadFault(
        field, reason, mistake.what if is_missing else detail, mistake.code, mistake.fix
    )


def _of_mistake(mistake: Mistake, code: str) -> PayloadFault:
    return PayloadFault(mistake.field, code, mistake.what, mistake.code, mistake.fix)


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
