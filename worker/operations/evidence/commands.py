"""`marketmap evidence`: how far the prices of mappings are from other bookmakers' and from the goal model."""

from __future__ import annotations

from typing import Annotated, get_args

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from schemas import EvidenceGrade
from worker.cli.completions import complete_canonical_id
from worker.cli.console import fail, out, print_json
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
from worker.cli.output import chosen_form, say_shown
from worker.cli.spreadsheet import CsvPrinter
from worker.cli.tables import print_list, print_table
from worker.domain.books.platforms import PLATFORMS
from worker.insight.graded import GradedEvidence, read_graded
from worker.operations.evidence.coverage_command import coverage
from worker.operations.evidence.tables import (
    EVIDENCE_FIELDS,
    evidence_json,
    evidence_list,
    worst_table,
)

GRADES: tuple[EvidenceGrade, ...] = get_args(EvidenceGrade)

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Show what the odds of watched events say about mappings."""


@app.command("list")
def list_(
    containing: Annotated[str, typer.Argument(help="Text in the canonical id.")] = "",
    *,
    platform: OnPlatform = None,
    grade: Annotated[
        str | None,
        typer.Option(help=f"One grade: {', '.join(GRADES)}.", autocompletion=completing(GRADES)),
    ] = None,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List each mapping at each bookmaker with its grade and what it was compared with.

    Distances are in logits: 0.02 between bookmakers that agree, over 1 for a swap.

    Example: marketmap evidence list --grade contradicted
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    require_one_of("--platform", platform, PLATFORMS)
    require_one_of("--grade", grade, GRADES)

    async def read(connection: AsyncConnection) -> list[GradedEvidence]:
        return await read_graded(connection, platform=platform, containing=containing)

    everything = read_database(database_url, read)
    rows = [one for one in everything if grade in {None, one.grade}]
    if form == "csv":
        printer = CsvPrinter(EVIDENCE_FIELDS)
        for graded_row in rows:
            for one in evidence_json(graded_row):
                printer.add(one)
    elif form == "json":
        print_json([one for graded_row in rows for one in evidence_json(graded_row)])
    else:
        print_list(evidence_list(rows))
    say_shown(form, len(rows), len(everything), "graded mapping")


@app.command()
def show(
    canonical_id: Annotated[
        str,
        typer.Argument(
            help="The mapping's canonical id.",
            show_default=False,
            autocompletion=complete_canonical_id,
        ),
    ],
    *,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show the evidence for one mapping, and the price that is furthest off in each comparison.

    Example: marketmap evidence show 1x2_ft
    """

    async def read(connection: AsyncConnection) -> list[GradedEvidence]:
        return await read_graded(connection, canonical_id=canonical_id)

    rows = read_database(database_url, read)
    if not rows:
        fail(f"there is no evidence about {canonical_id}", kind="NOT_FOUND")
    if as_json:
        print_json([one for graded_row in rows for one in evidence_json(graded_row)])
        return
    print_list(evidence_list(rows))
    out.print()
    print_table(worst_table(rows))


app.command("coverage")(coverage)
