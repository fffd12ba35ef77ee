"""`marketmap mappings`: the commands that read. Those that write are in edit_commands and import_command."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.completions import complete_canonical_id
from worker.cli.console import err, fail, out, print_json, write_text
from worker.cli.database import read_database
from worker.cli.options import (
    AsJson,
    DatabaseUrl,
    ListAsCsv,
    ListAsJson,
    OnPlatform,
    Output,
    completing,
    require_one_of,
)
from worker.cli.output import READER_PATIENCE_S, chosen_form, say_shown
from worker.cli.rows import print_rows
from worker.cli.tables import print_table
from worker.domain.books.platforms import PLATFORMS
from worker.domain.catalogue import Entry, dump_entries
from worker.domain.mapping import Mapping, MappingError, parse_mapping
from worker.insight.graded import read_graded
from worker.operations.mappings import edit_commands as mappings_edit
from worker.operations.mappings.changing import CanonicalId, meant, refuse_faults
from worker.operations.mappings.files import dump_yaml
from worker.operations.mappings.import_command import import_
from worker.operations.mappings.tables import (
    MappingGrades,
    changes_of,
    further_ids_table,
    grades_of,
    mapping_json,
    mapping_table,
    mappings_of,
    outcomes_table,
)
from worker.operations.mappings.what_if_command import what_if
from worker.storage import audit, mappings
from worker.storage.insight import mapping_hours
from worker.storage.insight.mapping_hours import NO_USES, MappingUses
from worker.storage.mappings import StoredMapping

_CHANGES = 50

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """List, change, import and export the mappings of markets."""


@app.command("list")
def list_(
    containing: Annotated[
        str, typer.Argument(help="Text in the canonical id or the name, or an id of a bookmaker.")
    ] = "",
    *,
    platform: OnPlatform = None,
    lacks: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Only mappings without an id of this bookmaker: {', '.join(PLATFORMS)}. Repeatable.",
            autocompletion=completing(PLATFORMS),
        ),
    ] = None,
    market_id: Annotated[
        str | None,
        typer.Option(help="Exactly this id of a bookmaker; with --platform, of that one."),
    ] = None,
    label: Annotated[
        str, typer.Option(help="Exactly this label of a bookmaker; case does not matter.")
    ] = "",
    is_active: Annotated[
        bool | None,
        typer.Option("--active/--inactive", help="Only active mappings, or only inactive ones."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Maximum number of rows.")] = None,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List the mappings that match all filters, by canonical id, with the grades of what odds say about them.

    Example: marketmap mappings list "both teams" --platform sportybet
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    require_one_of("--platform", platform, PLATFORMS)
    for one in lacks or ():
        require_one_of("--lacks", one, PLATFORMS)

    filters: dict[str, Any] = {
        "is_active": is_active,
        "platform": platform,
        "lacks": lacks or (),
        "market_id": market_id,
        "containing": containing,
        "label": label,
    }

    async def print_mappings(connection: AsyncConnection) -> tuple[int, int]:
        grades = grades_of(await read_graded(connection))
        # The table has no room for them.
        uses = NO_USES if form == "table" else await mapping_hours.read_uses(connection)
        rows = mappings.stream_mappings(connection, **filters, limit=limit)
        shown = await print_rows(form, mappings_of(grades, uses), rows)
        return shown, await mappings.count_mappings(connection, **filters)

    shown, total = read_database(database_url, print_mappings, idle_timeout_s=READER_PATIENCE_S)
    say_shown(form, shown, total, "mapping")


@app.command()
def show(
    canonical_id: CanonicalId, *, database_url: DatabaseUrl = None, as_json: AsJson = False
) -> None:
    """Show one mapping, with its grades, how much it is used, and the version that an update of it expects.

    Example: marketmap mappings show btts_ft
    """
    row = _get(database_url, canonical_id)

    async def read_watched(connection: AsyncConnection) -> tuple[MappingGrades, MappingUses]:
        graded = await read_graded(connection, canonical_id=canonical_id)
        return grades_of(graded), await mapping_hours.read_uses(connection, [canonical_id])

    grades, uses = read_database(database_url, read_watched)
    if as_json:
        print_json(mapping_json(row, grades, uses))
        return
    print_table(mapping_table(row, grades, uses))
    if row.also:
        out.print()
        print_table(further_ids_table(row.also))
    out.print()
    print_table(outcomes_table(row.outcome_mapping))


@app.command()
def history(
    canonical_id: Annotated[
        str | None,
        typer.Argument(
            help="One mapping; without it, the changes of all.",
            autocompletion=complete_canonical_id,
        ),
    ] = None,
    *,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of changes; the newest are shown.")
    ] = None,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """Show who changed a mapping, when, why and what, oldest first; deleted mappings too.

    Without an id, the newest changes of all mappings are shown: 50, unless --limit says otherwise.

    Example: marketmap mappings history btts_ft
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)

    most = _CHANGES if limit is None and canonical_id is None else limit

    async def print_changes(connection: AsyncConnection) -> tuple[int, int]:
        total = await audit.count(connection, canonical_id)
        if not total and canonical_id is not None:
            return 0, 0
        changes = audit.stream(connection, canonical_id, most)
        shown = await print_rows(form, changes_of(canonical_id), changes)
        return shown, max(shown, total)

    shown, total = read_database(database_url, print_changes, idle_timeout_s=READER_PATIENCE_S)
    if not total and canonical_id is not None:
        fail(
            f"There never was a mapping {canonical_id}.",
            hint=meant(database_url, canonical_id),
            kind="NOT_FOUND",
        )
    say_shown(form, shown, total, "change")


