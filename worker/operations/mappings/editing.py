"""What an editor may do to mappings: every change is checked against the others in its own transaction.

The functions take an `Edit`, which holds the lock: what they read stays as it is until they have written.
They write first and look for rivals then; raising takes the change back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Literal, NamedTuple

from worker.domain.conflicts import Rivalry, rivalries
from worker.domain.diff import FieldChange, diff
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping, parse_mapping
from worker.runtime.index.covering import claimants, mark_covered, usable
from worker.storage.audit import AuditRow, history, last_version
from worker.storage.editing import Deleted, Edit, StaleVersion
from worker.storage.mappings import ImportReport, StoredMapping, get, import_mappings, list_mappings
from worker.storage.misses import QueueKey

Action = Literal["CREATE", "UPDATE", "ACTIVATE", "DEACTIVATE", "DELETE", "NONE"]
EditedState = dict[str, Any]


class AppliedChange(NamedTuple):
    """One change of one mapping. ``version`` is the mapping's after it, None once it is deleted.

    ``covered`` are the missed markets that became MAPPED by it.
    """

    canonical_id: str
    action: Action
    version: int | None
    fields: list[FieldChange]
    covered: Sequence[QueueKey] = ()


class ConflictError(Exception):
    """Mappings would claim the same labels. ``change`` is what was taken back, None for an import."""

    def __init__(self, found: list[Rivalry], change: AppliedChange | None = None) -> None:
        super().__init__("; ".join(map(str, found)))
        self.rivalries = found
        self.change = change


class NoSuchStateError(LookupError):
    """The mapping was not there at the version asked for."""


async def create(edit: Edit, mapping: Mapping, *, is_active: bool = True) -> AppliedChange:
    """Raises ConflictError, and what ``Edit.create`` raises."""
    after = await edit.create(mapping, is_active=is_active)
    return await _checked(edit, "CREATE", None, after)


async def update(
    edit: Edit,
    canonical_id: str,
    revise: Callable[[EditedState], Mapping],
    expected_version: int | None = None,
    *,
    is_active: bool | None = None,
) -> AppliedChange:
    """Put what ``revise`` makes of the row in its place; None expects no version.

    Raises ConflictError, what ``Edit.update`` raises, and what ``revise`` raises.
    """
    before = await edit.get(canonical_id, expected_version)
    mapping = revise(before._asdict())
    after = await edit.update(canonical_id, mapping, before.version, is_active=is_active)
    return await _checked(edit, "UPDATE", before, after)


async def set_active(
    edit: Edit, canonical_id: str, expected_version: int | None = None, *, is_active: bool
) -> AppliedChange:
    """Raises ConflictError, MappingError for a row that cannot be used, and as ``Edit.set_active``."""
    before = await edit.get(canonical_id, expected_version)
    after = await edit.set_active(canonical_id, before.version, is_active=is_active)
    return await _checked(edit, "ACTIVATE" if is_active else "DEACTIVATE", before, after)


async def delete(
    edit: Edit, canonical_id: str, expected_version: int | None = None
) -> AppliedChange:
    before = await edit.get(canonical_id, expected_version)
    await edit.delete(canonical_id, before.version)
    return AppliedChange(canonical_id, "DELETE", None, diff(before._asdict(), None))


async def roll_back(
    edit: Edit, canonical_id: str, version: int, expected_version: int | None = None
) -> AppliedChange:
    """Make the mapping equal to what it was at a version, by a new change; one that is deleted comes back.

    The version of a deleted mapping, for ``expected_version``, is the one that deleted it.
    Raises NoSuchStateError when it was not there then, MappingError when it could not be used today, and as
    ``update``.
    """
    changes = await history(edit.connection, canonical_id)
    past = state_at(changes, canonical_id, version)
    mapping, is_active = parse_mapping(past), bool(past["is_active"])
    if await get(edit.connection, canonical_id) is None:
        deleted = Deleted(canonical_id, changes[-1].id)
        if expected_version is not None and expected_version != deleted.version:
            raise StaleVersion(expected_version, deleted)
        return await create(edit, mapping, is_active=is_active)
    return await update(
        edit, canonical_id, lambda _: mapping, expected_version, is_active=is_active
    )


def state_at(changes: Sequence[AuditRow], canonical_id: str, version: int) -> EditedState:
    """The mapping's row as it was at a version, from its history. Raises NoSuchStateError."""
    until = [change for change in changes if change.id <= version]
    if not until:
        raise NoSuchStateError(f"{canonical_id} was not there yet at version {version}")
    past = until[-1].new_value
    if past is None:
        raise NoSuchStateError(f"{canonical_id} was deleted at version {version}")
    return past


async def import_all(
    edit: Edit,
    mappings: Sequence[Mapping],
    *,
    actor: str,
    reason: str,
    switched_off: Collection[str] = (),
) -> ImportReport:
    """Import a catalogue, all of it or nothing; new ones of ``switched_off`` are inactive.

    Raises ConflictError, and as ``import_mappings``.
    """
    report = await import_mappings(
        edit.connection, mappings, actor=actor, reason=reason, switched_off=switched_off
    )
    names = {*report.added, *report.changed}
    active = usable(await list_mappings(edit.connection, is_active=True))
    written = [one for one in active if one.canonical_id in names]
    found = rivalries(written, active)
    if found:
        raise ConflictError(found)
    if written:
        version = await last_version(edit.connection)
        await mark_covered(edit.connection, written, MappingIndex(active), version)
    return report


async def _checked(
    edit: Edit, action: Action, before: StoredMapping | None, after: StoredMapping
) -> AppliedChange:
    """The change, once it is known to have no rival; what it covers is marked."""
    fields = diff(before and before._asdict(), after._asdict())
    change = AppliedChange(after.canonical_id, action if fields else "NONE", after.version, fields)
    if not after.is_active or not fields:
        return change
    mapping = parse_mapping(after._asdict())
    others = await claimants(edit.connection, mapping)
    found = rivalries([mapping], others)
    if found:
        raise ConflictError(found, change)
    covered = await mark_covered(edit.connection, [mapping], MappingIndex(others), after.version)
    return change._replace(covered=covered)
