"""Taking a change set back: one change set of the inverse changes, reviewed like any other.

What can be taken back is what nobody has changed since. If a mapping has changed, the revert is refused and
names it, unless only the rest is asked for. Where four eyes are not required, the revert is approved at
once; where they are, it is proposed, and somebody else approves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from worker.operations.changes.applying import (
    Approval,
    ChangesRefused,
    Refusal,
    approve,
    judge,
    refuse_contradicted,
    try_proposed,
)
from worker.operations.changes.inverse import Inverse, inverse_of, proposal_of
from worker.operations.drafts.drafting import propose, save_drafts, withdraw
from worker.operations.mappings.price_verdicts import MOST_EVENTS
from worker.storage.changes import sets
from worker.storage.changes.drafts import Proposal
from worker.storage.changes.sets import LONGEST_TEXT, ChangeSet
from worker.storage.editing import editing
from worker.storage.engine import transaction
from worker.storage.errors import StorageError
from worker.storage.insight import evidence
from worker.storage.mappings import get


class NotReverted(Exception):  # noqa: N818 (it names what happened, not a mistake)
    """There is nothing of this change set that can be taken back."""


class RevertPlan(NamedTuple):
    """What would be taken back, and why the rest cannot be."""

    change_set: ChangeSet
    proposals: Sequence[Proposal]
    changed_since: Sequence[Refusal]


class Reverted(NamedTuple):
    """The change set that takes another one back; ``approval`` is None where it waits for a reviewer."""

    change_set: ChangeSet
    approval: Approval | None
    left: Sequence[Refusal]


async def plan_revert(connection: AsyncConnection, change_set_id: int) -> RevertPlan:
    """Return what a revert would do now. Raises UnknownChangeSet, NotReverted, MappingError."""
    found = await sets.get_change_set(connection, change_set_id)
    if found.state != "APPROVED":
        by = f" by change set {found.reverted_by}" if found.state == "REVERTED" else ""
        raise NotReverted(f"change set {found.id} is {found.state}{by}: there is nothing to revert")
    proposals: list[Proposal] = []
    changed: list[Refusal] = []
    for one in inverse_of(await sets.versions_of(connection, change_set_id)):
        refusal = await _changed_since(connection, one)
        if refusal is None:
            proposals.append(proposal_of(one))
        else:
            changed.append(refusal)
    return RevertPlan(found, proposals, changed)


async def revert(
    engine: AsyncEngine,
    change_set_id: int,
    *,
    actor: str,
    reason: str,
    rest: bool = False,
    forced: str | None = None,
    dry_run: bool = False,
) -> Reverted:
    """Take a change set back by a new one; with ``rest`` only what nobody has changed since.

    Raises UnknownChangeSet, NotReverted, and what ``approve`` raises; the new change set is WITHDRAWN then.
    A dry run raises the same; where four eyes are required, it says what would be proposed.
    """
    if dry_run:
        return await _try_revert(
            engine, change_set_id, actor=actor, reason=reason, rest=rest, forced=forced
        )
    async with transaction(engine) as connection:
        found = await _propose_revert(
            connection, change_set_id, actor=actor, reason=reason, rest=rest
        )
    if found.waits:
        return Reverted(found.proposed, None, found.left)
    number = found.proposed.id
    try:
        approval = await approve(engine, number, actor=actor, forced=forced)
    except (ChangesRefused, StorageError) as error:
        async with transaction(engine) as connection:
            await withdraw(
                connection, number, actor=actor, reason=f"refused: {error}"[:LONGEST_TEXT]
            )
        raise
    return Reverted(approval.change_set, approval, found.left)


class _Proposed(NamedTuple):
    """A proposed revert; ``waits``: somebody else has to approve it."""

    proposed: ChangeSet
    waits: bool
    left: Sequence[Refusal]


async def _propose_revert(
    connection: AsyncConnection, change_set_id: int, *, actor: str, reason: str, rest: bool
) -> _Proposed:
    await sets.lock_change_set(connection, change_set_id)
    plan = await plan_revert(connection, change_set_id)
    if plan.changed_since and not rest:
        raise ChangesRefused(plan.changed_since)
    if not plan.proposals:
        raise NotReverted(
            f"everything that change set {change_set_id} changed was changed again since"
        )
    number = await sets.create_change_set(
        connection,
        f"revert of change set {change_set_id}",
        actor=actor,
        reason=reason,
        reverts=change_set_id,
    )
    await save_drafts(connection, plan.proposals, actor=actor, reason=reason, change_set_id=number)
    await propose(connection, number, actor=actor)
    waits = (await sets.read_policy(connection)).four_eyes
    return _Proposed(await sets.get_change_set(connection, number), waits, plan.changed_since)


async def _try_revert(
    engine: AsyncEngine,
    change_set_id: int,
    *,
    actor: str,
    reason: str,
    rest: bool,
    forced: str | None,
) -> Reverted:
    """Propose and apply it in one transaction that is taken back: a dry run finds what is in its way."""
    async with editing(engine, actor=actor, reason=reason, dry_run=True) as edit:
        found = await _propose_revert(
            edit.connection, change_set_id, actor=actor, reason=reason, rest=rest
        )
        if found.waits:
            return Reverted(found.proposed, None, found.left)
        events = await evidence.read_events(edit.connection, MOST_EVENTS)
        trial = await try_proposed(edit, found.proposed.id, actor=actor, forced=forced)
    approval = await judge(trial, events)
    refuse_contradicted(approval.verdicts, forced)
    return Reverted(approval.change_set, approval, found.left)


async def _changed_since(connection: AsyncConnection, one: Inverse) -> Refusal | None:
    name = one.canonical_id
    row = await get(connection, name)
    if one.name is None:
        if row is None:
            return None
        return Refusal(name, "EXISTS", f"{name} was created again since, at version {row.version}")
    if row is None:
        return Refusal(name, "GONE", f"{name} was deleted or renamed since")
    if row.version != one.version:
        return Refusal(
            name, "STALE", f"{name} was changed since: it is at version {row.version} now"
        )
    return None
