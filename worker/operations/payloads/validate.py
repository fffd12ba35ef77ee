"""`marketmap validate`: check payloads field by field, for the team that sends them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Annotated, BinaryIO

import orjson
import typer
from rich.table import Table
from rich.text import Text

from worker.cli.console import err, out, printable
from worker.cli.progress import with_bar
from worker.cli.tables import print_table
from worker.cli.words import number_of
from worker.ingest.reading.clock import ClockGuard
from worker.ingest.reading.framing import unframed
from worker.operations.payloads.mistakes import is_compressed
from worker.operations.payloads.payload_faults import PayloadReport, Summary, check
from worker.operations.payloads.records import (
    CatalogueFile,
    LineRecord,
    MaxBytes,
    MaxClockAhead,
    ObservationFile,
    catalogue_index,
    read_lines,
)
from worker.settings.checks import MIB

_NAMED = 15


def validate(
    file: ObservationFile,
    *,
    catalogue: CatalogueFile = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print JSON lines: one for each record, the summary last."),
    ] = False,
    max_bytes: MaxBytes = 4 * MIB,
    max_clock_ahead_s: MaxClockAhead = 300,
) -> None:
    """Check observations from a file: JSON lines, or one JSON document. Exit code 1 if anything is wrong.

    A market without a mapping is listed, but it is not a fault of the payload.

    Example: marketmap validate observations.jsonl
    """
    index = catalogue_index(catalogue)
    summary = Summary()
    guard = ClockGuard(max_clock_ahead_s, time.time)
    for record in with_bar(_records(file, max_bytes), file, as_lines=as_json):
        report = check(record, index, max_bytes, guard)
        summary.add(report)
        if as_json:
            sys.stdout.buffer.write(orjson.dumps(report, option=orjson.OPT_APPEND_NEWLINE))
        elif report.faults:
            print_table(_table(report))
            _print_fixes(report)
    if as_json:
        sys.stdout.buffer.write(
            orjson.dumps({"summary": summary}, option=orjson.OPT_APPEND_NEWLINE)
        )
    else:
        _conclude(summary)
    if summary.faults or not summary.records:
        raise typer.Exit(1)


def _records(file: BinaryIO, max_bytes: int) -> Iterator[LineRecord]:
    """Yield JSON lines; or one document over many lines, if the first line only opens one."""
    lines = read_lines(file, max_bytes)
    first = next(lines, None)
    if first is None:
        err.print("There is nothing to validate.")
    elif is_compressed(first.value or b""):
        yield first  # what follows is no line
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


def _print_fixes(report: PayloadReport) -> None:
    for fault in report.faults:
        if fault.fix is not None:
            where = "" if fault.field is None else f"{fault.field}: "
            out.print(printable(f"  {where}{fault.fix}."), markup=False, soft_wrap=True)


def _conclude(summary: Summary) -> None:
    resolved, outcomes = (
        number_of(summary.resolved, "market"),
        number_of(summary.outcomes, "outcome"),
    )
    out.print(f"{_verdict(summary)}. {resolved} resolved with {outcomes}.", soft_wrap=True)
    if summary.unknown:
        common = [f"{name} ({count})" for name, count in summary.unknown.most_common(_NAMED)]
        more = len(summary.unknown) - len(common)
        out.print("Not mapped, which is not a fault of the payload:", style="yellow")
        out.print(
            printable(", ".join(common)) + (f", and {more} more" if more else ""), markup=False
        )


def _verdict(summary: Summary) -> str:
    observations = number_of(summary.records, "observation")
    faults = number_of(summary.faults, "fault")
    if not summary.faults:
        return f"{observations} without fault"
    if not summary.good:
        return f"{observations} with {faults}"
    others = number_of(summary.records - summary.good, "other")
    return (
        f"{observations}: {summary.good} without fault, {faults} in the {others.removeprefix('1 ')}"
    )
