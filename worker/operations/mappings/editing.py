"""Changes to mappings: each is checked against all other mappings in its own transaction.

Theory of operation. Two active mappings must not claim the same label of the same line: the worker would have
to choose. That is a rule over many rows, which no constraint of the table can express, so it is kept here:

1. `editing` opens a transaction, takes the lock of all editors, and hands out an `Edit`. While the lock is
   held, no other editor writes, and what is read here stays true until the commit. Workers are not blocked.
2. The version that the editor started from is compared with the row (`StaleVersion`): nobody overwrites a
   change that they have not seen. A version is the id of the audit row that a trigger writes for each change.
3. Write first, then look: after the write, `_checked` reads the mappings that share an id with the new state
   and asks the domain for rivalries. The check sees the table exactly as it would be committed. When there is
   a rivalry it raises, and the rollback undoes the change, the audit row and the new version.
4. In the same transaction the missed markets that the mapping now covers become MAPPED, and those that no
   mapping covers any more are open again (`settle`). The queue and the mappings never disagree, and a dry
   run, which rolls back at the end, shows both.

A change that leaves the row as it is has the action NONE and is not checked: it must stay possible to touch
mappings that were in conflict before, for example to import an unchanged catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from worker.domain.books.rows import abbreviate
from worker.domain.conflicts import Rivalry, rivalries
from worker.domain.diff import FieldChange, diff
from worker.domain.mapping import (
    CANONICAL_ID_RULE,
    Mapping,
    MappingError,
    MappingFault,
    is_canonical_id,
    parse_mapping,
)
from worker.runtime.index import covering
from worker.runtime.index.covering import ChangedMappings, claimants, settle, usable
from worker.storage.audit import AuditRow, history, last_version, read_after
from worker.storage.editing import Deleted, Edit, StaleVersion
from worker.storage.mappings import ImportReport, StoredMapping, get, import_mappings, list_mappings
from worker.storage.misses import QueueKey, SettledMisses, cover

Action = Literal["CREATE", "UPDATE", "ACTIVATE", "DEACTIVATE", "DELETE", "NONE"]
EditedState = dict[str, Any]


class AppliedChange(NamedTuple):
    """One change of one mapping. ``version`` is the mapping's after it, None once it is deleted.

    ``covered`` are the missed markets that became MAPPED by it, ``reopened`` those that no mapping covers any
    more. ``markets`` are those that the mapping claims before or after it, each a platform and its id: what
    is resolved differently now.
    """

    canonical_id: str
    action: Action
    version: int | None
    fields: list[FieldChange]
    covered: Sequence[QueueKey] = ()
    reopened: Sequence[QueueKey] = ()
    markets: Sequence[QueueKey] = ()


class ConflictError(Exception):
    """Mappings would claim the same labels. ``change`` was rolled back; it is None for an import."""

    def __init__(self, found: list[Rivalry], change: AppliedChange | None = None) -> None:
        super().__init__("; ".join(map(str, found)))
        self.rivalries = found
        self.change = change


class NoSuchStateError(LookupError):
    """The mapping did not exist at the version asked for."""


async def create(
    edit: Edit, mapping: Mapping, *, is_active: bool = True, wanted: QueueKey | None = None
) -> AppliedChange:
    """Create a mapping; ``wanted`` is as in ``covering.settle``.

    Raises ConflictError, MappingError for a canonical id of another pattern, and what ``Edit.create`` raises.
    """
    require_canonical_ids([mapping.canonical_id])
    after = await edit.create(mapping, is_active=is_active)
    return await _checked(edit, "CREATE", None, after, wanted)


async def update(
    edit: Edit,
    canonical_id: str,
    revise: Callable[[EditedState], Mapping],
    expected_version: int | None = None,
    *,
    is_active: bool | None = None,
    wanted: QueueKey | None = None,
) -> AppliedChange:
    """Replace the row by what ``revise`` makes of it; None expects no version.

    ``wanted`` is as in ``covering.settle``.

    Raises ConflictError, what ``Edit.update`` raises, and what ``revise`` raises.
    """
    before = await edit.get(canonical_id, expected_version)
    mapping = revise(before._asdict())
    if mapping.canonical_id != canonical_id:
        require_canonical_ids([mapping.canonical_id])
    after = await edit.update(canonical_id, mapping, before.version, is_active=is_active)
    return await _checked(edit, "UPDATE", before, after, wanted)


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
    fields = diff(before._asdict(), None)
    settled = await _settled(edit, [before], [], await last_version(edit.connection))
    markets = markets_of([before])
    return AppliedChange(canonical_id, "DELETE", None, fields, *settled, markets)


async def roll_back(
    edit: Edit, canonical_id: str, version: int, expected_version: int | None = None
) -> AppliedChange:
    """Restore the mapping as it was at a version, by a new change; a deleted one is created again.

    The version of a deleted mapping, for ``expected_version``, is the one that deleted it.
    Raises NoSuchStateError when it did not exist then, MappingError when it cannot be used today, and as
    ``update``.
    """
    changes = await history(edit.connection, canonical_id)
    past = state_at(changes, canonical_id, version)
    mapping, is_active = parse_mapping(past), bool(past["is_active"])
    if await get(edit.connection, canonical_id) is None:
        deleted = Deleted(canonical_id, changes[-1].id)
        if expected_version is not None and expected_version != deleted.version:
            raise StaleVersion(expected_version, deleted)
        restored = await edit.create(mapping, is_active=is_active)
        return await _checked(edit, "CREATE", None, restored)
    return await update(
        edit, canonical_id, lambda _: mapping, expected_version, is_active=is_active
    )


def require_canonical_ids(names: Iterable[str]) -> None:
    """Raise MappingError for names that a new mapping may not have; those that are there already may stay."""
    faults = [
        MappingFault("canonical_id", abbreviate(name), CANONICAL_ID_RULE)
        for name in names
        if not is_canonical_id(name)
    ]
    if faults:
        raise MappingError(faults)


def state_at(changes: Sequence[AuditRow], canonical_id: str, version: int) -> EditedState:
    """Return the mapping's row as it was at a version, from its history. Raises NoSuchStateError."""
    until = [change for change in changes if change.id <= version]
    if not until:
        raise NoSuchStateError(f"{canonical_id} did not exist yet at version {version}")
    past = until[-1].new_value
    if past is None:
        raise NoSuchStateError(f"{canonical_id} was deleted at version {version}")
    if not isinstance(past, dict):
        raise NoSuchStateError(f"{canonical_id} cannot be read at version {version}: {past}")
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
    before = await last_version(edit.connection)
    report = await import_mappings(
        edit.connection, mappings, actor=actor, reason=reason, switched_off=switched_off
    )
    require_canonical_ids(report.added)
    names = {*report.added, *report.changed}
    active = usable(await list_mappings(edit.connection, is_active=True))
    written = [one for one in active if one.canonical_id in names]
    found = rivalries(written, active)
    if found:
        raise ConflictError(found)
    if written:
        # The lock of all editors is held: what was written since then is the import, a row each.
        audited = await read_after(edit.connection, before, len(names))
        others = [one for one in active if one.canonical_id not in names]
        changed = ChangedMappings(covering.states_before(audited), written, others)
        await settle(edit.connection, changed, audited[-1].id)
    return report


