"""`marketmap drafts`: proposed changes of mappings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.completions import complete_canonical_id, complete_draft
from worker.cli.console import err, fail, out, print_json, printable
from worker.cli.database import read_database
from worker.cli.options import (
    Actor,
    AsJson,
    DatabaseUrl,
    DryRun,
    ListAsCsv,
    ListAsJson,
    Output,
    Reason,
    completing,
    require_one_of,
)
from worker.cli.output import chosen_form, say_shown
from worker.cli.rows import print_all
from worker.domain.assign import assign
from worker.domain.books.platforms import PLATFORMS
from worker.domain.mapping import Mapping, parse_mapping
from worker.operations.drafts.drafting import (
    deleted_mapping,
    fields_of,
    new_mapping,
    revised_mapping,
    save_drafts,
    switched_mapping,
)
from worker.operations.drafts.drafting import (
    propose as propose_change_set,
)
from worker.operations.drafts.drafting import (
    withdraw as withdraw_change_set,
)
from worker.operations.drafts.grid_commands import export, import_
from worker.operations.drafts.running import ChangeSetNumber, ProposeAtOnce, run_drafting
from worker.operations.drafts.tables import (
    DRAFTS,
    draft_diff_json,
    print_draft,
)
from worker.operations.mappings.changing import ExpectedVersion, read_file
from worker.operations.mappings.edit_commands import Assignments, MappingFile, read_mapping
from worker.operations.mappings.files import parse_values, split_version
from worker.storage import mappings
from worker.storage.changes import drafts
from worker.storage.changes.drafts import Proposal, StoredDraft, UnknownDraft
from worker.storage.changes.sets import OPEN_STATES, STATES
from worker.storage.mappings import StoredMapping
from worker.storage.misses import QueueKey

DraftNumber = Annotated[
    int,
    typer.Argument(
        help="Number of the draft, as shown by `list`.",
        show_default=False,
        autocompletion=complete_draft,
        min=1,
    ),
]
Misses = Annotated[
    list[str] | None,
    typer.Option(
        "--miss",
        metavar="PLATFORM:MARKET_ID",
        help="A missed market that the change is to cover. Repeatable.",
        show_default=False,
    ),
]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Propose changes of mappings. Nothing of a draft is in force before its change set is approved."""


