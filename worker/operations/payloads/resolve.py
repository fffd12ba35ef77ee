"""`marketmap resolve`: observations in, the worker's output out."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, NamedTuple

import orjson
import typer

from worker.cli.console import err, fail
from worker.cli.progress import with_bar
from worker.domain.books.bet9ja import parse_key
from worker.domain.explain import Explanation, explain
from worker.domain.index import MappingIndex
from worker.domain.resolve import Resolution
from worker.ingest.planning.encode import resolved_event
from worker.ingest.planning.plan import Planner
from worker.ingest.reading.clock import ClockGuard
from worker.ingest.reading.decode import UnreadableRecord, decode
from worker.ingest.reading.framing import unframed
from worker.ingest.reading.record_ids import RecordIds
from worker.kafka.record import Partition, Record
from worker.operations.payloads.mistakes import mistake_of_record
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

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from schemas import DeadReason

_FILE = Partition("file", 0, "file")
_COMMAND_LINE = "COMMANDLINE"


def resolve(
    ctx: typer.Context,
    file: ObservationFile,
    *,
    catalogue: CatalogueFile = None,
    database: Annotated[
        bool, typer.Option("--database", help="Use the active mappings of the database.")
    ] = False,
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="MARKETMAP_DATABASE_URL",
            help="Address of Postgres; given here, it implies --database.",
        ),
    ] = None,
    as_of: Annotated[
        int | None,
        typer.Option(
            metavar="VERSION",
            min=0,
            help="Use the mappings as they were at this version; implies --database.",
        ),
    ] = None,
    explain_market: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="MARKET[?QUALIFIER]",
            help="Explain why one market resolves as it does: 18, 18?total=2.5, S_OU@2.5.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="With --explain: print JSON lines. Otherwise it is JSON anyway.",
        ),
    ] = False,
    max_bytes: MaxBytes = 4 * MIB,
    max_clock_ahead_s: MaxClockAhead = 300,
) -> None:
    """Resolve observations from a file: one JSON line in, one ResolvedEvent out, in order.

    A record that cannot be read gives {"error": ...} in its place, and exit code 1; a usual mistake, such as
    a bookmaker's own reply, comes with what to do (fix). So does one that the
    worker's clock guard refuses now, because it is observed in the future; --explain says so and explains it.

    Needs no broker, and a database only with --database.

    Example: marketmap resolve observations.jsonl --explain "18?total=2.5"
    """
    # An address from the environment says where the database is, not that it should be used.
    source = ctx.get_parameter_source("database_url")
    wants_database = (
        database or as_of is not None or (source is not None and source.name == _COMMAND_LINE)
    )
    if wants_database and catalogue is not None:
        fail("Give either --catalogue or --database.", code=2)
    index = _database_index(database_url, as_of) if wants_database else catalogue_index(catalogue)
    guard = ClockGuard(max_clock_ahead_s, time.time)
    if explain_market is None:
        all_good = _resolve_lines(file, index, max_bytes, guard)
    else:
        lines = _Lines(file, index, max_bytes, guard)
        all_good = _explain_lines(lines, explain_market, as_json=as_json)
    if not all_good:
        raise typer.Exit(1)


def _database_index(database_url: str | None, as_of: int | None) -> MappingIndex:
    from worker.cli.database import read_database  # noqa: PLC0415  only with a database
    from worker.runtime.index.live import build_index  # noqa: PLC0415  as above
    from worker.storage import audit, mappings  # noqa: PLC0415  as above

    async def read(connection: AsyncConnection) -> MappingIndex:
        if as_of is None:
            return build_index(*await mappings.load_index_rows(connection))
        return build_index(as_of, await audit.table_as_of(connection, as_of))

    try:
        return read_database(database_url, read)
    except audit.UnknownVersionError as error:
        fail(f"--as-of: {error}", code=2)


class _AsDocuments:
    """The JSON documents of the output; an error document in place of a dead letter."""

    def resolved(
        self,
        source_id: str,
        record: Record,
        envelope: dict[str, Any],
        resolution: Resolution,
        version: int,
    ) -> bytes:
        del source_id, record
        return resolved_event(envelope, resolution, version)

    def dead(
        self, source_id: str, record: Record, reason: DeadReason, detail: str, ids: RecordIds
    ) -> bytes:
        del source_id, ids
        error = {"reason": reason, "detail": detail, "line_number": record.offset}
        mistake = mistake_of_record(unframed(record.value))
        if mistake is not None:
            error |= {"detail": mistake.what, "fix": mistake.fix}
        return orjson.dumps({"error": error})


def _resolve_lines(file: BinaryIO, index: MappingIndex, max_bytes: int, guard: ClockGuard) -> bool:
    """Write one line for each record; return whether all could be read."""
    planner = Planner(_AsDocuments(), max_message_bytes=max_bytes, guard=guard)
    all_good = True
    for record in with_bar(read_lines(file, max_bytes), file, as_lines=True):
        planned = planner.plan(record, _FILE, index)
        all_good = all_good and planned.dead is None
        _write_line(planned.output)
    return all_good


def _write_line(document: bytes) -> None:
    sys.stdout.buffer.write(document + b"\n")


class _Lines(NamedTuple):
    """The records to explain, and what they are read and resolved with."""

    file: BinaryIO
    mappings: MappingIndex
    max_bytes: int
    guard: ClockGuard


class _Explained(NamedTuple):
    """``refusal`` says why the worker's clock guard refuses the record now; None when it does not."""

    envelope: dict[str, Any]
    explanation: Explanation
    refusal: str | None


