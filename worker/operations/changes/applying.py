"""Approving a change set: all of its drafts are applied in one transaction, or none.

Theory of operation. A draft is applied by the same operation as a direct change:
`operations/mappings/editing` writes the row, and a trigger records it. What is special here:

1. Prices are compared first, as before a direct change: the drafts are applied and taken back, and what
   they lead to is judged without the lock of all editors. Then they are applied again; if they lead to
   something else by now, the approval is refused.
2. Under the lock of all editors and of the change set, its state and its revision are compared with what the
   reviewer saw, and the version of each mapping with what the author saw. All that is out of date is named.
3. The drafts are written first and checked together afterwards, so two mappings may exchange a market.
4. Each change is signed by the author of its draft; the change set by the approver. The audit log names
   both, and the login that approved. The triggers refuse an approval by an author where four eyes are
   required, and any change in this transaction that the change set does not hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from worker.domain.mapping import Mapping, MappingError, dump_mapping, parse_mapping
from worker.operations.changes.inverse import inverse_of, proposal_of
from worker.operations.mappings import editing as mapping_editing
from worker.operations.mappings.editing import AppliedChanges, ConflictError, LeftOpen, Written
from worker.operations.mappings.price_verdicts import (
    MOST_EVENTS,
    PriceVerdict,
    active_mappings,
    compare_prices,
    contradictions,
    is_same_mapping,
)
from worker.operations.unmapped.triage import NotCoveredError, require_covered
from worker.storage import misses
from worker.storage.changes import sets
from worker.storage.changes.drafts import DraftAction, Proposal, StoredDraft, drafts_of
from worker.storage.changes.sets import ChangeSet
from worker.storage.editing import DuplicateCanonicalId, Edit, editing
from worker.storage.engine import transaction
from worker.storage.insight import evidence
from worker.storage.insight.evidence import StoredEvent
from worker.storage.mappings import get
from worker.storage.misses import QueueKey, UnknownMiss

RefusalKind = Literal["STALE", "GONE", "EXISTS", "CONFLICT", "UNUSABLE", "NOT_COVERED", "PRICES"]


class Refusal(NamedTuple):
    """Why a mapping of a change set cannot be changed as its draft says."""

    canonical_id: str
    kind: RefusalKind
    reason: str

    def __str__(self) -> str:
        return self.reason


class ChangesRefused(Exception):  # noqa: N818 (it names an answer, not a mistake)
    """A change set cannot be applied, and nothing was changed; `refusals` names all that is in the way."""

    def __init__(self, refusals: Sequence[Refusal], verdicts: Sequence[PriceVerdict] = ()) -> None:
        super().__init__("; ".join(map(str, refusals)))
        self.refusals = refusals
        self.verdicts = verdicts


class WrongState(Exception):  # noqa: N818 (it names what happened, not a mistake)
    """A change set is in another state, or was proposed again since the reviewer read it."""

    def __init__(self, change_set: ChangeSet, message: str) -> None:
        super().__init__(message)
        self.change_set = change_set


class Approval(NamedTuple):
    """What an approval did, or would do: the changes, their effect on misses, and what the prices said.

    ``prices_missing`` is why prices were not compared, None if they were or if no events are watched.
    """

    change_set: ChangeSet
    applied: AppliedChanges
    verdicts: Sequence[PriceVerdict] = ()
    prices_missing: str | None = None


class TriedChanges(NamedTuple):
    """What a change set would do, without what prices say.

    ``before`` are the active mappings now, ``active`` those then, of which ``checked`` are to be compared.
    """

    approval: Approval
    before: dict[str, Mapping]
    active: dict[str, Mapping]
    checked: Sequence[str]


class _Prices(NamedTuple):
    """What was compared: the mappings as the drafts leave them, and the verdicts."""

    checked: dict[str, Mapping]
    verdicts: Sequence[PriceVerdict]
    missing: str | None


async def approve(
    engine: AsyncEngine,
    change_set_id: int,
    *,
    actor: str,
    comment: str = "",
    expected_revision: int | None = None,
    forced: str | None = None,
    dry_run: bool = False,
) -> Approval:
    """Apply all drafts of a PROPOSED change set, or none; ``forced`` is why, although prices contradict it.

    Raises UnknownChangeSet, WrongState, ChangesRefused, StorageRefused where four eyes are required and the
    approver is one of its authors, and the other StorageErrors.
    """
    prices = await _compare(engine, change_set_id, actor)
    refuse_contradicted(prices.verdicts, forced)
    author = await _read(engine, change_set_id)
    async with editing(
        engine, actor=author.actor, reason=author.reason or "", dry_run=dry_run
    ) as edit:
        found = await sets.lock_change_set(edit.connection, change_set_id)
        _require_proposed(found, expected_revision)
        applied = await apply_locked(edit, found, actor=actor, comment=comment, forced=forced)
        await _require_as_compared(edit, prices.checked)
        done = await sets.get_change_set(edit.connection, change_set_id)
        return Approval(done, applied, prices.verdicts, prices.missing)


async def apply_locked(
    edit: Edit, change_set: ChangeSet, *, actor: str, comment: str = "", forced: str | None = None
) -> AppliedChanges:
    """Apply a change set within the caller's transaction, which holds the lock of all editors.

    Raises ChangesRefused, and StorageRefused as ``approve``.
    """
    connection = edit.connection
    if comment:
        await sets.add_comment(connection, change_set.id, comment, actor=actor)
    await sets.move_change_set(connection, change_set.id, "APPROVED", actor=actor, forced=forced)
    held = await drafts_of(connection, change_set.id)
    applied = await _apply(edit, change_set, held)
    if change_set.reverts is not None:
        await _mark_reverted(edit, change_set, change_set.reverts, held)
    return applied


async def try_proposed(
    edit: Edit, change_set_id: int, *, actor: str, forced: str | None = None
) -> TriedChanges:
    """Apply a PROPOSED change set in a transaction that the caller takes back.

    Raises WrongState and what ``apply_locked`` raises.
    """
    found = await sets.lock_change_set(edit.connection, change_set_id)
    _require_proposed(found, None)
    before = await active_mappings(edit)
    applied = await apply_locked(edit, found, actor=actor, forced=forced)
    names = [_name_after(one) for one in await drafts_of(edit.connection, change_set_id)]
    active = await active_mappings(edit)
    done = await sets.get_change_set(edit.connection, change_set_id)
    checked = [name for name in names if name in active]
    return TriedChanges(Approval(done, applied), before, active, checked)


async def judge(trial: TriedChanges, events: Sequence[StoredEvent]) -> Approval:
    """Compare prices with what a trial led to, without holding a lock meanwhile."""
    if not events or not trial.checked:
        return trial.approval
    compared = await asyncio.to_thread(
        compare_prices, events, trial.before, trial.active, set(trial.checked)
    )
    return trial.approval._replace(verdicts=compared.verdicts, prices_missing=compared.missing)


def refuse_contradicted(verdicts: Sequence[PriceVerdict], forced: str | None) -> None:
    """Raise ChangesRefused for what the prices contradict, unless somebody said why it is right."""
    if forced is None and contradictions(verdicts):
        raise ChangesRefused(_contradicted(verdicts), verdicts)


async def _read(engine: AsyncEngine, change_set_id: int) -> ChangeSet:
    async with transaction(engine) as connection:
        return await sets.get_change_set(connection, change_set_id)


async def send_back(
    engine: AsyncEngine,
    change_set_id: int,
    *,
    actor: str,
    comment: str,
    expected_revision: int | None = None,
    dry_run: bool = False,
) -> ChangeSet:
    """Return a PROPOSED change set to its author, with a comment. Raises UnknownChangeSet, WrongState."""
    async with transaction(engine) as connection:
        found = await sets.lock_change_set(connection, change_set_id)
        _require_proposed(found, expected_revision)
        await sets.move_change_set(connection, change_set_id, "SENT_BACK", actor=actor)
        await sets.add_comment(connection, change_set_id, comment, actor=actor)
        done = await sets.get_change_set(connection, change_set_id)
        if dry_run:
            await connection.rollback()
        return done


def _require_proposed(found: ChangeSet, expected_revision: int | None) -> None:
    if found.state != "PROPOSED":
        decided = f" by {found.decided_by}" if found.decided_by else ""
        raise WrongState(found, f"change set {found.id} is {found.state}{decided}, not PROPOSED")
    if expected_revision is not None and expected_revision != found.revision:
        raise WrongState(
            found,
            f"change set {found.id} was proposed again: it is at revision {found.revision} now, "
            f"you read revision {expected_revision}",
        )


async def _compare(engine: AsyncEngine, change_set_id: int, actor: str) -> _Prices:
    """Compare prices with what the drafts lead to, without holding the lock of all editors meanwhile."""
    async with transaction(engine) as connection:
        found = await sets.get_change_set(connection, change_set_id)
        events = await evidence.read_events(connection, MOST_EVENTS)
    if not events or found.state != "PROPOSED":
        return _Prices({}, (), None)
    async with editing(engine, actor=found.actor, reason=found.reason or "", dry_run=True) as edit:
        trial = await try_proposed(edit, change_set_id, actor=actor)
    judged = await judge(trial, events)
    checked = {name: trial.active[name] for name in trial.checked}
    return _Prices(checked, judged.verdicts, judged.prices_missing)


async def _require_as_compared(edit: Edit, checked: dict[str, Mapping]) -> None:
    changed = [
        Refusal(name, "STALE", f"{name} was changed while its prices were compared")
        for name, expected in checked.items()
        if not is_same_mapping(await get(edit.connection, name), expected)
    ]
    if changed:
        raise ChangesRefused(changed)


def _contradicted(verdicts: Sequence[PriceVerdict]) -> list[Refusal]:
    return [
        Refusal(
            one.canonical_id,
            "PRICES",
            f"{one.canonical_id} at {one.platform} is {one.reason}: the prices contradict it",
        )
        for one in verdicts
        if one.reason is not None
    ]


async def _apply(
    edit: Edit, change_set: ChangeSet, drafts: Sequence[StoredDraft]
) -> AppliedChanges:
    """Write all drafts, each signed by who wrote it, then check them together. Raises ChangesRefused."""
    reason = change_set.reason or ""
    refusals = [one for draft in drafts if (one := await _outdated(edit, draft)) is not None]
    if refusals:
        raise ChangesRefused(refusals)
    written: list[Written] = []
    for draft in sorted(drafts, key=_order):
        try:
            await edit.sign(draft.actor, reason)
            written.append(await _write(edit, draft))
        except MappingError as error:
            refusals += [
                Refusal(draft.canonical_id, "UNUSABLE", f"{draft.canonical_id}: {fault}")
                for fault in error.faults
            ]
        except DuplicateCanonicalId as error:
            refusals.append(Refusal(draft.canonical_id, "EXISTS", str(error)))
    if refusals:
        raise ChangesRefused(refusals)
    await edit.sign(change_set.actor, reason)
    try:
        applied = await mapping_editing.finish(edit, written)
    except ConflictError as error:
        raise ChangesRefused(
            [Refusal(one.canonical_id, "CONFLICT", str(one)) for one in error.rivalries]
        ) from error
    except MappingError as error:
        raise ChangesRefused([Refusal("", "UNUSABLE", str(error))]) from error
    return applied._replace(left_open=await _left_open(edit, drafts, applied.covered))


async def _left_open(
    edit: Edit, drafts: Sequence[StoredDraft], covered: Collection[QueueKey]
) -> Sequence[LeftOpen]:
    """The misses that drafts cover in part. Raises ChangesRefused for one that does not cover its miss."""
    refusals: list[Refusal] = []
    left: list[LeftOpen] = []
    for draft in drafts:
        for key in draft.keys:
            try:
                miss = await misses.get_miss(edit.connection, key)
                found = await require_covered(edit, miss, _name_after(draft), covered)
            except (NotCoveredError, UnknownMiss) as error:
                refusals.append(Refusal(draft.canonical_id, "NOT_COVERED", str(error)))
            else:
                left += [] if found is None else [found]
    if refusals:
        raise ChangesRefused(refusals)
    return list(dict.fromkeys(left))


# What is deleted frees its canonical id, and so may what is updated.
_ORDER = ("DELETE", "DEACTIVATE", "UPDATE", "ACTIVATE", "CREATE")


def _order(draft: StoredDraft) -> tuple[int, int]:
    return _ORDER.index(draft.action), draft.id


async def _outdated(edit: Edit, draft: StoredDraft) -> Refusal | None:
    """Why a draft no longer fits the mapping as it is; None if it does."""
    name = draft.canonical_id
    row = await get(edit.connection, name)
    if draft.base_version is None:
        if row is None:
            return None
        return Refusal(
            name, "EXISTS", f"there is a mapping {name} already, at version {row.version}"
        )
    if row is None:
        return Refusal(name, "GONE", f"{name} was deleted, or has another canonical id by now")
    if row.version != draft.base_version:
        return Refusal(
            name,
            "STALE",
            f"{name} is at version {row.version} now, the draft changes version {draft.base_version}",
        )
    return None


async def _write(edit: Edit, draft: StoredDraft) -> Written:
    name, version = draft.canonical_id, draft.base_version
    if draft.action == "DELETE":
        return await mapping_editing.write_deletion(edit, name, version)
    if draft.action in {"ACTIVATE", "DEACTIVATE"}:
        return await mapping_editing.write_switch(
            edit, name, version, is_active=draft.action == "ACTIVATE"
        )
    mapping = _mapping_of(draft) or parse_mapping({})
    if draft.action == "CREATE":
        return await mapping_editing.write_new(
            edit, mapping, is_active=draft.is_active is not False, wanted=draft.keys
        )
    return await mapping_editing.write_update(
        edit, name, lambda _: mapping, version, is_active=draft.is_active, wanted=draft.keys
    )


def _mapping_of(draft: StoredDraft) -> Mapping | None:
    return parse_mapping(draft.mapping) if isinstance(draft.mapping, dict) else None


def _name_after(draft: StoredDraft) -> str:
    """The canonical id of the mapping once the draft is applied."""
    if isinstance(draft.mapping, dict):
        return str(draft.mapping.get("canonical_id", draft.canonical_id))
    return draft.canonical_id


async def _mark_reverted(
    edit: Edit, change_set: ChangeSet, reverted: int, drafts: Sequence[StoredDraft]
) -> None:
    """The change set that this one takes back is REVERTED, if nothing of it is left."""
    whole = inverse_of(await sets.versions_of(edit.connection, reverted))
    try:
        wanted = {one.canonical_id: _result(one, one.mapping) for one in map(proposal_of, whole)}
    except MappingError:
        # What cannot be read cannot be restored, so this is not all of it.
        return
    if wanted == {one.canonical_id: _result(one, _mapping_of(one)) for one in drafts}:
        await sets.move_change_set(edit.connection, reverted, "REVERTED", actor=change_set.actor)


def _result(
    one: Proposal | StoredDraft, mapping: Mapping | None
) -> tuple[DraftAction, dict[str, Any] | None, bool | None]:
    """What a mapping is to be, whatever version the change starts from."""
    return one.action, None if mapping is None else dump_mapping(mapping), one.is_active
