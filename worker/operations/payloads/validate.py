"""`marketmap validate`: what is wrong with a payload, field by field, for the team that sends it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, BinaryIO

import orjson
import typer
from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from schemas import Observation
from worker.cli.console import err, out
from worker.cli.progress import with_bar
from worker.cli.tables import printable
from worker.domain import resolve as resolver
from worker.domain.books.rows import Rejection, abbreviate
from worker.domain.index import MappingIndex
from worker.ingest.reading.decode import Decoded, UnreadableRecord, decode
from worker.ingest.reading.framing import unframed
from worker.operations.payloads.records import (
    MIB,
    CatalogueFile,
    LineRecord,
    MaxBytes,
    ObservationFile,
    catalogue_index,
    read_lines,
)

_NAMED = 15


@dataclass(frozen=True, slots=True)
class PayloadFault:
    """One thing that is wrong. ``field`` is a path in the observation, None when it concerns all of it."""

    field: str | None
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class PayloadReport:
    """What is to say about one record. ``unknown`` is no fault of the payload."""

    line_number: int
    platform: str | None
    event_id: str | None
    faults: list[PayloadFault]
    unknown: list[resolver.MissDocument]
    resolved: int
    outcomes: int


@dataclass(slots=True)
class Summary:
    """The counts over all records."""

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


def validate(
    file: ObservationFile,
    *,
    catalogue: CatalogueFile = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON lines: one for each record, the summary last."),
    ] = False,
    max_bytes: MaxBytes = 4 * MIB,
) -> None:
    """Say what is wrong with observations, as JSON lines or one JSON document. Exit code 1 if anything is.

    A market that no mapping knows is noted, but it is no fault of the payload.

    Example: marketmap validate observations.jsonl
    """
    index = catalogue_index(catalogue)
    summary = Summary()
    for record in with_bar(_records(file, max_bytes), file, as_lines=as_json):
        report = check(record, index, max_bytes)
        summary.add(report)
        if as_json:
            sys.stdout.buffer.write(orjson.dumps(report, option=orjson.OPT_APPEND_NEWLINE))
        elif report.faults:
            out.print(_table(report))
    if as_json:
        sys.stdout.buffer.write(
            orjson.dumps({"summary": summary}, option=orjson.OPT_APPEND_NEWLINE)
        )
    else:
        _conclude(summary)
    if summary.faults or not summary.records:
        raise typer.Exit(1)


def _records(file: BinaryIO, max_bytes: int) -> Iterator[LineRecord]:
    """JSON lines; or one document over many lines, told by a first line that only opens one."""
    lines = read_lines(file, max_bytes)
    first = next(lines, None)
    if first is None:
        err.print("There is nothing to validate.")
    elif _opens_document(first.value or b""):
        yield LineRecord(
            first.offset, (first.value or b"") + b"\n" + file.read(max_bytes + 1).rstrip()
        )
    else:
        yield first
        yield from lines


def _opens_document(line: bytes) -> bool:
    return line.rstrip().endswith((b"{", b"[", b",", b":")) and not _is_json(line)


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(unframed(line) or b"")
    except orjson.JSONDecodeError:
        return False
    return True


def check(record: LineRecord, index: MappingIndex, max_bytes: int) -> PayloadReport:
    """Everything that is wrong with one record."""
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
        faults=list(_market_faults(decoded, resolution, index)),
        unknown=list(map(resolver.miss_document, resolution.misses)),
        resolved=len(resolution.markets),
        outcomes=sum(len(prices) for _, prices in resolution.markets),
    )


def _field_faults(value: bytes | None, verdict: UnreadableRecord) -> list[PayloadFault]:
    """One fault for each field of the envelope, none when the record is refused before its fields count."""
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
    """What is rejected, each with where it stands; last what only the entries together make wrong."""
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


def _table(report: PayloadReport) -> Table:
    what = f"{report.platform or 'unreadable'} {report.event_id or ''}".strip()
    table = Table(
        "field",
        "code",
        "what is wrong",
        title=Text(printable(f"line {report.line_number}: {what}")),
    )
    for fault in report.faults:
        table.add_row(
            *(Text(printable(text)) for text in (fault.field or "-", fault.code, fault.detail))
        )
    return table


def _conclude(summary: Summary) -> None:
    out.print(
        f"{summary.records} records, {summary.good} without fault, {summary.faults} faults; "
        f"{summary.resolved} markets resolved with {summary.outcomes} outcomes."
    )
    if summary.unknown:
        common = [f"{name} ({count})" for name, count in summary.unknown.most_common(_NAMED)]
        more = len(summary.unknown) - len(common)
        out.print("Not mapped, which is no fault of the payload:", style="yellow")
        out.print(
            printable(", ".join(common)) + (f", and {more} more" if more else ""), markup=False
        )
