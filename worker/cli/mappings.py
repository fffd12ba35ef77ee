"""`marketmap mappings`: the mappings of markets."""

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from worker.cli.console import err, fail, out, print_json
from worker.cli.database import DatabaseUrl, chosen_url, run_on_database
from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import load_catalogue
from worker.domain.mapping import Mapping, MappingError
from worker.storage.engine import create_engine, transaction
from worker.storage.mappings import ImportReport, import_mappings

NAMED_AT_MOST = 8

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """The mappings of markets."""


@app.command("import")
def import_(
    file: Annotated[
        Path | None,
        typer.Argument(help="A catalogue, - for stdin; without it the shipped one."),
    ] = None,
    *,
    reason: Annotated[str | None, typer.Option(help="Why, for the history; else the file's name.")] = None,
    actor: Annotated[str | None, typer.Option(help="Who, for the history; else the login name.")] = None,
    database_url: DatabaseUrl = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Add the mappings of a catalogue, change those that differ, leave the rest.

    Mappings that the catalogue does not name stay as they are, and what is switched off stays off.
    """
    source = file or shipped_catalogue()
    mappings = _read(source)
    url = chosen_url(database_url)
    call = _import(
        url, mappings, actor or _login_name(), reason or f"import of {source.name}", dry_run=dry_run
    )
    report = run_on_database(call)
    if as_json:
        print_json({"file": str(source), "dry_run": dry_run, **report._asdict()})
    else:
        out.print(_table(report, dry_run=dry_run))


def _read(source: Path) -> list[Mapping]:
    try:
        text = sys.stdin.read() if str(source) == "-" else source.read_text(encoding="utf-8")
        return load_catalogue(text)
    except MappingError as error:
        for fault in error.faults:
            err.print(str(fault), markup=False, soft_wrap=True)
        fail(f"{source} cannot be used: {len(error.faults)} faults, nothing was imported")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{source} cannot be read: {error}", code=2)


async def _import(
    url: str, mappings: Sequence[Mapping], actor: str, reason: str, *, dry_run: bool
) -> ImportReport:
    engine = create_engine(url, application_name="marketmap-cli", pool_size=1)
    try:
        async with transaction(engine) as connection:
            return await import_mappings(connection, mappings, actor=actor, reason=reason, dry_run=dry_run)
    finally:
        await engine.dispose()


def _table(report: ImportReport, *, dry_run: bool) -> Table:
    table = Table("would be" if dry_run else "", "mappings", "which")
    table.columns[1].justify = "right"
    for what, names in report._asdict().items():
        table.add_row(what, str(len(names)), "" if what == "unchanged" else _named(names))
    return table


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