def markets_of(rows: Iterable[StoredMapping]) -> Sequence[QueueKey]:
    """Return the markets that these rows claim, once each; a row that cannot be used claims none."""
    return covering.markets_of(usable(rows))


async def _checked(
    edit: Edit,
    action: Action,
    before: StoredMapping | None,
    after: StoredMapping,
    wanted: QueueKey | None = None,
) -> AppliedChange:
    """Return the change once it is known to have no rival, with the queue of misses brought up to it."""
    fields = diff(before and before._asdict(), after._asdict())
    earlier = [] if before is None else [before]
    action = action if fields else "NONE"
    markets = markets_of([*earlier, after]) if fields else ()
    change = AppliedChange(after.canonical_id, action, after.version, fields, markets=markets)
    if not fields:
        if wanted is None or not after.is_active:
            return change
        return change._replace(
            covered=await cover(edit.connection, after.version, [wanted], wanted=wanted)
        )
    if after.is_active:
        mapping = parse_mapping(after._asdict())
        found = rivalries([mapping], await claimants(edit.connection, [mapping]))
        if found:
            raise ConflictError(found, change)
    settled = await _settled(edit, earlier, [after], after.version, wanted)
    return change._replace(**settled._asdict())


async def _settled(
    edit: Edit,
    before: Sequence[StoredMapping],
    after: Sequence[StoredMapping],
    version: int,
    wanted: QueueKey | None = None,
) -> SettledMisses:
    """Bring the queue of misses up to a change of these rows."""
    earlier = usable(row for row in before if row.is_active)
    now = usable(row for row in after if row.is_active)
    if not earlier and not now:
        return SettledMisses()
    changed = {row.canonical_id for row in (*before, *after)}
    others = [
        one
        for one in await claimants(edit.connection, [*earlier, *now])
        if one.canonical_id not in changed
    ]
    return await settle(
        edit.connection, ChangedMappings(earlier, now, others), version, wanted=wanted
    )
