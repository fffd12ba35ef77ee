"""Changes to mappings: each is checked against all other mappings in its own transaction.

Theory of operation. Two active mappings must not claim the same label of the same line: the worker would have
to choose. That is a rule over many rows, which no constraint of the table can express, so it is kept here:

1. `editing` opens a transaction, takes the lock of all editors, and hands out an `Edit`. While the lock is
   held, no other editor writes, and what is read here stays true until the commit. Workers are not blocked.
2. The version that the editor started from is compared with the row (`StaleVersion`): nobody overwrites a
   change that they have not seen. A version is the id of the audit row that a trigger writes for each change.
3. Write first, then look: after the write, `finish` reads the mappings that share an id with the new state
   and asks the domain for rivalries. The check sees the table exactly as it would be committed. When there is
   a rivalry it raises, and the rollback undoes the change, the audit row and the new version.
4. In the same transaction the missed markets that the mapping now covers become MAPPED, and those that no
   mapping covers any more are open again (`settle`). The queue and the mappings never disagree, and a dry
   run, which rolls back at the end, shows both. What became of which miss is kept with the change set.

Several changes may be written before they are checked together: two mappings can then exchange a market,
which either change alone would make a conflict.

A change that leaves the row as it is has the action NONE and is not checked: it must stay possible to touch
mappings that were in conflict before, for example to import an unchanged catalogue.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.books.rows import abbreviate
from worker.domain.conflicts import Rivalry, rivalries
from worker.domain.diff import FieldChange, diff
from worker.domain.mapping import (
    CANONICAL_ID_RULE,
    Mapping,
    MappingError,
    MappingFault,
    claims_of,
    is_canonical_id,
    parse_mapping,
)
from worker.runtime.index import covering
from worker.runtime.index.covering import ChangedMappings, claimants, settle, usable
from worker.storage import misses
from worker.storage.audit import change_until, last_version, read_after
from worker.storage.changes.effects import record_effect
from worker.storage.editing import Deleted, Edit, StaleVersion
from worker.storage.mappings import ImportReport, StoredMapping, get, import_mappings, list_mappings
from worker.storage.misses import QueueKey, SettledMisses

Action = Literal["CREATE", "UPDATE", "ACTIVATE", "DEACTIVATE", "DELETE", "NONE"]
EditedState = dict[str, Any]
_MOST_LINES: Final = 5


class LeftOpen(NamedTuple):
    """A missed market that is mapped in part: the ``lines`` (qualifiers) of its sample that still are not.

    '' is for rows without a line.
    """

    key: QueueKey
    lines: tuple[str, ...]

    def __str__(self) -> str:
        source, market_id = self.key
        return f"{source} {market_id} stays open: not mapped yet: {line_words(self.lines)}"


def line_words(lines: Sequence[str]) -> str:
    """Some lines of a sample, at most five by name."""
    named = ", ".join(line or "rows without a line" for line in lines[:_MOST_LINES])
    more = len(lines) - _MOST_LINES
    return f"{named} and {more} more" if more > 0 else named


class AppliedChange(NamedTuple):
    """One change of one mapping. ``version`` is the mapping's after it, None once it is deleted.

    ``covered`` are the missed markets that became MAPPED by it, ``reopened`` those that no mapping covers any
    more, ``left_open`` those that it was made for and that are mapped in part. ``markets`` are those that the
    mapping claims before or after it, each a platform and its id: what is resolved differently now.
    """

    canonical_id: str
    action: Action
    version: int | None
    fields: list[FieldChange]
    covered: Sequence[QueueKey] = ()
    reopened: Sequence[QueueKey] = ()
    markets: Sequence[QueueKey] = ()
    left_open: Sequence[LeftOpen] = ()


class ConflictError(Exception):
    """Mappings would claim the same labels. ``change`` was rolled back; it is None for an import."""

    def __init__(self, found: list[Rivalry], change: AppliedChange | None = None) -> None:
        super().__init__("; ".join(map(str, found)))
        self.rivalries = found
        self.change = change


class NoSuchStateError(LookupError):
    """The mapping did not exist at the version asked for."""


class Written(NamedTuple):
    """A change that is in the table and not checked yet: the row before it and after it.

    ``wanted`` are the misses that it is made for.
    """

    action: Action
    before: StoredMapping | None
    after: StoredMapping | None
    wanted: Sequence[QueueKey] = ()


class AppliedChanges(NamedTuple):
    """Changes that were made together, and what they lead to in the queue of misses."""

    changes: Sequence[AppliedChange]
    covered: Sequence[QueueKey] = ()
    reopened: Sequence[QueueKey] = ()
    left_open: Sequence[LeftOpen] = ()

    @property
    def markets(self) -> Sequence[QueueKey]:
        """The markets that any of the mappings claims before or after it."""
        return list(dict.fromkeys(market for one in self.changes for market in one.markets))


async def create(
    edit: Edit, mapping: Mapping, *, is_active: bool = True, wanted: QueueKey | None = None
) -> AppliedChange:
    """Create a mapping; ``wanted`` is one of those of ``covering.settle``.

    Raises ConflictError, MappingError for a canonical id of another pattern, and what ``Edit.create`` raises.
    """
    written = await write_new(edit, mapping, is_active=is_active, wanted=_keys(wanted))
    return await _finish_one(edit, written)


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

    ``wanted`` is one of those of ``covering.settle``.

    Raises ConflictError, what ``Edit.update`` raises, and what ``revise`` raises.
    """
    written = await write_update(
        edit,
        canonical_id,
        revise,
        expected_version,
        is_active=is_active,
        wanted=_keys(wanted),
    )
    return await _finish_one(edit, written)