def _explain_lines(lines: _Lines, market: str, *, as_json: bool) -> bool:
    """Explain the market in each observation that has it; return whether all records could be read."""
    market_id, qualifier = split_market(market)
    found, all_good = False, True
    explanations = _explained(lines, market_id, qualifier)
    for record, explained in with_bar(explanations, lines.file, as_lines=as_json):
        if isinstance(explained, UnreadableRecord):
            all_good = False
            err.print(f"line {record.offset}: {explained.reason}: {explained.detail}", markup=False)
        elif explained.explanation.found:
            found = True
            _show(record, explained, as_json=as_json)
    if not found:
        fail(f"No readable observation has the market {market}.")
    return all_good


def _explained(
    lines: _Lines, market_id: str, qualifier: str | None
) -> Iterator[tuple[LineRecord, UnreadableRecord | _Explained]]:
    for record in read_lines(lines.file, lines.max_bytes):
        decoded = decode(unframed(record.value), max_bytes=lines.max_bytes)
        if isinstance(decoded, UnreadableRecord):
            yield record, decoded
            continue
        explanation = explain(decoded.observation, lines.mappings, market_id, qualifier)
        refusal = lines.guard.objection(decoded.observed_at, record.timestamp)
        yield record, _Explained(decoded.envelope, explanation, refusal)


def split_market(text: str) -> tuple[str, str | None]:
    """Return id and qualifier of ``18?total=2.5``, of ``S_OU@2.5``, or of a whole Bet9ja key."""
    market_id, separator, qualifier = text.partition("?")
    if separator:
        return market_id, qualifier or None
    key = parse_key(text)
    if key is not None:
        return key.market, key.param
    market_id, _, qualifier = text.partition("@")
    return market_id, qualifier or None


def _show(record: LineRecord, explained: _Explained, *, as_json: bool) -> None:
    envelope, explanation, refusal = explained
    if as_json:
        document = {
            "line_number": record.offset,
            **envelope,
            "explanation": explanation,
            "clock_guard": refusal,
        }
        _write_line(orjson.dumps(document))
        return
    from worker.operations.payloads.explained import show  # noqa: PLC0415  only people need rich trees

    show(record.offset, envelope, explanation)
    if refusal is not None:
        err.print(
            f"line {record.offset}: the worker refuses it now, OBSERVED_IN_FUTURE: {refusal}",
            markup=False,
            soft_wrap=True,
        )