@app.command("list")
def list_(
    containing: Annotated[str, typer.Argument(help="Text in the canonical id.")] = "",
    *,
    change_set: Annotated[
        int | None, typer.Option(help="Only those of this change set.", min=1)
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Of the change set: {', '.join(STATES)}; by default {', '.join(OPEN_STATES)}. Repeatable.",
            show_default=False,
            autocompletion=completing(STATES),
        ),
    ] = None,
    by: Annotated[str | None, typer.Option(help="Only drafts of this person.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 50,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List drafts, those of the newest change set first.

    Example: marketmap drafts list --by you
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    for one in state or ():
        require_one_of("--state", one, STATES)
    given = None if change_set is not None else OPEN_STATES
    filters: dict[str, Any] = {
        "states": state or given,
        "change_set_id": change_set,
        "actor": by,
        "containing": containing,
    }

    async def read(connection: AsyncConnection) -> tuple[Sequence[StoredDraft], int]:
        rows = await drafts.list_drafts(connection, **filters, limit=limit)
        return rows, await drafts.count_drafts(connection, **filters)

    rows, total = read_database(database_url, read)
    print_all(form, DRAFTS, rows)
    say_shown(form, len(rows), total, "draft")


@app.command()
def show(draft: DraftNumber, *, database_url: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Show what a draft changes in the mapping as it is now.

    Example: marketmap drafts show 1
    """

    async def read(connection: AsyncConnection) -> tuple[StoredDraft, StoredMapping | None]:
        found = await drafts.get_draft(connection, draft)
        return found, await mappings.get(connection, found.canonical_id)

    try:
        found, before = read_database(database_url, read)
    except UnknownDraft as error:
        fail(str(error), kind="NOT_FOUND")
    fields = fields_of(found, before)
    if as_json:
        print_json(draft_diff_json(found, fields))
        return
    print_draft(found, fields)
    err.print(
        printable(f"Change set {found.change_set_id} ({found.name}) is {found.state}."),
        markup=False,
    )
    _warn_if_outdated(found, before)


def _warn_if_outdated(draft: StoredDraft, before: StoredMapping | None) -> None:
    version = None if before is None else before.version
    if draft.state in {*OPEN_STATES, "WITHDRAWN"} and version != draft.base_version:
        now = "is not there" if version is None else f"is at version {version}"
        err.print(
            f"{draft.canonical_id} {now}; the draft changes version {draft.base_version}.",
            markup=False,
        )


@app.command()
def create(
    canonical_id: Annotated[
        str | None,
        typer.Argument(
            help="The mapping to change; without it, a new one is proposed.",
            show_default=False,
            autocompletion=complete_canonical_id,
        ),
    ] = None,
    *,
    reason: Reason,
    actor: Actor,
    file: MappingFile = None,
    assignments: Assignments = None,
    activate: Annotated[bool, typer.Option("--activate", help="Propose to activate it.")] = False,
    deactivate: Annotated[
        bool, typer.Option("--deactivate", help="Propose to deactivate it.")
    ] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Propose to delete it.")] = False,
    miss: Misses = None,
    expected_version: ExpectedVersion = None,
    change_set: Annotated[
        int | None,
        typer.Option(help="Add it to this change set; by default to a new one.", min=1),
    ] = None,
    name: Annotated[
        str, typer.Option(help="Name of the new change set; by default what the draft does.")
    ] = "",
    propose: ProposeAtOnce = False,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Write a draft: of a new mapping, or of a change of one. Nothing is changed before it is approved.

    Example: marketmap drafts create btts_ft --set priority=5 --actor you --reason "..."
    """
    kinds = [activate, deactivate, delete, bool(file or assignments)]
    if sum(kinds) != 1:
        fail("Give one of --file and --set, --activate, --deactivate and --delete.", code=2)
    if canonical_id is None and not (file or assignments):
        fail("Name the mapping to change.", code=2)
    keys = _parse_misses(miss)
    mapping = read_mapping(file, assignments) if canonical_id is None else None
    replacement, version = _replacement(file) if canonical_id is not None and file else (None, None)
    expected = version if expected_version is None else expected_version

    def revise(current: dict[str, Any]) -> Mapping:
        return replacement or parse_mapping(assign(current, assignments or []))

    async def proposal(connection: AsyncConnection) -> Proposal:
        if mapping is not None:
            return await new_mapping(connection, mapping, misses=keys)
        wanted = canonical_id or ""
        if delete:
            return await deleted_mapping(connection, wanted, expected)
        if activate or deactivate:
            return await switched_mapping(connection, wanted, expected, is_active=activate)
        return await revised_mapping(connection, wanted, revise, expected, misses=keys)

    async def run(connection: AsyncConnection) -> tuple[int, list[int]]:
        number, numbers = await save_drafts(
            connection,
            [await proposal(connection)],
            actor=actor,
            reason=reason,
            name=name,
            change_set_id=change_set,
        )
        if propose:
            await propose_change_set(connection, number, actor=actor)
        return number, numbers

    number, numbers = run_drafting(database_url, run, dry_run=dry_run)
    _say_written(number, numbers, proposed=propose, dry_run=dry_run, as_json=as_json)


def _say_written(
    number: int, numbers: Sequence[int], *, proposed: bool, dry_run: bool, as_json: bool
) -> None:
    state = "PROPOSED" if proposed else "DRAFT"
    if as_json:
        known: dict[str, Any] = {"change_set": None, "drafts": []} if dry_run else {}
        print_json(
            {"change_set": number, "drafts": list(numbers), "state": state}
            | known
            | {"dry_run": dry_run}
        )
        return
    if dry_run:
        err.print("A dry run: nothing was written.")
        return
    out.print(f"draft {', '.join(map(str, numbers))} in change set {number}, {state}")


def _parse_misses(given: Sequence[str] | None) -> list[QueueKey]:
    keys = []
    for one in given or ():
        platform, _, market_id = one.partition(":")
        if not market_id:
            fail(f"--miss {one} is not PLATFORM:MARKET_ID", code=2)
        require_one_of("the platform of --miss", platform, PLATFORMS)
        keys.append((platform, market_id))
    return keys


def _replacement(file: Path) -> tuple[Mapping, int | None]:
    return read_file(file, lambda text: split_version(parse_values(text)))


@app.command()
def edit(
    draft: DraftNumber,
    *,
    reason: Reason,
    actor: Actor,
    file: MappingFile = None,
    assignments: Assignments = None,
    expected_version: Annotated[
        int | None,
        typer.Option(
            help="The version of the mapping that it changes; after somebody else has changed that.",
            min=1,
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Change what a draft proposes: replace its mapping by a file, or set single fields.

    A proposed change set is withdrawn or sent back first.

    Example: marketmap drafts edit 1 --set priority=7 --actor you --reason "..."
    """
    if not file and not assignments and expected_version is None:
        fail("Give --file, --set or --expected-version.", code=2)
    replacement, version = _replacement(file) if file else (None, None)

    async def run(connection: AsyncConnection) -> int:
        found = await drafts.get_draft(connection, draft)
        if found.mapping is None and (file or assignments):
            fail(f"Draft {draft} proposes to {found.action.lower()} it: it has no fields.", code=2)
        mapping = replacement
        if mapping is None and found.mapping is not None:
            mapping = parse_mapping(assign(found.mapping, assignments or []))
        base = found.base_version
        if base is not None:
            base = expected_version or version or base
        proposal = Proposal(
            found.canonical_id, found.action, base, mapping, found.is_active, found.keys
        )
        await drafts.replace_draft(connection, draft, proposal, actor=actor, reason=reason)
        return found.change_set_id

    number = run_drafting(database_url, run, dry_run=dry_run)
    if as_json:
        print_json({"draft": draft, "change_set": number, "dry_run": dry_run})
        return
    out.print(f"draft {draft} {'would be' if dry_run else 'is'} changed")


@app.command()
def remove(
    draft: DraftNumber,
    *,
    reason: Reason,
    actor: Actor,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take a draft out of its change set, while that can be edited.

    Whoever removes one is an author of the change set.

    Example: marketmap drafts remove 1 --actor you --reason "..."
    """

    async def run(connection: AsyncConnection) -> int:
        found = await drafts.get_draft(connection, draft)
        await drafts.remove_draft(connection, draft, actor=actor, reason=reason)
        return found.change_set_id

    number = run_drafting(database_url, run, dry_run=dry_run)
    if as_json:
        print_json({"draft": draft, "change_set": number, "dry_run": dry_run})
        return
    out.print(f"draft {draft} {'would be' if dry_run else 'is'} removed from change set {number}")


@app.command()
def propose(
    change_set: ChangeSetNumber,
    *,
    actor: Actor,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Hand a change set to a reviewer. Its drafts cannot be changed then.

    Example: marketmap drafts propose 1 --actor you
    """

    async def run(connection: AsyncConnection) -> None:
        await propose_change_set(connection, change_set, actor=actor)

    run_drafting(database_url, run, dry_run=dry_run)
    _say_moved(change_set, "PROPOSED", dry_run=dry_run, as_json=as_json)


@app.command()
def withdraw(
    change_set: ChangeSetNumber,
    *,
    reason: Reason,
    actor: Actor,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take a change set back before it is approved. It may be edited and proposed again.

    Example: marketmap drafts withdraw 1 --actor you --reason "..."
    """

    async def run(connection: AsyncConnection) -> None:
        await withdraw_change_set(connection, change_set, actor=actor, reason=reason)

    run_drafting(database_url, run, dry_run=dry_run)
    _say_moved(change_set, "WITHDRAWN", dry_run=dry_run, as_json=as_json)


def _say_moved(number: int, state: str, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json({"change_set": number, "state": state, "dry_run": dry_run})
        return
    out.print(f"change set {number} {'would be' if dry_run else 'is'} {state}")


app.command()(export)
app.command("import")(import_)
