"""`marketmap unmapped views`: views of the queue that a person keeps, the same as in the console."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.console import fail, out, print_json, printable
from worker.cli.database import chosen_url, in_one_transaction, read_database, run_on_database
from worker.cli.options import (
    Actor,
    AsJson,
    DatabaseUrl,
    ListAsCsv,
    ListAsJson,
    Output,
)
from worker.cli.output import chosen_form, say_shown
from worker.cli.rows import ListLayout, print_all
from worker.cli.tables import Column, ListTable, when
from worker.operations.unmapped.families import MissFamily, families, ordered
from worker.operations.unmapped.grouping import MOST_GROUPED
from worker.operations.unmapped.tables import FAMILIES, MISSES
from worker.operations.unmapped.view import QueueView, view_of_query
from worker.storage import misses
from worker.storage.changes import views
from worker.storage.changes.views import SavedView, TooManyViews
from worker.storage.errors import StorageRefused
from worker.storage.misses import QueuedMiss

ViewName = Annotated[str, typer.Argument(help="What the view is called.", show_default=False)]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Keep views of the queue: filters, order and groups under a name. Each person has their own."""


@app.command("list")
def list_(
    *,
    actor: Actor,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List the views that you keep, by name.

    Example: marketmap unmapped views list --actor you
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    rows = read_database(database_url, lambda connection: views.list_views(connection, actor))
    print_all(form, ListLayout(SavedView._fields, _view_json, _table), rows)
    say_shown(form, len(rows), len(rows), "view")


@app.command()
def save(
    name: ViewName,
    *,
    query: Annotated[
        str,
        typer.Option(
            help="What the address of the queue has after the ?, as in owner=me&order=confidence.",
            show_default=False,
        ),
    ],
    actor: Actor,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Keep a view, in place of one that has this name.

    Parts of the query: q (text in the id or the name), platform, status, why (a reason), owner (a name, me or
    nobody), snoozed (only or with), regressed=yes, group (name, labels or candidate) and order.

    Example: marketmap unmapped views save mine --query "owner=me&order=confidence" --actor you
    """
    kept = view_of_query(query.removeprefix("?")).query()

    async def change(connection: AsyncConnection) -> None:
        await views.save_view(connection, name.strip(), kept, actor=actor)

    try:
        run_on_database(in_one_transaction(chosen_url(database_url), change, dry_run=False))
    except (StorageRefused, TooManyViews) as error:
        fail(f"{error}; nothing was changed", kind="CONFLICT")
    if as_json:
        print_json({"name": name.strip(), "query": kept})
        return
    out.print(printable(f"{name.strip()} is kept: {kept or 'all open markets'}"), markup=False)


@app.command()
def show(
    name: ViewName,
    *,
    actor: Actor,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 30,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List the markets of a view of yours, as the console shows it.

    Example: marketmap unmapped views show mine --actor you
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)

    async def read(
        connection: AsyncConnection,
    ) -> tuple[QueueView, Sequence[QueuedMiss], int] | None:
        kept = {one.name: one.query for one in await views.list_views(connection, actor)}
        if name not in kept:
            return None
        view = view_of_query(kept[name])
        filters = view.filters(actor)
        most = limit if view.group is None else MOST_GROUPED
        rows = await misses.list_misses(connection, order=view.order, limit=most, **filters)
        return view, rows, await misses.count_misses(connection, **filters)

    found = read_database(database_url, read)
    if found is None:
        fail(f"{actor} keeps no view {name}", kind="NOT_FOUND")
    view, rows, total = found
    if view.group is None:
        print_all(form, MISSES, rows)
        say_shown(form, len(rows), total, "market")
        return
    groups: Sequence[MissFamily] = ordered(families(rows, view.group), view.order)
    print_all(form, FAMILIES, groups[:limit])
    say_shown(form, min(limit, len(groups)), len(groups), "group")


@app.command()
def delete(
    name: ViewName, *, actor: Actor, database_url: DatabaseUrl = None, as_json: AsJson = False
) -> None:
    """Remove a view of yours.

    Example: marketmap unmapped views delete mine --actor you
    """

    async def change(connection: AsyncConnection) -> bool:
        return await views.delete_view(connection, name, actor=actor)

    if not run_on_database(in_one_transaction(chosen_url(database_url), change, dry_run=False)):
        fail(f"{actor} keeps no view {name}; nothing was changed", kind="NOT_FOUND")
    if as_json:
        print_json({"name": name, "deleted": True})
        return
    out.print(printable(f"{name} is removed."), markup=False)


def _view_json(row: SavedView) -> dict[str, Any]:
    return row._asdict() | {"created_at": row.created_at.astimezone(UTC).isoformat()}


def _table(rows: Iterable[SavedView]) -> ListTable:
    table = ListTable(
        (
            Column("name", is_typed=True),
            Column("view", least=20),
            Column("saved (UTC)", least=19, left_out=1),
        )
    )
    for row in rows:
        table.add(row.name, row.query or "all open markets", when(row.created_at))
    return table
