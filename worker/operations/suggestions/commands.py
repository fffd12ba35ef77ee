"""`marketmap suggestions`: what missed markets may be, and mapping them so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Final

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.completions import complete_market_id
from worker.cli.console import err, fail, out, print_json, printable
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
from worker.operations.evidence.families import by_mapping, family_of, members
from worker.operations.evidence.tables import (
    SUGGESTION_FIELDS,
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

_ALL: Final = 1_000_000

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
    layout = ListLayout(SUGGESTION_FIELDS, suggestion_json, suggestions_list)
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
    family: Annotated[
        bool,
        typer.Option(
            "--family",
            help="Also accept the confident suggestions of its family, one change for each mapping.",
        ),
    ] = False,
    reason: Reason,
    actor: Actor,
    force: Force = False,
    database_url: DatabaseUrl = None,
    republish: Republish = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Map a missed market as suggested: the mapping gets its id and labels, and the market becomes MAPPED.

    The change is made as by `unmapped map`: checked and audited. A suggestion outlives changes of its mapping
    that it does not rely on. It is refused, and what was changed is said, if the outcomes, the line rule or
    this bookmaker's ids are others by now, or another bookmaker's labels.

    A family are markets that differ in numbers only, and are suggested for mappings that differ in numbers
    only. Each change of a family is checked and made or refused for itself.

    Example: marketmap suggestions accept sportybet 830101 --actor you --reason "..."
    """
    if family and rank != 1:
        fail("A family is accepted by its first suggestions: give --family or --rank.", code=2)
    if not family:
        groups: list[list[StoredSuggestion]] = [[]]
    else:
        groups = _family(database_url, (platform, market_id))
    refused = 0
    for group in groups:
        try:
            change_mapping(
                database_url,
                _accepting((platform, market_id), rank, group),
                actor=actor,
                reason=reason,
                dry_run=dry_run,
                as_json=as_json,
                republish=republish,
                force=force,
            )
        except typer.Exit as refusal:
            if len(groups) == 1 or not refusal.exit_code:
                raise
            refused += 1
    if refused:
        fail(f"{refused} of {len(groups)} changes of the family were refused; the others were made")


def _family(database_url: str | None, key: tuple[str, str]) -> list[list[StoredSuggestion]]:
    """The suggestions of a market's family, by mapping."""

    async def read(connection: AsyncConnection) -> Sequence[StoredSuggestion]:
        listed, _ = await evidence.list_suggestions(connection, source=key[0], limit=_ALL)
        return listed

    listed = read_database(database_url, read)
    first = next((one for one in listed if (one.source, one.external_market_id) == key), None)
    if first is None:
        fail(f"there is no suggestion for {' '.join(key)}", kind="NOT_FOUND")
    sure, unsure = members(listed, first)
    ids = ", ".join(one.external_market_id for one in sure)
    err.print(printable(f"{family_of(first)}: {ids}"), markup=False, soft_wrap=True)
    if unsure:
        left = ", ".join(one.external_market_id for one in unsure)
        err.print(printable(f"Not confident, so left out: {left}"), markup=False, soft_wrap=True)
    return list(by_mapping(sure).values())


def _accepting(
    key: tuple[str, str], rank: int, group: Sequence[StoredSuggestion]
) -> Callable[[Edit], Awaitable[AppliedChange]]:
    """Accept a group of one mapping; of no group, the suggestion of this rank for one market."""

    async def run(edit: Edit) -> AppliedChange:
        try:
            if group:
                return await triage.map_together(edit, group)
            return await triage.map_suggested(edit, key, rank)
        except (NotCoveredError, UnknownMiss) as error:
            fail(f"{error}; nothing was changed")
        except NoSuggestionError as error:
            fail(f"{error}; nothing was changed", kind="NOT_FOUND")

    return run
