"""`marketmap suggestions`: what missed markets may be, and mapping them so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.completions import complete_market_id
from worker.cli.console import fail, out, print_json
from worker.cli.database import read_database
from worker.cli.options import (
    Actor,
    AsJson,
    DatabaseUrl,
    DryRun,
    ListAsCsv,
    ListAsJson,
    OnPlatform,
    Output,
    PlatformArgument,
    Reason,
    require_one_of,
)
from worker.cli.output import chosen_form, say_shown
from worker.cli.rows import ListLayout, print_all
from worker.cli.tables import print_table
from worker.domain.books.platforms import PLATFORMS
from worker.operations.evidence.tables import (
    example_json,
    examples_table,
    suggestion_json,
    suggestion_table,
    suggestions_list,
)
from worker.operations.mappings.changing import Force, Republish, change_mapping
from worker.operations.mappings.editing import AppliedChange
from worker.operations.unmapped import triage
from worker.operations.unmapped.triage import NoSuggestionError, NotCoveredError
from worker.storage.editing import Edit
from worker.storage.insight import evidence
from worker.storage.insight.evidence import StoredSample, StoredSuggestion
from worker.storage.misses import UnknownMiss

MarketId = Annotated[
    str,
    typer.Argument(
        help="The bookmaker's id of the market.",
        show_default=False,
        autocompletion=complete_market_id,
    ),
]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """See what missed markets may be, by their odds, and map them."""


@app.command("list")
def list_(
    containing: Annotated[
        str, typer.Argument(help="Text in the market's id or name, or in the canonical id.")
    ] = "",
    *,
    platform: OnPlatform = None,
    confident: Annotated[
        bool, typer.Option("--confident", help="Only suggestions that are confident.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 30,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List the first suggestion for each missed market, the surest first.

    Example: marketmap suggestions list --confident
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    require_one_of("--platform", platform, PLATFORMS)

    async def read(connection: AsyncConnection) -> tuple[Sequence[StoredSuggestion], int]:
        return await evidence.list_suggestions(
            connection, source=platform, confident=confident, containing=containing, limit=limit
        )

    rows, total = read_database(database_url, read)
    layout = ListLayout(StoredSuggestion._fields, suggestion_json, suggestions_list)
    print_all(form, layout, rows)
    say_shown(form, len(rows), total, "suggestion")


@app.command()
def show(
    platform: PlatformArgument,
    market_id: MarketId,
    *,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show all suggestions for one missed market, and recent events with their prices.

    Example: marketmap suggestions show sportybet 830101
    """

    async def read(
        connection: AsyncConnection,
    ) -> tuple[Sequence[StoredSuggestion], Sequence[StoredSample]]:
        key = (platform, market_id)
        return (
            await evidence.read_suggestions(connection, key),
            await evidence.read_samples(connection, "miss", key),
        )

    rows, samples = read_database(database_url, read)
    if not rows:
        fail(f"there is no suggestion for {platform} {market_id}", kind="NOT_FOUND")
    if as_json:
        print_json(
            {
                "suggestions": [suggestion_json(row) for row in rows],
                "samples": [example_json(one) for one in samples],
            }
        )
        return
    print_table(suggestion_table(rows))
    if samples:
        out.print()
        print_table(examples_table(samples))


@app.command()
def accept(
    platform: PlatformArgument,
    market_id: MarketId,
    *,
    rank: Annotated[int, typer.Option(min=1, help="Which of the suggestions.")] = 1,
    reason: Reason,
    actor: Actor,
    force: Force = False,
    database_url: DatabaseUrl = None,
    republish: Republish = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Map a missed market as suggested: the mapping gets its id and labels, and the market becomes MAPPED.

    The change is made as by `unmapped map`: checked and audited. It is refused if the mapping was changed
    after the suggestion was made.

    Example: marketmap suggestions accept sportybet 830101 --actor you --reason "..."
    """

    async def run(edit: Edit) -> AppliedChange:
        try:
            return await triage.map_suggested(edit, (platform, market_id), rank)
        except (NotCoveredError, UnknownMiss) as error:
            fail(f"{error}; nothing was changed")
        except NoSuggestionError as error:
            fail(f"{error}; nothing was changed", kind="NOT_FOUND")

    change_mapping(
        database_url,
        run,
        actor=actor,
        reason=reason,
        dry_run=dry_run,
        as_json=as_json,
        republish=republish,
        force=force,
    )
