"""`marketmap mappings import`: load a catalogue into the table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from worker.cli.console import print_json
from worker.cli.options import Actor, AsJson, DatabaseUrl, DryRun, Reason
from worker.cli.shipped import shipped_catalogue
from worker.cli.tables import print_table
from worker.domain.catalogue import load_entries
from worker.operations.mappings import editing
from worker.operations.mappings.changing import Force, Republish, read_file, run_edit
from worker.operations.mappings.price_check import check_before
from worker.operations.mappings.price_verdicts import verdict_json
from worker.storage.editing import Edit
from worker.storage.mappings import ImportReport, list_mappings
from worker.storage.misses import QueueKey

NAMED_AT_MOST = 8


def import_(
    file: Annotated[
        Path | None,
        typer.Argument(help="A catalogue, - for stdin; by default the shipped one."),
    ] = None,
    *,
    reason: Reason,
    actor: Actor,
    force: Force = False,
    database_url: DatabaseUrl = None,
    republish: Republish = None,
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

    async def run(edit: Edit) -> tuple[ImportReport, Sequence[QueueKey]]:
        before = [] if republish is None else await list_mappings(edit.connection)
        report = await editing.import_all(
            edit, mappings, actor=actor, reason=reason, switched_off=switched_off
        )
        if republish is None:
            return report, ()
        written = {*report.added, *report.changed}
        rows = [*before, *await list_mappings(edit.connection)]
        return report, editing.markets_of(row for row in rows if row.canonical_id in written)

    wanted = None
    if republish is not None:
        from worker.operations.mappings.backfill import backfill_since  # noqa: PLC0415  needs Kafka's clients

        wanted = backfill_since(republish, database_url)
    run_checked, verdicts = check_before(
        database_url,
        run,
        lambda done: {*done[0].added, *done[0].changed},
        actor=actor,
        reason=reason,
        force=force,
        as_json=as_json,
    )
    report, markets = run_edit(
        database_url, run_checked, actor=actor, reason=reason, dry_run=dry_run, as_json=as_json
    )
    if not as_json:
        print_table(_table(report, dry_run=dry_run))
    said: dict[str, Any] = {"prices": verdict_json(verdicts)} if verdicts else {}
    if wanted is not None:
        from worker.operations.mappings.backfill import publish_again  # noqa: PLC0415  as above

        again = publish_again(
            wanted.of(markets),
            source.name,
            actor=actor,
            reason=reason,
            dry_run=dry_run,
            as_json=as_json,
        )
        said["backfill"] = again
    if as_json:
        print_json({"file": str(source), "dry_run": dry_run, **report._asdict(), **said})


def _table(report: ImportReport, *, dry_run: bool) -> Table:
    table = Table("would be" if dry_run else "", "mappings", "which")
    table.columns[1].justify = "right"
    for what, names in report._asdict().items():
        table.add_row(what, str(len(names)), "" if what == "unchanged" else _named(names))
    return table


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
