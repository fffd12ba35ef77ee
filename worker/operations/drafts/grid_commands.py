"""`marketmap drafts export` and `import`: a group of missed markets as a grid, decided in a spreadsheet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.completions import complete_market_id
from worker.cli.console import err, fail, out, print_json
from worker.cli.database import read_database
from worker.cli.options import (
    Actor,
    AsJson,
    DatabaseUrl,
    DryRun,
    OnPlatform,
    Reason,
    completing,
    require_one_of,
)
from worker.cli.spreadsheet import print_csv
from worker.cli.tables import shown_of
from worker.cli.words import noun_of, number_of
from worker.domain.books.platforms import PLATFORMS
from worker.operations.drafts.drafting import propose as propose_change_set
from worker.operations.drafts.drafting import save_drafts
from worker.operations.drafts.grid import COLUMNS, GridError, read_decisions, read_rows
from worker.operations.drafts.grid_drafts import grid_of, proposals_of
from worker.operations.drafts.running import ProposeAtOnce, run_drafting
from worker.operations.mappings.files import read_text
from worker.operations.unmapped.families import GROUPS
from worker.operations.unmapped.grouping import read_groups
from worker.storage import misses
from worker.storage.changes.drafts import Proposal
from worker.storage.misses import MissFilters, QueuedMiss, UnknownMiss


def export(
    containing: Annotated[str, typer.Argument(help="Text in the market's id or name.")] = "",
    *,
    platform: OnPlatform = None,
    market_ids: Annotated[
        list[str] | None,
        typer.Option(
            "--market-id",
            help="One market of --platform. Repeatable.",
            show_default=False,
            autocompletion=complete_market_id,
        ),
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            help=f"With --market-id: the whole group of each, by {', '.join(GROUPS)}, as in "
            "`unmapped list --group-by`.",
            autocompletion=completing(GROUPS),
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of markets.")] = 50,
    database_url: DatabaseUrl = None,
) -> None:
    """Print missed markets as CSV, a row for each label, with confident suggestions filled in.

    Fill in canonical_id and outcome in a spreadsheet; `drafts import` makes drafts of it. A canonical id that
    there is not becomes a new mapping. Rows that are left empty are left alone.

    Example: marketmap drafts export --platform sportybet --market-id 830101 --group-by name
    """
    require_one_of("--platform", platform, PLATFORMS)
    require_one_of("--group-by", group_by, GROUPS)
    if market_ids and platform is None:
        fail("Say with --platform which bookmaker --market-id is an id of.", code=2)
    if market_ids and containing:
        fail("Choose markets by a text or by --market-id, not by both.", code=2)
    if group_by is not None and not market_ids:
        fail("Say with --market-id of which market --group-by takes the group.", code=2)
    keys = [(platform or "", market_id) for market_id in dict.fromkeys(market_ids or ())]
    by = next((one for one in GROUPS if one == group_by), None)

    async def chosen(connection: AsyncConnection) -> Sequence[QueuedMiss]:
        if not keys:
            filters: MissFilters = {"containing": containing, "source": platform}
            return await misses.list_misses(connection, limit=limit, **filters)
        if by is None:
            return await misses.named_misses(connection, keys)
        return await read_groups(connection, keys, by=by)

    async def read(connection: AsyncConnection) -> tuple[list[dict[str, Any]], int]:
        found = await chosen(connection)
        return await grid_of(connection, found[:limit]), len(found)

    try:
        rows, count = read_database(database_url, read)
    except UnknownMiss as error:
        fail(str(error), kind="NOT_FOUND")
    print_csv(COLUMNS, rows)
    if count > limit:
        err.print(f"Only the first {shown_of(limit, count, 'market')}: --limit takes more.")


def import_(
    file: Annotated[Path, typer.Argument(help="The grid as CSV, - for stdin.", show_default=False)],
    *,
    reason: Reason,
    actor: Actor,
    change_set: Annotated[
        int | None,
        typer.Option(help="Add the drafts to this change set; by default to a new one.", min=1),
    ] = None,
    name: Annotated[
        str, typer.Option(help="Name of the new change set; by default what it does.")
    ] = "",
    propose: ProposeAtOnce = False,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make drafts of a filled-in grid: one for each mapping, all in one change set, or none.

    Example: marketmap drafts import grid.csv --dry-run --actor you --reason "..."
    """
    try:
        decisions = read_decisions(_rows(file))
    except GridError as error:
        _refuse(error)
    if not decisions:
        fail(f"{file} decides nothing: fill in canonical_id and outcome.", code=2)

    async def run(connection: AsyncConnection) -> tuple[int, list[int], list[Proposal]]:
        proposals = await proposals_of(connection, decisions)
        number, numbers = await save_drafts(
            connection,
            proposals,
            actor=actor,
            reason=reason,
            name=name,
            change_set_id=change_set,
        )
        if propose:
            await propose_change_set(connection, number, actor=actor)
        return number, numbers, proposals

    try:
        number, numbers, proposals = run_drafting(database_url, run, dry_run=dry_run)
    except GridError as error:
        _refuse(error)
    if as_json:
        known: dict[str, Any] = {"change_set": None, "drafts": []} if dry_run else {}
        print_json(
            {"change_set": number, "drafts": numbers}
            | known
            | {"mappings": [one.canonical_id for one in proposals], "dry_run": dry_run}
        )
        return
    markets = sum(len(one.misses) for one in proposals)
    would = "would be" if dry_run else noun_of(markets, "is", "are")
    drafts = number_of(len(proposals), "draft")
    out.print(f"{number_of(markets, 'market')} {would} in {drafts}", markup=False)
    if not dry_run:
        err.print(f"Change set {number}.")


def _rows(file: Path) -> list[dict[str, str | None]]:
    try:
        return read_rows(read_text(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        fail(f"{file} cannot be read: {error}", code=2)


def _refuse(error: GridError) -> NoReturn:
    faults = list(map(str, error.faults))
    plural = "s" * (len(faults) > 1)
    fail("\n".join([*faults, f"{len(faults)} fault{plural}; nothing was changed"]))