async def set_active(
    edit: Edit, canonical_id: str, expected_version: int | None = None, *, is_active: bool
) -> AppliedChange:
    """Raises ConflictError, MappingError for a row that cannot be used, and as ``Edit.set_active``."""
    written = await write_switch(edit, canonical_id, expected_version, is_active=is_active)
    return await _finish_one(edit, written)


async def delete(
    edit: Edit, canonical_id: str, expected_version: int | None = None
) -> AppliedChange:
    return await _finish_one(edit, await write_deletion(edit, canonical_id, expected_version))


async def write_new(
    edit: Edit, mapping: Mapping, *, is_active: bool = True, wanted: Sequence[QueueKey] = ()
) -> Written:
    """The first half of ``create``; ``finish`` is the second one, of this and the next three."""
    require_canonical_ids([mapping.canonical_id])
    return Written("CREATE", None, await edit.create(mapping, is_active=is_active), wanted)


async def write_update(
    edit: Edit,
    canonical_id: str,
    revise: Callable[[EditedState], Mapping],
    expected_version: int | None = None,
    *,
    is_active: bool | None = None,
    wanted: Sequence[QueueKey] = (),
) -> Written:
    before = await edit.get(canonical_id, expected_version)
    mapping = revise(before._asdict())
    if mapping.canonical_id != canonical_id:
        require_canonical_ids([mapping.canonical_id])
    after = await edit.update(canonical_id, mapping, before.version, is_active=is_active)
    return Written("UPDATE", before, after, wanted)


async def write_switch(
    edit: Edit, canonical_id: str, expected_version: int | None = None, *, is_active: bool
) -> Written:
    before = await edit.get(canonical_id, expected_version)
    after = await edit.set_active(canonical_id, before.version, is_active=is_active)
    return Written("ACTIVATE" if is_active else "DEACTIVATE", before, after)


async def write_deletion(
    edit: Edit, canonical_id: str, expected_version: int | None = None
) -> Written:
    before = await edit.get(canonical_id, expected_version)
    await edit.delete(canonical_id, before.version)
    return Written("DELETE", before, None)


async def roll_back(
    edit: Edit, canonical_id: str, version: int, expected_version: int | None = None
) -> AppliedChange:
    """Restore the mapping as it was at a version, by a new change; a deleted one is created again.

    The version of a deleted mapping, for ``expected_version``, is the one that deleted it.
    Raises NoSuchStateError when it did not exist then, MappingError when it cannot be used today, and as
    ``update``.
    """
    past = await state_at(edit.connection, canonical_id, version)
    mapping, is_active = parse_mapping(past), bool(past["is_active"])
    if await get(edit.connection, canonical_id) is None:
        last = await change_until(edit.connection, canonical_id)
        deleted = Deleted(canonical_id, version if last is None else last.id)
        if expected_version is not None and expected_version != deleted.version:
            raise StaleVersion(expected_version, deleted)
        restored = await edit.create(mapping, is_active=is_active)
        return await _finish_one(edit, Written("CREATE", None, restored))
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


