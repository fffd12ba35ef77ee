"""`marketmap changes`: change sets, what is decided about them, and taking them back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from worker.cli.completions import complete_canonical_id
from worker.cli.console import err, fail, out, print_json, printable
from worker.cli.database import chosen_url, read_database
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
from worker.cli.spreadsheet import print_csv
from worker.cli.tables import print_list, print_table
from worker.cli.words import number_of
from worker.domain.diff import FieldChange, diff
from worker.operations.changes.applying import (
    Approval,
    ChangesRefused,
    WrongState,
)
from worker.operations.changes.applying import (
    approve as approve_change_set,
)
from worker.operations.changes.applying import (
    send_back as send_change_set_back,
)
from worker.operations.changes.effect import ReadEffect, effect_json, print_effect, read_effect
from worker.operations.changes.reverting import NotReverted, Reverted
from worker.operations.changes.reverting import revert as revert_change_set
from worker.operations.changes.tables import (
    CHANGE_SETS,
    DIFF_FIELDS,
    applied_json,
    applied_table,
    change_set_json,
    change_set_table,
    comment_json,
    comments_table,
    diff_rows,
    name_of,
    refusals_json,
)
from worker.operations.changes.what_if_command import what_if
from worker.operations.drafts.drafting import fields_of
from worker.operations.drafts.running import ChangeSetNumber, or_refuse, run_drafting
from worker.operations.drafts.tables import draft_diff_json, drafts_list, print_draft
from worker.operations.mappings.changing import Force, Republish, tell_settled
from worker.operations.mappings.price_verdicts import not_judged, verdict_json
from worker.operations.mappings.tables import history_json, history_list
from worker.storage import mappings
from worker.storage.audit import AuditRow
from worker.storage.changes import drafts, sets
from worker.storage.changes.drafts import StoredDraft
from worker.storage.changes.sets import STATES, ChangeSet, Comment, ReviewPolicy, UnknownChangeSet
from worker.storage.engine import opened
from worker.storage.misses import QueueKey

Result = TypeVar("Result")

_ON_OFF = ("on", "off")
Revision = Annotated[
    int | None,
    typer.Option(
        "--expected-revision",
        help="Refuse if it was proposed again since you read this revision of it.",
        min=1,
    ),
]

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Review proposed changes of mappings, and take changes back as a whole."""


