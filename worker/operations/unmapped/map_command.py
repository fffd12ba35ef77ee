"""`marketmap unmapped map`: make a mapping of a missed market."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.completions import complete_canonical_id, complete_market_id
from worker.cli.console import err, fail, printable, write_text
from worker.cli.database import read_database
from worker.cli.options import (
    AsJson,
    DatabaseUrl,
    DryRun,
    OptionalActor,
    OptionalReason,
    PlatformArgument,
)
from worker.domain.books.platforms import is_platform
from worker.domain.draft import draft, draft_of_players
from worker.operations.mappings.changing import ExpectedVersion, Force, Republish, change_mapping
from worker.operations.mappings.edit_commands import Assignments, MappingFile, read_mapping
from worker.operations.mappings.editing import AppliedChange
from worker.operations.mappings.files import dump_values
from worker.operations.unmapped import triage
from worker.operations.unmapped.seen import SeenMiss, named_as_suggested, read_seen
from worker.operations.unmapped.triage import NotCoveredError
from worker.storage import misses
from worker.storage.editing import Edit
from worker.storage.insight.evidence import StoredSuggestion
from worker.storage.misses import UnknownMiss


def map_(
    platform: PlatformArgument,
    market_id: Annotated[
        str,
        typer.Argument(
            help="The bookmaker's id of the market.",
            show_default=False,
            autocompletion=complete_market_id,
        ),
    ],
    *,
    file: MappingFile = None,
    into: Annotated[
        str | None,
        typer.Option(
            help="The canonical id of a mapping to extend.",
            show_default=False,
            autocompletion=complete_canonical_id,
        ),
    ] = None,
    assignments: Assignments = None,
    reason: OptionalReason = None,
    actor: OptionalActor = None,
    expected_version: ExpectedVersion = None,
    force: Force = False,
    draft_file: Annotated[
        Path | None, typer.Option("--draft", help="File for the draft; by default stdout.")
    ] = None,
    is_of_players: Annotated[
        bool, typer.Option("--players", help="Draft a market that is sold for each player.")
    ] = False,
    database_url: DatabaseUrl = None,
    republish: Republish = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Map a missed market, and mark it MAPPED in the same transaction.

    Without --file and --into, this writes a draft of the mapping, filled from what was seen: edit it, then
    pass it with --file. With --into, an existing mapping gets this bookmaker's id; --set adds the labels.
    Without --set, the labels are those of the suggestion for that mapping; a mapping that is sold for each
    player gets them from the sample. If there is a suggestion, it is named with the draft.

    Example: marketmap unmapped map sportybet 830101 --draft market.yaml
    """
    if file and into:
        fail("Give either --file or --into.", code=2)
    if not file and not into:
        _write_draft(database_url, platform, market_id, draft_file, of_players=is_of_players)
        return
    if is_of_players:
        fail("--players is for a draft: give neither --file nor --into with it.", code=2)
    if not reason or not actor:
        fail("A change needs --actor and --reason.", code=2)
    mapping = read_mapping(file, assignments) if file else None

    async def run(edit: Edit) -> AppliedChange:
        key = (platform, market_id)
        try:
            if mapping is not None:
                return await triage.map_new(edit, key, mapping)
            return await triage.map_into(edit, key, into or "", assignments or [], expected_version)
        except (NotCoveredError, UnknownMiss) as error:
            fail(f"{error}; nothing was changed")

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


def _write_draft(
    database_url: str | None, platform: str, market_id: str, file: Path | None, *, of_players: bool
) -> None:
    async def read(connection: AsyncConnection) -> SeenMiss:
        return await read_seen(connection, await misses.get_miss(connection, (platform, market_id)))

    try:
        seen = read_database(database_url, read)
    except UnknownMiss as error:
        fail(str(error), kind="NOT_FOUND")
    text = draft_text(seen, of_players=of_players)
    if seen.best is not None:
        _say_suggested(seen.best)
    write_text(text, file)


def _say_suggested(best: StoredSuggestion) -> None:
    sure = "confident" if best.is_confident else f"confidence {best.confidence:.2f}"
    err.print(
        printable(f"By its odds it is {best.canonical_id} ({sure}): {best.reason}."), markup=False
    )
    command = f"marketmap suggestions accept {best.source} {shlex.quote(best.external_market_id)}"
    err.print(
        printable(f"To extend that mapping: {command}. To make a new one, edit this draft."),
        markup=False,
        soft_wrap=True,
    )


def draft_text(seen: SeenMiss, *, of_players: bool = False) -> str:
    """Return the YAML of a draft. A market that cannot be mapped at all ends the command.

    ``of_players``: it is sold for each player, so its labels are the sampled ones, names included.
    """
    miss = seen.miss
    if not is_platform(miss.source):
        fail(f"{miss.source} is not a bookmaker that can be mapped")
    known = (miss.source, miss.external_market_id, miss.market_name)
    if of_players:
        return dump_values(draft_of_players(*known, miss.samples))
    return dump_values(named_as_suggested(draft(*known, seen.samples()), seen.best))