@app.command()
def export(
    canonical_id: Annotated[
        str | None,
        typer.Argument(
            help="One mapping, as YAML to edit; without it, all active ones.",
            autocompletion=complete_canonical_id,
        ),
    ] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Include inactive mappings.")] = False,
    output: Annotated[
        Path | None, typer.Option("--out", help="File to write; by default stdout.")
    ] = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write a catalogue that `import` reads, or one mapping that `update --file` reads.

    A catalogue holds the active mappings, and with --all the inactive ones too, in the order in which they
    were added. A row that cannot be used is left out and named; the exit code is then 1.

    Example: marketmap mappings export btts_ft --out btts_ft.yaml
    """
    if everything and canonical_id is not None:
        fail("Give either one mapping or --all.", code=2)
    if canonical_id is None:
        rows = read_database(database_url, _read_all if everything else _read_active)
        _export_catalogue(sorted(rows, key=attrgetter("id")), output)
    else:
        row = _get(database_url, canonical_id)
        write_text(dump_yaml(_usable(row), row.version), output)


def _export_catalogue(rows: Sequence[StoredMapping], output: Path | None) -> None:
    """Write what can be used. Rows that cannot are named, and end the command with exit code 1."""
    entries: list[Entry] = []
    faults: list[str] = []
    for row in rows:
        try:
            entries.append(Entry(parse_mapping(row._asdict()), row.is_active))
        except MappingError as error:
            faults += [f"{row.canonical_id}: {fault}" for fault in error.faults]
    write_text(dump_entries(entries), output)
    for fault in faults:
        err.print(fault, markup=False, soft_wrap=True)
    if faults:
        fail(f"{len(rows) - len(entries)} mappings cannot be used and are left out")


async def _read_all(connection: AsyncConnection) -> Sequence[StoredMapping]:
    return await mappings.list_mappings(connection)


async def _read_active(connection: AsyncConnection) -> Sequence[StoredMapping]:
    return await mappings.list_mappings(connection, is_active=True)


def _usable(row: StoredMapping) -> Mapping:
    try:
        return parse_mapping(row._asdict())
    except MappingError as error:
        refuse_faults(error, f"{row.canonical_id} cannot be used")


def _get(database_url: str | None, canonical_id: str) -> StoredMapping:
    async def read(connection: AsyncConnection) -> StoredMapping | None:
        return await mappings.get(connection, canonical_id)

    row = read_database(database_url, read)
    if row is None:
        fail(
            f"There is no mapping {canonical_id}; `marketmap mappings list` shows all of them.",
            hint=meant(database_url, canonical_id),
            kind="NOT_FOUND",
        )
    return row


for _command in (
    mappings_edit.create,
    mappings_edit.update,
    mappings_edit.activate,
    mappings_edit.deactivate,
    mappings_edit.delete,
    mappings_edit.rollback,
):
    app.command()(_command)
app.command("import")(import_)
app.command("what-if")(what_if)
