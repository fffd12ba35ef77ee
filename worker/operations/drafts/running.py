"""What all commands on drafts and change sets share: one transaction, and how refusals are shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.completions import complete_change_set
from worker.cli.console import fail
from worker.cli.database import chosen_url, in_one_transaction, run_on_database
from worker.domain.mapping import MappingError
from worker.operations.drafts.drafting import NothingToChangeError
from worker.operations.mappings.changing import meant, refuse_faults
from worker.storage.changes.drafts import UnknownDraft
from worker.storage.changes.sets import UnknownChangeSet
from worker.storage.editing import DuplicateCanonicalId, StaleVersion, UnknownMapping
from worker.storage.errors import StorageRefused

Result = TypeVar("Result")

ChangeSetNumber = Annotated[
    int,
    typer.Argument(
        help="Number of the change set, as shown by `changes list`.",
        show_default=False,
        autocompletion=complete_change_set,
        min=1,
    ),
]
ProposeAtOnce = Annotated[bool, typer.Option("--propose", help="Propose the change set at once.")]


def run_drafting(
    database_url: str | None,
    work: Callable[[AsyncConnection], Awaitable[Result]],
    *,
    dry_run: bool = False,
) -> Result:
    """Run in one transaction, taken back after a dry run. A refusal ends the command."""
    call = in_one_transaction(chosen_url(database_url), work, dry_run=dry_run)
    return or_refuse(database_url, call)


def or_refuse(database_url: str | None, call: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end; what is refused ends the command with a sentence."""
    try:
        return run_on_database(_translated(call))
    except _RefusedByDatabase as error:
        fail(f"{error}; nothing was changed", kind="CONFLICT")
    except (UnknownChangeSet, UnknownDraft) as error:
        fail(f"{error}; nothing was changed", kind="NOT_FOUND")
    except UnknownMapping as error:
        hint = meant(database_url, error.canonical_id)
        fail(f"{error}; nothing was changed", hint=hint, kind="NOT_FOUND")
    except StaleVersion as error:
        fail(f"{error}; nothing was changed.", hint=error.advice, kind="CONFLICT")
    except (DuplicateCanonicalId, NothingToChangeError) as error:
        fail(f"{error}; nothing was changed", kind="CONFLICT")
    except MappingError as error:
        refuse_faults(error, "The mapping cannot be used")


class _RefusedByDatabase(Exception):  # noqa: N818 (it names an answer, not a mistake)
    """A trigger or a constraint refused a step: not an error of the server."""


async def _translated(call: Coroutine[Any, Any, Result]) -> Result:
    try:
        return await call
    except StorageRefused as error:
        raise _RefusedByDatabase(str(error)) from error