async def state_at(connection: AsyncConnection, canonical_id: str, version: int) -> EditedState:
    """Return the mapping's row as it was at a version, from the audit log. Raises NoSuchStateError."""
    change = await change_until(connection, canonical_id, version)
    if change is None:
        raise NoSuchStateError(f"{canonical_id} did not exist yet at version {version}")
    past = change.new_value
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
    settled = SettledMisses()
    if written:
        # The lock of all editors is held: what was written since then is the import, a row each.
        audited = await read_after(edit.connection, before, len(names))
        others = [one for one in active if one.canonical_id not in names]
        changed = ChangedMappings(covering.states_before(audited), written, others)
        settled = await settle(edit.connection, changed, audited[-1].id)
    await _record(edit, settled, written)
    return report


def markets_of(rows: Iterable[StoredMapping]) -> Sequence[QueueKey]:
    """Return the markets that these rows claim, once each; a row that cannot be used claims none."""
    return covering.markets_of(usable(rows))


async def finish(edit: Edit, written: Sequence[Written]) -> AppliedChanges:
    """Check changes that were written, all together, and bring the queue of misses up to them.

    Raises ConflictError, and MappingError for a row that is active and cannot be used.
    """
    changes = [_change(one) for one in written]
    effective = [one for one, change in zip(written, changes, strict=True) if change.fields]
    await _refuse_rivals(edit, effective, changes)
    covered, reopened, mapped = await _settled(edit, effective)
    for one, change in zip(written, changes, strict=True):
        # A mapping that stays as it is may still be made to cover a miss.
        if not change.fields and one.wanted and one.after is not None and one.after.is_active:
            found = await misses.settle(
                edit.connection, one.after.version, one.wanted, (), wanted=one.wanted
            )
            covered, mapped = [*covered, *found.covered], [*mapped, *found.mapped]
    active = usable(row for one in written if (row := one.after) is not None and row.is_active)
    await _record(edit, SettledMisses(covered, reopened, mapped), active)
    return AppliedChanges(changes, covered, reopened)


async def _record(edit: Edit, settled: SettledMisses, active: Sequence[Mapping]) -> None:
    """Record what the changes of this transaction did to misses; ``active`` are the mappings it wrote."""
    sellers: dict[QueueKey, set[str]] = {}
    for mapping in active:
        claims = claims_of(mapping)
        platforms = {claim.platform for claim in claims}
        for claim in claims:
            sellers.setdefault((claim.platform, claim.market_id), set()).update(platforms)
    carriers = {
        (source, market_id): len(found - {source})
        for source, market_id in settled.mapped
        # A specifier in the id (`8?goalnr=2`) is of another market with the same platform id.
        if (found := sellers.get((source, market_id.partition("?")[0])))
    }
    await record_effect(edit.connection, settled, carriers)


async def _finish_one(edit: Edit, written: Written) -> AppliedChange:
    done = await finish(edit, [written])
    return done.changes[0]._replace(covered=done.covered, reopened=done.reopened)


def _change(written: Written) -> AppliedChange:
    action, before, after, _ = written
    rows = [row for row in (before, after) if row is not None]
    fields = diff(before and before._asdict(), after and after._asdict())
    return AppliedChange(
        canonical_id=rows[-1].canonical_id,
        action=action if fields else "NONE",
        version=None if after is None else after.version,
        fields=fields,
        markets=markets_of(rows) if fields else (),
    )


async def _refuse_rivals(
    edit: Edit, written: Sequence[Written], changes: Sequence[AppliedChange]
) -> None:
    active = [row for one in written if (row := one.after) is not None and row.is_active]
    if not active:
        return
    mappings = [parse_mapping(row._asdict()) for row in active]
    found = rivalries(mappings, await claimants(edit.connection, mappings))
    if found:
        raise ConflictError(found, changes[0] if len(changes) == 1 else None)


async def _settled(edit: Edit, written: Sequence[Written]) -> SettledMisses:
    """Bring the queue of misses up to changes of these rows."""
    before = [row for one in written if (row := one.before) is not None]
    after = [row for one in written if (row := one.after) is not None]
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
    wanted = [key for one in written if one.after and one.after.is_active for key in one.wanted]
    version = await last_version(edit.connection)
    return await settle(
        edit.connection, ChangedMappings(earlier, now, others), version, wanted=wanted
    )


def _keys(wanted: QueueKey | None) -> Sequence[QueueKey]:
    return () if wanted is None else [wanted]
