"""`marketmap alarms`: mappings that the odds contradict, and what is decided about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.console import err, fail, out, print_json, printable
from worker.cli.database import chosen_url, in_one_transaction, read_database, run_on_database
from worker.cli.options import (
    Actor,
    AsJson,
    DatabaseUrl,
    DryRun,
    ListAsCsv,
    ListAsJson,
    OnPlatform,
    Output,
    Reason,
    completing,
    require_one_of,
)
from worker.cli.output import chosen_form, say_shown
from worker.cli.rows import ListLayout, print_all
from worker.cli.tables import print_table, shown_of
from worker.domain.books.platforms import PLATFORMS
from worker.operations.evidence.tables import (
    alarm_json,
    alarm_table,
    alarms_list,
    example_json,
    examples_table,
)
from worker.storage.errors import StorageRefused
from worker.storage.insight import alarms, evidence
from worker.storage.insight.alarms import (
    STATUSES,
    UNDECIDED,
    AlarmStatus,
    StoredAlarm,
    UnknownAlarm,
)
from worker.storage.insight.evidence import StoredSample

AlarmIds = Annotated[
    list[int], typer.Argument(help="Numbers of alarms, as shown by `list`.", show_default=False)
]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Work through the alarms: mappings whose prices something else explains better, and changed forms."""


@app.command("list")
def list_(
    containing: Annotated[
        str, typer.Argument(help="Text in the canonical id, or the sign of a form.")
    ] = "",
    *,
    platform: OnPlatform = None,
    status: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{', '.join(STATUSES)}; by default {' and '.join(UNDECIDED)}. Repeatable.",
            show_default=False,
            autocompletion=completing(STATUSES),
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 30,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List alarms, the newest first.

    Example: marketmap alarms list --platform sportybet
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    require_one_of("--platform", platform, PLATFORMS)
    for one in status or ():
        require_one_of("--status", one, STATUSES)

    async def read(connection: AsyncConnection) -> tuple[Sequence[StoredAlarm], int]:
        return await alarms.list_alarms(
            connection,
            statuses=status or UNDECIDED,
            platform=platform,
            containing=containing,
            limit=limit,
        )

    rows, total = read_database(database_url, read)
    print_all(form, ListLayout(StoredAlarm._fields, alarm_json, alarms_list), rows)
    say_shown(form, len(rows), total, "alarm")


@app.command()
def show(
    alarm: Annotated[int, typer.Argument(help="Number of the alarm.", show_default=False)],
    *,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show one alarm: the explanation that fits better, and recent events with their prices.

    Example: marketmap alarms show 1
    """

    async def read(connection: AsyncConnection) -> tuple[StoredAlarm, Sequence[StoredSample]]:
        (found,) = await alarms.get_alarms(connection, [alarm])
        if found.canonical_id is None:
            return found, ()
        key = (found.platform, found.canonical_id)
        return found, await evidence.read_samples(connection, "alarm", key)

    try:
        row, samples = read_database(database_url, read)
    except UnknownAlarm as error:
        fail(str(error), kind="NOT_FOUND")
    if as_json:
        print_json(alarm_json(row) | {"samples": [example_json(one) for one in samples]})
        return
    print_table(alarm_table(row))
    if samples:
        out.print()
        print_table(examples_table(samples))


def _marks(status: AlarmStatus) -> Callable[..., None]:
    """Make a command that sets the status of alarms, signed."""

    def command(
        alarm: AlarmIds,
        *,
        reason: Reason,
        actor: Actor,
        database_url: DatabaseUrl = None,
        dry_run: DryRun = False,
        as_json: AsJson = False,
    ) -> None:
        url = chosen_url(database_url)
        changed = run_on_database(
            _change(url, alarm, status, actor=actor, reason=reason, dry_run=dry_run)
        )
        if as_json:
            print_json({"status": status, "changed": list(changed), "dry_run": dry_run})
            return
        would = "would become" if dry_run else "is"
        for number in changed:
            out.print(printable(f"alarm {number} {would} {status}"), markup=False)
        if len(changed) < len(set(alarm)):
            left = len(set(alarm)) - len(changed)
            err.print(f"{shown_of(left, len(set(alarm)), 'alarm')} already {status}.")

    return command


async def _change(
    url: str,
    ids: Sequence[int],
    status: AlarmStatus,
    *,
    actor: str,
    reason: str,
    dry_run: bool,
) -> Sequence[int]:
    try:
        return await in_one_transaction(
            url,
            lambda connection: alarms.change_alarms(
                connection, ids, status, actor=actor, reason=reason
            ),
            dry_run=dry_run,
        )
    except UnknownAlarm as error:
        fail(f"{error}; nothing was changed", kind="NOT_FOUND")
    except StorageRefused as error:
        fail(f"{error}; nothing was changed")


ACKNOWLEDGE_HELP = """Mark alarms as being looked into.

Example: marketmap alarms acknowledge 1 --actor you --reason "..."
"""
app.command("acknowledge", help=ACKNOWLEDGE_HELP)(_marks("ACKNOWLEDGED"))

CLOSE_HELP = """Close alarms: the mapping is right. They stay closed until the mapping is changed.

An alarm on a mapping that was corrected closes by itself. So does one on a bookmaker's form that is as
before. Close that one only if the new form is the usual one now.

Example: marketmap alarms close 1 --actor you --reason "..."
"""
app.command("close", help=CLOSE_HELP)(_marks("CLOSED"))
