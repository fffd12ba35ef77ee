"""`marketmap evidence coverage`: how much of what each bookmaker sells is resolved, hour by hour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import typer

from worker.cli.database import read_database
from worker.cli.options import (
    DatabaseUrl,
    ListAsCsv,
    ListAsJson,
    OnPlatform,
    Output,
    require_one_of,
)
from worker.cli.output import chosen_form, say_shown
from worker.cli.rows import ListLayout, print_all
from worker.cli.tables import Column, ListTable, when
from worker.domain.books.platforms import PLATFORMS
from worker.operations.evidence.coverage_hours import (
    MOST_DAYS,
    CoverageHour,
    coverage_json,
    read_coverage,
)

_COLUMNS: Final = (
    Column("platform", is_typed=True),
    Column("hour (UTC)", least=19),
    Column("observations", left_out=2),
    Column("markets", least=7),
    Column("resolved", least=8),
    Column("share", least=6),
    Column("version", left_out=1),
)


def coverage(
    *,
    platform: OnPlatform = None,
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="How many days.")] = 7,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """Show which share of the markets is resolved, by the hour: in the samples that an insight process takes.

    Where the version differs from the hour before, mappings were changed.

    Example: marketmap evidence coverage --platform sportybet --days 2
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    require_one_of("--platform", platform, PLATFORMS)
    chosen = PLATFORMS if platform is None else [platform]
    rows = read_database(
        database_url, lambda connection: read_coverage(connection, list(chosen), days)
    )
    print_all(form, _LAYOUT, rows)
    say_shown(form, len(rows), len(rows), "hour")


def _table(rows: Iterable[CoverageHour]) -> ListTable:
    table = ListTable(_COLUMNS)
    for row in rows:
        share = None if row.share is None else f"{row.share:.1%}"
        table.add(
            row.platform,
            when(row.hour),
            str(row.observations),
            str(row.markets),
            str(row.resolved),
            share,
            str(row.version),
        )
    return table


_LAYOUT: Final = ListLayout((*CoverageHour._fields, "share"), coverage_json, _table)
