"""The commands that change one mapping."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from worker.cli.console import fail
from worker.cli.options import Actor, AsJson, DatabaseUrl, DryRun, Reason
from worker.domain.assign import FIELDS, assign
from worker.domain.mapping import Mapping, MappingError, claims_of, parse_mapping
from worker.operations.mappings import editing
from worker.operations.mappings.changing import (
    CanonicalId,
    ExpectedVersion,
    Force,
    MappingChange,
    change_mapping,
    changes,
    read_file,
    refuse_faults,
)
from worker.operations.mappings.files import parse_values, split_version
from worker.storage.editing import Edit

MappingFile = Annotated[
    Path | None,
    typer.Option("--file", help="The mapping as YAML or JSON, - for stdin.", show_default=False),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help=f"Set one field; an empty value removes it. Repeatable. Fields: {', '.join(FIELDS)}.",
        show_default=False,
    ),
]


# Prices are compared before it is saved.
checked_changes = partial(changes, is_checked=True)


def create(
    *,
    reason: Reason,
    actor: Actor,
    file: MappingFile = None,
    assignments: Assignments = None,
    force: Force = False,
    inactive: Annotated[bool, typer.Option("--inactive", help="Create it inactive.")] = False,
    republish: Annotated[
        str | None,
        typer.Option(
            "--republish",
            "--backfill",
            metavar="DURATION",
            help="Afterwards publish recent events that hold its markets again: 30m, 2h, ...",
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add a mapping from a file, from --set, or from a file with --set on top.

    --republish is a `replay run` on the topics of its platforms. It starts once every worker has the mapping.

    Example: marketmap mappings create --file market.yaml --republish 30m --actor you --reason "..."
    """
    mapping = read_mapping(file, assignments)

    def change(edit: Edit) -> Awaitable[editing.AppliedChange]:
        return editing.create(edit, mapping, is_active=not inactive)

    if republish is not None:
        if inactive:
            fail("Give either --inactive or --republish.", code=2)
        if not claims_of(mapping):
            fail("--republish needs a mapping with the id of a bookmaker", code=2)
    change_mapping(
        database_url,
        change,
        actor=actor,
        reason=reason,
        dry_run=dry_run,
        as_json=as_json,
        republish=republish,
        force=force,
    )


@checked_changes
def update(
    canonical_id: CanonicalId,
    *,
    file: MappingFile = None,
    assignments: Assignments = None,
    expected_version: ExpectedVersion = None,
) -> MappingChange:
    """Change a mapping: replace it by a file, or set single fields.

    The version in the file, as written by `export`, is the expected one unless --expected-version is given.

    Example: marketmap mappings update btts_ft --set priority=5 --actor you --reason "..." --dry-run
    """
    if bool(file) == bool(assignments):
        fail("Give either --file or --set.", code=2)
    replacement, version = _replacement(file) if file else (None, None)

    def revise(current: dict[str, Any]) -> Mapping:
        return replacement or parse_mapping(assign(current, assignments or []))

    expected = version if expected_version is None else expected_version
    return lambda edit: editing.update(edit, canonical_id, revise, expected)


@changes
def activate(
    canonical_id: CanonicalId, *, expected_version: ExpectedVersion = None
) -> MappingChange:
    """Activate a mapping: workers use it from their next batch.

    Example: marketmap mappings activate btts_ft --actor you --reason "..."
    """
    return lambda edit: editing.set_active(edit, canonical_id, expected_version, is_active=True)


@changes
def deactivate(
    canonical_id: CanonicalId, *, expected_version: ExpectedVersion = None
) -> MappingChange:
    """Deactivate a mapping: its markets are missed again.

    Example: marketmap mappings deactivate btts_ft --actor you --reason "..."
    """
    return lambda edit: editing.set_active(edit, canonical_id, expected_version, is_active=False)


@changes
def delete(canonical_id: CanonicalId, *, expected_version: ExpectedVersion = None) -> MappingChange:
    """Delete a mapping. Its history is kept, and `rollback` restores it.

    Example: marketmap mappings delete btts_ft --actor you --reason "..." --dry-run
    """
    return lambda edit: editing.delete(edit, canonical_id, expected_version)


@changes
def rollback(
    canonical_id: CanonicalId,
    version: Annotated[
        int, typer.Argument(help="The version to restore, as shown by `history`.", min=1)
    ],
    *,
    expected_version: ExpectedVersion = None,
) -> MappingChange:
    """Restore a mapping as it was at a version, by a new change. A deleted mapping is created again.

    Example: marketmap mappings rollback btts_ft 42 --actor you --reason "..." --dry-run
    """
    return lambda edit: editing.roll_back(edit, canonical_id, version, expected_version)


def read_mapping(file: Path | None, assignments: list[str] | None) -> Mapping:
    """Read the mapping of a file with assignments on top; a fault ends the command."""
    values = read_file(file, parse_values) if file else {}
    return _parse({**values, **_assign(values, assignments)} if assignments else values)


def _replacement(file: Path) -> tuple[Mapping, int | None]:
    return read_file(file, lambda text: split_version(parse_values(text)))


def _assign(values: dict[str, Any], assignments: list[str]) -> dict[str, Any]:
    try:
        return assign(values, assignments)
    except MappingError as error:
        refuse_faults(error, "--set cannot be used")


def _parse(values: dict[str, Any]) -> Mapping:
    if not values:
        fail("Give --file, or fields with --set.", code=2)
    try:
        return parse_mapping({"priority": 0, **{k: v for k, v in values.items() if v is not None}})
    except MappingError as error:
        refuse_faults(error, "The mapping cannot be used")