@app.command("list")
def list_(
    containing: Annotated[str, typer.Argument(help="Text in the name or the reason.")] = "",
    *,
    state: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{', '.join(STATES)}. Repeatable.",
            show_default=False,
            autocompletion=completing(STATES),
        ),
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Written, proposed or decided by this person.")
    ] = None,
    mapping: Annotated[
        str | None,
        typer.Option(
            help="Only those that change this mapping.", autocompletion=complete_canonical_id
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 50,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """List change sets, the newest first. A direct change is one, too.

    Example: marketmap changes list --state PROPOSED
    """
    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    for one in state or ():
        require_one_of("--state", one, STATES)
    filters: dict[str, Any] = {
        "states": state,
        "person": by,
        "canonical_id": mapping,
        "containing": containing,
    }

    async def read(connection: AsyncConnection) -> tuple[Sequence[ChangeSet], int]:
        rows = await sets.list_change_sets(connection, **filters, limit=limit)
        return rows, await sets.count_change_sets(connection, **filters)

    rows, total = read_database(database_url, read)
    print_all(form, CHANGE_SETS, rows)
    say_shown(form, len(rows), total, "change set")


@app.command()
def show(
    change_set: ChangeSetNumber, *, database_url: DatabaseUrl = None, as_json: AsJson = False
) -> None:
    """Show one change set: who wrote, proposed and decided it, what was said, and what it holds or made.

    Example: marketmap changes show 1
    """

    async def read(
        connection: AsyncConnection,
    ) -> tuple[ChangeSet, Sequence[Comment], Sequence[StoredDraft], Sequence[AuditRow], ReadEffect]:
        return (
            await sets.get_change_set(connection, change_set),
            await sets.read_comments(connection, change_set),
            await drafts.drafts_of(connection, change_set),
            await sets.versions_of(connection, change_set),
            await read_effect(connection, change_set),
        )

    found, comments, held, made, effect = _read(database_url, read)
    if as_json:
        print_json(
            change_set_json(found)
            | {
                "comments": [comment_json(one) for one in comments],
                "drafts": [one.id for one in held],
                "versions": [history_json(one) for one in made],
                "effect": effect_json(effect),
            }
        )
        return
    title = printable(f"change set {found.id}: {name_of(found)}")
    out.print(title, markup=False, soft_wrap=True)
    print_table(change_set_table(found))
    if comments:
        out.print()
        print_table(comments_table(comments))
    if held:
        out.print()
        print_list(drafts_list(held))
    if made:
        out.print()
        print_list(history_list(made, title=None))
        out.print()
        print_effect(effect)


@app.command("diff")
def diff_(
    change_set: ChangeSetNumber,
    *,
    database_url: DatabaseUrl = None,
    output: Output = None,
    as_json: ListAsJson = False,
    as_csv: ListAsCsv = False,
) -> None:
    """Show field by field what a change set is to change, or what it has changed.

    As CSV, each field has a row.

    Example: marketmap changes diff 1
    """

    async def read(
        connection: AsyncConnection,
    ) -> tuple[list[tuple[StoredDraft, list[FieldChange]]], Sequence[AuditRow]]:
        await sets.get_change_set(connection, change_set)
        made = await sets.versions_of(connection, change_set)
        if made:
            return [], made
        held = await drafts.drafts_of(connection, change_set)
        return [
            (one, fields_of(one, await mappings.get(connection, one.canonical_id))) for one in held
        ], made

    form = chosen_form(output, as_json=as_json, as_csv=as_csv)
    held, made = _read(database_url, read)
    if form == "csv":
        print_csv(DIFF_FIELDS, diff_rows(change_set, held, made))
        return
    if form == "json":
        print_json(
            [draft_diff_json(draft, fields) for draft, fields in held]
            + [history_json(one) for one in made]
        )
        return
    for draft, fields in held:
        print_draft(draft, fields)
    if made:
        print_list(history_list(made, title=None))
        fields_changed = sum(len(diff(one.old_value, one.new_value)) for one in made)
        err.print(f"{number_of(len(made), 'version')}, {number_of(fields_changed, 'field')}.")


@app.command()
def approve(
    change_set: ChangeSetNumber,
    *,
    reason: Annotated[
        str, typer.Option(help="What you say about it; with --force, why.", show_default=False)
    ] = "",
    actor: Actor,
    force: Force = False,
    expected_revision: Revision = None,
    database_url: DatabaseUrl = None,
    republish: Republish = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Apply all drafts of a proposed change set, or none.

    It is refused if a mapping has changed since the draft was written, if mappings would be in conflict, if
    a change does not cover the miss that it is made for, or if prices contradict it. Where four eyes are
    required, authors cannot approve.

    Example: marketmap changes approve 1 --actor you --dry-run
    """
    if force and not reason.strip():
        fail("--force needs a --reason that says why.", code=2)
    again = _Republishing(republish, database_url)

    async def run(engine: AsyncEngine) -> Approval:
        return await approve_change_set(
            engine,
            change_set,
            actor=actor,
            comment=reason.strip(),
            expected_revision=expected_revision,
            forced=reason.strip() if force else None,
            dry_run=dry_run,
        )

    done = _run(database_url, run, as_json=as_json)
    if not as_json:
        _show_approval(done, dry_run=dry_run)
    said = again.run(
        done.applied.markets,
        f"change set {change_set}",
        actor=actor,
        reason=done.change_set.reason or "",
        dry_run=dry_run,
        as_json=as_json,
    )
    if as_json:
        print_json(_approval_json(done) | said | {"dry_run": dry_run})


def _approval_json(done: Approval) -> dict[str, Any]:
    prices = {"prices": verdict_json(done.verdicts)} if done.verdicts else {}
    return change_set_json(done.change_set) | applied_json(done.applied) | prices


def _show_approval(done: Approval, *, dry_run: bool) -> None:
    _show_applied(done, dry_run=dry_run)
    if dry_run:
        err.print("A dry run: nothing was changed.")
    else:
        err.print(f"Change set {done.change_set.id} is APPROVED.")


def _show_applied(done: Approval, *, dry_run: bool) -> None:
    print_table(applied_table(done.applied))
    if done.prices_missing is not None:
        err.print(f"Prices were not compared: {done.prices_missing}.", markup=False)
    for sentence in not_judged(done.verdicts):
        err.print(printable(sentence), markup=False, soft_wrap=True)
    tell_settled(done.applied, dry_run=dry_run)


@app.command("send-back")
def send_back(
    change_set: ChangeSetNumber,
    *,
    reason: Annotated[str, typer.Option(help="What is to be changed.", show_default=False)],
    actor: Actor,
    expected_revision: Revision = None,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Return a proposed change set to its author, with a comment.

    Example: marketmap changes send-back 1 --actor you --reason "..."
    """

    async def run(engine: AsyncEngine) -> ChangeSet:
        return await send_change_set_back(
            engine,
            change_set,
            actor=actor,
            comment=reason,
            expected_revision=expected_revision,
            dry_run=dry_run,
        )

    done = _run(database_url, run, as_json=as_json)
    if as_json:
        print_json(change_set_json(done) | {"dry_run": dry_run})
        return
    out.print(f"change set {change_set} {'would be' if dry_run else 'is'} SENT_BACK")


@app.command()
def comment(
    change_set: ChangeSetNumber,
    *,
    reason: Annotated[str, typer.Option(help="What you say about it.", show_default=False)],
    actor: Actor,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Say something about a change set; its state stays.

    Example: marketmap changes comment 1 --actor you --reason "..."
    """

    async def run(connection: AsyncConnection) -> None:
        await sets.get_change_set(connection, change_set)
        await sets.add_comment(connection, change_set, reason, actor=actor)

    run_drafting(database_url, run, dry_run=dry_run)
    if as_json:
        print_json({"change_set": change_set, "comment": reason, "dry_run": dry_run})
        return
    out.print(f"the comment on change set {change_set} {'would be' if dry_run else 'is'} kept")


@app.command()
def revert(
    change_set: ChangeSetNumber,
    *,
    rest: Annotated[
        bool, typer.Option("--rest", help="Leave out what was changed again since.")
    ] = False,
    reason: Reason,
    actor: Actor,
    force: Force = False,
    database_url: DatabaseUrl = None,
    republish: Republish = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take back everything that a change set changed, by one new change set.

    It is refused if one of the mappings was changed since, and names it. Where four eyes are required, the
    new change set is proposed, and somebody else approves it, with --republish if events are to be published
    again. Misses that were mapped by it are open again.

    Example: marketmap changes revert 1 --actor you --reason "..." --dry-run
    """
    again = _Republishing(republish, database_url)

    async def run(engine: AsyncEngine) -> Reverted:
        return await revert_change_set(
            engine,
            change_set,
            actor=actor,
            reason=reason,
            rest=rest,
            forced=reason if force else None,
            dry_run=dry_run,
        )

    done = _run(database_url, run, as_json=as_json)
    if not as_json:
        _show_reverted(done, change_set, dry_run=dry_run)
    if done.approval is None:
        said = again.leave()
    else:
        said = again.run(
            done.approval.applied.markets,
            f"change set {done.change_set.id}",
            actor=actor,
            reason=reason,
            dry_run=dry_run,
            as_json=as_json,
        )
    if as_json:
        made = _approval_json(done.approval) if done.approval else change_set_json(done.change_set)
        number = {"change_set": None} if dry_run else {}
        left = {"left": refusals_json(done.left)}
        print_json(made | number | left | said | {"dry_run": dry_run})


def _show_reverted(done: Reverted, reverted: int, *, dry_run: bool) -> None:
    if done.approval is not None and dry_run:
        _show_applied(done.approval, dry_run=True)
    elif done.approval is not None:
        _show_approval(done.approval, dry_run=False)
    for one in done.left:
        err.print(printable(f"Left as it is: {one}."), markup=False)
    if dry_run:
        drafts = done.change_set.drafts
        restored = number_of(drafts, "mapping")
        err.print(f"A dry run: {restored} would be restored; nothing was changed.")
    elif done.approval is None:
        err.print(
            f"Change set {done.change_set.id} would take change set {reverted} back; "
            "somebody else approves it."
        )


@app.command("four-eyes")
def four_eyes(
    wanted: Annotated[
        str | None,
        typer.Argument(
            metavar="[on|off]",
            help="Require four eyes, or no longer; without it, show whether they are.",
            autocompletion=completing(_ON_OFF),
        ),
    ] = None,
    *,
    reason: Annotated[str, typer.Option(help="Why; kept.", show_default=False)] = "",
    actor: Annotated[
        str,
        typer.Option(envvar="MARKETMAP_ACTOR", help="Who decides it; kept.", show_default=False),
    ] = "",
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Show or decide whether every change of a mapping needs somebody else to approve it.

    The database keeps to it, whatever program changes mappings. To decide it takes a login in the group
    marketmap_operator.

    Example: marketmap changes four-eyes on --actor you --reason "..." --dry-run
    """
    require_one_of("four-eyes", wanted, _ON_OFF)
    if wanted is not None and (not reason.strip() or not actor.strip()):
        fail("A decision needs --actor and --reason.", code=2)

    async def run(connection: AsyncConnection) -> ReviewPolicy:
        if wanted is not None:
            await sets.set_policy(connection, four_eyes=wanted == "on", actor=actor, reason=reason)
        return await sets.read_policy(connection)

    policy = run_drafting(database_url, run, dry_run=dry_run)
    if as_json:
        print_json(policy._asdict() | {"dry_run": dry_run})
        return
    would = "would be" if dry_run and wanted is not None else "are"
    out.print(f"four eyes {would} {'required' if policy.four_eyes else 'not required'}")


app.command("what-if")(what_if)


class _Republishing:
    """What ``--republish`` asks for: known before anything is changed, done after it."""

    def __init__(self, republish: str | None, database_url: str | None) -> None:
        self._wanted = None
        if republish is not None:
            from worker.operations.mappings.backfill import backfill_since  # noqa: PLC0415  for Kafka

            self._wanted = backfill_since(republish, database_url)

    def leave(self) -> dict[str, Any]:
        """Say that a change which waits for its approval publishes nothing; return it for JSON."""
        if self._wanted is None:
            return {}
        err.print("Nothing is published again: approve it with --republish.")
        return {"backfill": None}

    def run(
        self,
        markets: Sequence[QueueKey],
        of: str,
        *,
        actor: str,
        reason: str,
        dry_run: bool,
        as_json: bool,
    ) -> dict[str, Any]:
        """Publish again what these markets concern; return it for JSON."""
        if self._wanted is None:
            return {}
        from worker.operations.mappings.backfill import publish_again  # noqa: PLC0415  as above

        return {
            "backfill": publish_again(
                self._wanted.of(markets),
                of,
                actor=actor,
                reason=reason,
                dry_run=dry_run,
                as_json=as_json,
            )
        }


def _read(database_url: str | None, read: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
    try:
        return read_database(database_url, read)
    except UnknownChangeSet as error:
        fail(str(error), kind="NOT_FOUND")


def _run(
    database_url: str | None,
    work: Callable[[AsyncEngine], Awaitable[Result]],
    *,
    as_json: bool,
) -> Result:
    async def run(url: str) -> Result:
        # One connection changes, one reads what was proposed.
        async with opened(url, application_name="marketmap-cli", pool_size=2) as engine:
            return await work(engine)

    try:
        return or_refuse(database_url, run(chosen_url(database_url)))
    except ChangesRefused as error:
        _refuse(error, as_json=as_json)
    except (WrongState, NotReverted) as error:
        fail(f"{error}; nothing was changed", kind="CONFLICT")


def _refuse(error: ChangesRefused, *, as_json: bool) -> NoReturn:
    if as_json:
        prices = {"prices": verdict_json(error.verdicts)} if error.verdicts else {}
        print_json({"refused": True, "refusals": refusals_json(error.refusals)} | prices)
    reasons = list(dict.fromkeys(map(str, error.refusals)))
    hint = ""
    if any(one.kind == "PRICES" for one in error.refusals):
        hint = "Compare the labels, or save it with --force and a --reason that says why."
    fail("\n".join([*reasons, "Nothing was changed."]), hint=hint, kind="CONFLICT")
