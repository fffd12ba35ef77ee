"""The commands that change one mapping."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from worker.app import editing
from worker.app.editing import Change
from worker.cli.changing import (
    Actor,
    AsJson,
    CanonicalId,
    DryRun,
    ExpectedVersion,
    Reason,
    refuse_faults,
    report_change,
    run_edit,
)
from worker.cli.console import fail
from worker.cli.database import DatabaseUrl
from worker.cli.mapping_file import parse_values, read_text, split_version
from worker.domain.assign import FIELDS, assign
from worker.domain.mapping import Mapping, MappingError, parse_mapping
from worker.storage.editing import Edit

MappingFile = Annotated[
    Path | None, typer.Option("--file", help="The mapping as YAML or JSON, - for stdin.", show_default=False)
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help=f"Set one field; an empty value takes it away. Repeatable. Fields: {', '.join(FIELDS)}.",
        show_default=False,
    ),
]


def create(
    *,
    reason: Reason,
    actor: Actor,
    file: MappingFile = None,
    assignments: Assignments = None,
    inactive: Annotated[bool, typer.Option("--inactive", help="Switched off to begin with.")] = False,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add a mapping from a file, from --set, or from a file with --set on top."""
    mapping = read_mapping(file, assignments)

    async def run(edit: Edit) -> Change:
        return await editing.create(edit, mapping, is_active=not inactive)

    change = run_edit(database_url, run, actor=actor, reason=reason, dry_run=dry_run, as_json=as_json)
    report_change(change, dry_run=dry_run, as_json=as_json)


def update(
    canonical_id: CanonicalId,
    *,
    reason: Reason,
    actor: Actor,
    file: MappingFile = None,
    assignments: Assignments = None,
    expected_version: ExpectedVersion = None,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Change a mapping: put a file in its place, or set single fields.

    The version that `export` wrote into the file is the expected one, unless --expected-version says another.
    """
    if bool(file) == bool(assignments):
        fail("Give either --file or --set.", code=2)
    replacement, version = _replacement(file) if file else (None, None)

    def revise(current: dict[str, Any]) -> Mapping:
        return replacement or parse_mapping(assign(current, assignments or []))

    async def run(edit: Edit) -> Change:
        return await editing.update(edit, canonical_id, revise, expected_version or version)

    change = run_edit(database_url, run, actor=actor, reason=reason, dry_run=dry_run, as_json=as_json)
    report_change(change, dry_run=dry_run, as_json=as_json)


def activate(
    canonical_id: CanonicalId,
    *,
    reason: Reason,
    actor: Actor,
    expected_version: ExpectedVersion = None,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Switch a mapping on: workers use it from their next batch."""

    async def run(edit: Edit) -> Change:
        return await editing.set_active(edit, canonical_id, expected_version, is_active=True)

    change = run_edit(database_url, run, actor=actor, reason=reason, dry_run=dry_run, as_json=as_json)
    report_change(change, dry_run=dry_run, as_json=as_json)


def deactivate(
    canonical_id: CanonicalId,
    *,
    reason: Reason,
    actor: Actor,
    expected_version: ExpectedVersion = None,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Switch a mapping off: its markets are missed again."""

    async def run(edit: Edit) -> Change:
        return await editing.set_active(edit, canonical_id, expected_version, is_active=False)

    change = run_edit(database_url, run, actor=actor, reason=reason, dry_run=dry_run, as_json=as_json)
    report_change(change, dry_run=dry_run, as_json=as_json)


def delete(
    canonical_id: CanonicalId,
    *,
    reason: Reason,
    actor: Actor,
    expected_version: ExpectedVersion = None,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Delete a mapping. Its history stays, and `rollback` brings it back."""

    async def run(edit: Edit) -> Change:
        return await editing.delete(edit, canonical_id, expected_version)

    change = run_edit(database_url, run, actor=actor, reason=reason, dry_run=dry_run, as_json=as_json)
    report_change(change, dry_run=dry_run, as_json=as_json)


def rollback(
    canonical_id: CanonicalId,
    version: Annotated[int, typer.Argument(help="The version to go back to, as `history` shows it.", min=1)],
    *,
    reason: Reason,
    actor: Actor,
    expected_version: ExpectedVersion = None,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make a mapping what it was at a version, by a new change. One that was deleted comes back."""

    async def run(edit: Edit) -> Change:
        return await editing.roll_back(edit, canonical_id, version, expected_version)

    change = run_edit(database_url, run, actor=actor, reason=reason, dry_run=dry_run, as_json=as_json)
    report_change(change, dry_run=dry_run, as_json=as_json)


def read_mapping(file: Path | None, assignments: list[str] | None) -> Mapping:
    """The mapping of a file with assignments on top; what is wrong with it ends the command."""
    values = _read(file) if file else {}
    return _parse({**values, **_assign(values, assignments)} if assignments else values)


def _read(file: Path) -> dict[str, Any]:
    try:
        return parse_values(read_text(file))
    except MappingError as error:
        refuse_faults(error, f"{file} cannot be used")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {error}", code=2)


def _replacement(file: Path) -> tuple[Mapping, int | None]:
    try:
        return split_version(_read(file))
    except MappingError as error:
        refuse_faults(error, f"{file} cannot be used")


def _assign(values: dict[str, Any], assignments: list[str]) -> dict[str, Any]:
    try:
        return assign(values, assignments)
    except MappingError as error:
        refuse_faults(error, "--set cannot be used")


def _parse(values: dict[str, Any]) -> Mapping:
    if not values:
        fail("Give a --file, or fields by --set.", code=2)
    try:
        return parse_mapping({"priority": 0, **{k: v for k, v in values.items() if v is not None}})
    except MappingError as error:
        refuse_faults(error, "The mapping cannot be used")
