"""`marketmap mappings import`: load a catalogue into the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from worker.cli.console import print_json
from worker.cli.options import Actor, AsJson, DatabaseUrl, DryRun, Reason
from worker.cli.shipped import shipped_catalogue
from worker.cli.tables import print_table
from worker.domain.catalogue import load_entries
from worker.operations.mappings import editing
from worker.operations.mappings.changing import read_file, run_edit
from worker.storage.editing import Edit
from worker.storage.mappings import ImportReport

NAMED_AT_MOST = 8


def import_(
    file: Annotated[
        Path | None,
        typer.Argument(help="A catalogue, - for stdin; by default the shipped one."),
    ] = None,
    *,
    reason: Reason,
    actor: Actor,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add the mappings of a catalogue and change those that differ, all of them or none.

    Mappings that the catalogue does not name are left alone. Existing mappings stay active or inactive; a new
    one is active unless the catalogue says otherwise.

    Example: marketmap mappings import --dry-run --actor you --reason "..."
    """
    source = file or shipped_catalogue()
    entries = read_file(source, load_entries)
    mappings = [entry.mapping for entry in entries]
    switched_off = {entry.mapping.canonical_id for entry in entries if not entry.is_active}

    async def run(edit: Edit) -> ImportReport:
        return await editing.import_all(
            edit, mappings, actor=actor, reason=reason, switched_off=switched_off
        )

    report = run_edit(
        database_url, run, actor=actor, reason=reason, dry_run=dry_run, as_json=as_json
    )
    if as_json:
        print_json({"file": str(source), "dry_run": dry_run, **report._asdict()})
    else:
        print_table(_table(report, dry_run=dry_run))


def _table(report: ImportReport, *, dry_run: bool) -> Table:
    table = Table("would be" if dry_run else "", "mappings", "which")
    table.columns[1].justify = "right"
    for what, names in report._asdict().items():
        table.add_row(what, str(len(names)), "" if what == "unchanged" else _named(names))
    return table


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
