"""`marketmap migrate`: the database's schema."""

from typing import Annotated

import typer

from worker.cli.console import err, fail, out, print_json
from worker.cli.database import chosen_url, run_on_database
from worker.cli.options import AsJson, DatabaseUrl, DryRun
from worker.storage.engine import printable_url
from worker.storage.migrate import (
    WAIT_FOR_OTHER_RUNS_S,
    Migrated,
    UnknownRevisionError,
    current,
    downgrade,
    known_revision,
    upgrade,
    upgrade_sql,
)

EMPTY = "empty"


def migrate(
    *,
    revision: Annotated[
        str, typer.Option(help="The revision to migrate to; a downgrade must name it.")
    ] = "head",
    down: Annotated[
        bool,
        typer.Option(
            "--down", help="Downgrade to --revision (`base` drops all tables and their data)."
        ),
    ] = False,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL for an empty database; connect to nothing.")
    ] = False,
    wait: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, help="Wait this long for another run of migrations."
        ),
    ] = WAIT_FOR_OTHER_RUNS_S,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Migrate the database to a revision of the schema, completely or not at all.

    Safe to repeat, and to run from several places at once: later runs wait, find nothing to do and say so.
    What is in the way is named by process, login and application.

    Example: marketmap migrate --dry-run
    """
    if down and revision == "head":
        fail("--down needs a --revision to go back to", code=2)
    try:
        if sql:
            typer.echo(upgrade_sql(revision), nl=False)
            return
        url = chosen_url(database_url)
        err.print(f"Database: {printable_url(url)}", soft_wrap=True, markup=False)
        moved = _go(url, revision, down=down, dry_run=dry_run, wait_s=wait)
        _show(moved, dry_run=dry_run, as_json=as_json)
    except UnknownRevisionError as error:
        fail(str(error), code=2)


def _go(url: str, revision: str, *, down: bool, dry_run: bool, wait_s: float) -> Migrated:
    if dry_run:
        return Migrated(run_on_database(current(url)), known_revision(revision))
    move = downgrade if down else upgrade
    return run_on_database(move(url, revision, wait_s=wait_s, on_wait=_say))


def _say(message: str) -> None:
    err.print(message, soft_wrap=True, markup=False)


def _show(migrated: Migrated, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(migrated._asdict() | {"dry_run": dry_run})
        return
    before, after = migrated.before or EMPTY, migrated.after or EMPTY
    if before == after:
        out.print(f"{after}: nothing to do")
    else:
        out.print(f"{'would go ' if dry_run else ''}{before} -> {after}")
