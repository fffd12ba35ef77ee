"""What all commands that change mappings share: who and why, one transaction, and how refusals are shown."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar

import typer

from worker.cli.completions import complete_canonical_id
from worker.cli.console import did_you_mean, err, fail, print_json, printable
from worker.cli.database import chosen_url, read_database, run_on_database
from worker.cli.options import Actor, AsJson, DatabaseUrl, DryRun, Reason
from worker.cli.tables import ListTable, print_list, print_table
from worker.domain.conflicts import MOST_RIVALRIES
from worker.domain.mapping import MappingError
from worker.operations.mappings.editing import (
    AppliedChange,
    AppliedChanges,
    ConflictError,
    NoSuchStateError,
)
from worker.operations.mappings.files import read_text
from worker.operations.mappings.price_verdicts import verdict_json
from worker.operations.mappings.tables import change_json, change_table, history_list
from worker.storage.audit import last_changes
from worker.storage.editing import DuplicateCanonicalId, Edit, StaleVersion, UnknownMapping, editing
from worker.storage.engine import opened
from worker.storage.mappings import canonical_ids

Result = TypeVar("Result")
MappingChange = Callable[[Edit], Awaitable[AppliedChange]]

# What was changed meanwhile is shown while no other editor can write: more than these are not read.
_MOST_SINCE: Final = 50

CanonicalId = Annotated[
    str,
    typer.Argument(
        help="The mapping's canonical id.",
        show_default=False,
        autocompletion=complete_canonical_id,
    ),
]
ExpectedVersion = Annotated[
    int | None,
    typer.Option(help="Refuse if the mapping was changed after this version of it.", min=1),
]


class Outdated(Exception):  # noqa: N818 (it names what happened, not a mistake)
    """Somebody else has changed the mapping; ``since`` shows their changes as a table."""

    def __init__(self, error: StaleVersion, since: ListTable) -> None:
        super().__init__(str(error))
        self.since = since
        self.advice = error.advice


class ChangedMeanwhileError(Exception):
    """A change leads to other mappings than those whose prices were compared."""


Force = Annotated[
    bool,
    typer.Option("--force", help="Save it although the prices of the last events contradict it."),
]
REPUBLISH: Final = typer.Option(
    "--republish",
    metavar="DURATION",
    help="Afterwards publish recent events that hold its markets again: 30m, 2h, ...",
)
Republish = Annotated[str | None, REPUBLISH]


def run_edit(
    database_url: str | None,
    change: Callable[[Edit], Awaitable[Result]],
    *,
    actor: str,
    reason: str,
    dry_run: bool,
    as_json: bool = False,
) -> Result:
    """Run a change in one transaction. A refusal ends the command, and nothing is changed."""
    url = chosen_url(database_url)
    try:
        return run_on_database(_edit(url, change, actor=actor, reason=reason, dry_run=dry_run))
    except Outdated as error:
        print_list(error.since, to=err)
        fail(f"{error}; nothing was changed.", hint=error.advice, kind="CONFLICT")
    except MappingError as error:
        refuse_faults(error, "The mapping cannot be used")
    except ConflictError as error:
        _refuse_conflicts(error, as_json=as_json)
    except UnknownMapping as error:
        hint = meant(database_url, error.canonical_id)
        fail(f"{error}; nothing was changed", hint=hint, kind="NOT_FOUND")
    except DuplicateCanonicalId as error:
        fail(f"{error}; nothing was changed", kind="CONFLICT")
    except NoSuchStateError as error:
        fail(f"{error}; nothing was changed", kind="NOT_FOUND")
    except ChangedMeanwhileError as error:
        fail(f"{error}; nothing was changed", kind="CONFLICT")
    except ValueError as error:
        fail(str(error), code=2)


def meant(database_url: str | None, canonical_id: str) -> str:
    """Which mappings may be meant by an id that there is not, as a sentence; empty without any."""
    return did_you_mean(canonical_id, read_database(database_url, canonical_ids))


def changes(
    command: Callable[..., MappingChange], *, is_checked: bool = False
) -> Callable[..., None]:
    """Make a command of a function that returns a change; the command has the common options too.

    ``command`` takes its own options only. ``is_checked``: prices are compared before the change is saved.
    """

    def run(
        *,
        reason: Reason,
        actor: Actor,
        force: Force = False,
        database_url: DatabaseUrl = None,
        republish: Republish = None,
        dry_run: DryRun = False,
        as_json: AsJson = False,
        **own: Any,
    ) -> None:
        change_mapping(
            database_url,
            command(**own),
            actor=actor,
            reason=reason,
            dry_run=dry_run,
            as_json=as_json,
            republish=republish,
            force=force if is_checked else None,
        )

    common = dict(list(inspect.signature(run, eval_str=True).parameters.items())[:-1])
    if not is_checked:
        del common["force"]
    parameters = [
        *inspect.signature(command, eval_str=True).parameters.values(),
        *common.values(),
    ]
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    # Typer reads the options from these two.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # as functools.wraps does
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def change_mapping(
    database_url: str | None,
    change: MappingChange,
    *,
    actor: str,
    reason: str,
    dry_run: bool,
    as_json: bool,
    republish: str | None = None,
    force: bool | None = None,
) -> None:
    """Change one mapping, and report what was changed or would be; then publish again what it concerns.

    Unless ``force`` is None, prices are compared first. What they contradict is refused unless it is True.
    """
    wanted = None
    if republish is not None:
        from worker.operations.mappings.backfill import backfill_since  # noqa: PLC0415  needs Kafka's clients

        wanted = backfill_since(republish, database_url)
    more: dict[str, Any] = {}
    if force is not None:
        from worker.operations.mappings.price_check import check_before  # noqa: PLC0415  it edits

        change, verdicts = check_before(
            database_url,
            change,
            lambda done: [] if done.action == "NONE" else [done.canonical_id],
            actor=actor,
            reason=reason,
            force=force,
            as_json=as_json,
        )
        more = {"prices": verdict_json(verdicts)} if verdicts else {}
    if wanted is not None:
        from worker.operations.mappings.backfill import change_and_backfill  # noqa: PLC0415  as above

        change_and_backfill(
            wanted, change, actor=actor, reason=reason, dry_run=dry_run, as_json=as_json, more=more
        )
        return
    done = run_edit(
        database_url, change, actor=actor, reason=reason, dry_run=dry_run, as_json=as_json
    )
    report(done, dry_run=dry_run, as_json=as_json, more=more)


async def _edit(
    url: str, change: Callable[[Edit], Awaitable[Result]], *, actor: str, reason: str, dry_run: bool
) -> Result:
    async with (
        opened(url, application_name="marketmap-cli", pool_size=1) as engine,
        editing(engine, actor=actor, reason=reason, dry_run=dry_run) as edit,
    ):
        try:
            return await change(edit)
        except StaleVersion as error:
            known = await last_changes(edit.connection, error.current.canonical_id, _MOST_SINCE)
            since = [one for one in known if one.id > error.expected]
            # Where even the first of them is newer, there may be more.
            title = (
                f"The last {_MOST_SINCE} changes" if len(since) == _MOST_SINCE else "Changed since"
            )
            raise Outdated(error, history_list(since, title=title)) from error


def read_file(file: Path, parse: Callable[[str], Result]) -> Result:
    """Parse a file, `-` for stdin. One that cannot be used ends the command."""
    try:
        return parse(read_text(file))
    except MappingError as error:
        refuse_faults(error, f"{file} cannot be used")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {error}", code=2)


def refuse_faults(error: MappingError, what: str) -> NoReturn:
    """Name every fault and end the command."""
    faults = list(map(str, error.faults))
    end = f"{what}: {len(faults)} fault{'s' * (len(faults) > 1)}; nothing was changed"
    fail("\n".join([*faults, end]))


def _refuse_conflicts(error: ConflictError, *, as_json: bool) -> NoReturn:
    if as_json:
        print_json(
            {"refused": True, "conflicts": [rivalry._asdict() for rivalry in error.rivalries]}
        )
    elif error.change is not None:
        print_table(change_table(error.change), to=err)
    rivalries = list(map(str, error.rivalries))
    at_least = "at least " * (len(rivalries) == MOST_RIVALRIES)
    end = f"{at_least}{len(rivalries)} conflict{'s' * (len(rivalries) > 1)}; nothing was changed."
    hint = "Change a label, a line rule or a priority of one of them."
    fail("\n".join([*rivalries, end]), hint=hint, kind="CONFLICT")


def report(
    change: AppliedChange, *, dry_run: bool, as_json: bool, more: dict[str, Any] | None = None
) -> None:
    """Report what was changed or would be; ``more`` is added to the JSON."""
    if as_json:
        taken_back = {"version": None} if dry_run else {}
        print_json(change_json(change) | taken_back | {"dry_run": dry_run} | (more or {}))
        return
    if change.action == "NONE":
        err.print(
            f"{change.canonical_id} has these values already: nothing to change.", markup=False
        )
        return
    print_table(change_table(change))
    if dry_run:
        err.print("A dry run: nothing was changed.")
    tell_settled(change, dry_run=dry_run)
    if change.version is not None and not dry_run:
        err.print(f"{change.canonical_id} is at version {change.version} now.", markup=False)


def tell_settled(change: AppliedChange | AppliedChanges, *, dry_run: bool) -> None:
    """Say what became of missed markets, or would become."""
    for words, keys in (
        ("would be MAPPED" if dry_run else "is MAPPED now", change.covered),
        ("would be open again" if dry_run else "is open again", change.reopened),
    ):
        for source, market_id in keys:
            err.print(printable(f"{source} {market_id} {words}."), markup=False)
    for left in change.left_open:
        err.print(printable(f"{left}."), markup=False)
