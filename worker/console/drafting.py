"""Drafts from a page: what `marketmap drafts` writes, with the same checks.

Where four eyes are required, nobody changes a mapping alone: what a person saves is a proposed draft then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.console.changing import TriedChange, conflict, refusals
from worker.console.context import Console, RefusedError, without_reason
from worker.console.notices import Notice, UndoStep
from worker.console.waited import in_thread
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping as MarketMapping
from worker.operations.drafts.drafting import (
    changed_fields,
    new_mapping,
    propose,
    revised_mapping,
    save_drafts,
)
from worker.operations.drafts.effect import effect_of
from worker.operations.mappings.editing import AppliedChange
from worker.operations.mappings.price_verdicts import MOST_EVENTS, PriceComparison, compare_prices
from worker.operations.unmapped.triage import NotCoveredError, left_open
from worker.storage import mappings, misses
from worker.storage.changes import drafts, sets
from worker.storage.changes.drafts import Proposal
from worker.storage.changes.sets import ChangeSet
from worker.storage.engine import transaction
from worker.storage.insight import evidence
from worker.storage.misses import QueueKey

ProposalOf = Callable[[AsyncConnection], Awaitable[Proposal]]

_MOST_OPEN: Final = 20


class DraftOrder(NamedTuple):
    """Where a draft goes: into which change set, None for a new one, and whether that is proposed at once."""

    change_set_id: int | None = None
    is_proposed: bool = True


class SavedDraft(NamedTuple):
    """A draft that was saved, and the change set that holds it."""

    change_set_id: int
    draft_id: int
    canonical_id: str
    is_proposed: bool


def wants_draft(values: Mapping[str, str], *, four_eyes: bool) -> bool:
    """Whether what is saved becomes a draft: because a person wants one, or nobody may change alone."""
    return values.get("decision") == "draft" or four_eyes


def order_of(values: Mapping[str, str], *, four_eyes: bool) -> DraftOrder:
    """Read where a draft goes. What was meant as a change is proposed: it waits for somebody else only."""
    given = values.get("change_set", "")
    number = int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else None
    is_saved = values.get("decision") != "draft" and four_eyes
    return DraftOrder(number, is_proposed=is_saved or values.get("propose") == "yes")


async def save_draft(
    console: Console, proposal_of: ProposalOf, order: DraftOrder, *, actor: str, reason: str
) -> SavedDraft:
    """Write one draft, as `drafts create` does. Raises RefusedError."""
    if not reason.strip():
        raise without_reason()
    with refusals():
        async with transaction(console.databases.deciding("edit")) as connection:
            proposal = await proposal_of(connection)
            number, (draft,) = await save_drafts(
                connection,
                [proposal],
                actor=actor,
                reason=reason,
                change_set_id=order.change_set_id,
            )
            if order.is_proposed:
                await propose(connection, number, actor=actor)
    console.metrics.decided()
    await console.live.changed_here()
    return SavedDraft(number, draft, proposal.canonical_id, order.is_proposed)


async def change_draft(
    console: Console,
    draft_id: int,
    mapping_of: Callable[[], MarketMapping],
    base_version: int | None,
    *,
    actor: str,
    reason: str,
) -> SavedDraft:
    """Let a draft propose another mapping, as `drafts edit` does; it is proposed again by itself.

    ``base_version`` is the version of the mapping that the person saw. Raises RefusedError.
    """
    if not reason.strip():
        raise without_reason()
    with refusals():
        async with transaction(console.databases.deciding("edit")) as connection:
            found = await drafts.get_draft(connection, draft_id)
            if found.mapping is None:
                raise RefusedError(f"Draft {draft_id} has no fields to change.")
            mapping = mapping_of()
            is_new = found.action == "CREATE"
            proposal = Proposal(
                mapping.canonical_id if is_new else found.canonical_id,
                found.action,
                None if is_new else base_version or found.base_version,
                mapping,
                found.is_active,
                found.keys,
            )
            await drafts.replace_draft(connection, draft_id, proposal, actor=actor, reason=reason)
    console.metrics.decided()
    await console.live.changed_here()
    return SavedDraft(found.change_set_id, draft_id, proposal.canonical_id, is_proposed=False)


async def proposal_for(
    connection: AsyncConnection,
    mapping: MarketMapping,
    *,
    into: str,
    version: int | None,
    keys: Sequence[QueueKey],
) -> Proposal:
    """Propose a new mapping, or that ``into`` becomes this one; ``keys`` are the markets that it is for.

    Raises as ``new_mapping`` and ``revised_mapping``.
    """
    if into:
        return await revised_mapping(connection, into, lambda _: mapping, version, misses=keys)
    return await new_mapping(connection, mapping, misses=keys)


async def open_sets_of(connection: AsyncConnection, person: str) -> Sequence[ChangeSet]:
    """Return the newest change sets to which a person may add a draft."""
    return await sets.list_change_sets(
        connection, states=["DRAFT", "SENT_BACK"], person=person, limit=_MOST_OPEN
    )


async def look_at(console: Console, proposal_of: ProposalOf) -> TriedChange:
    """Say what a draft would do once it is approved, by reading alone. Raises RefusedError."""
    with refusals():
        async with console.databases.reading() as connection:
            proposal = await proposal_of(connection)
            effect = await effect_of(connection, [proposal])
            before = await mappings.get(connection, proposal.canonical_id)
            missed = [await misses.get_unlocked(connection, key) for key in proposal.misses]
            events = await evidence.read_events(connection, MOST_EVENTS)
    if effect.rivalries:
        raise conflict(effect.rivalries)
    name = proposal.canonical_id if proposal.mapping is None else proposal.mapping.canonical_id
    active = dict(effect.draft.after)
    index = MappingIndex(active.values())
    try:
        looked = [left_open(index, active.values(), one, name) for one in missed]
    except NotCoveredError as error:
        raise RefusedError(
            "It could not be approved.", HTTPStatus.CONFLICT, lines=(f"{error}.",)
        ) from error
    left = [one for one in looked if one is not None]
    covered = sorted({*effect.covered, *proposal.misses} - {one.key for one in left})
    done = AppliedChange(
        name,
        proposal.action,
        None,
        changed_fields(proposal, before),
        covered,
        effect.reopened,
        left_open=left,
    )
    if not events or name not in active:
        return TriedChange(done, active, PriceComparison())
    prices = await in_thread(partial(compare_prices, events, effect.draft.before, active, {name}))
    return TriedChange(done, active, prices)


async def is_four_eyes(console: Console) -> bool:
    """Whether every change needs somebody else who approves it."""
    async with console.databases.reading() as connection:
        return (await sets.read_policy(connection)).four_eyes


def draft_notice(viewer: str, saved: SavedDraft) -> Notice:
    """What is said after a draft was saved, with the way back."""
    state = "waits for a reviewer" if saved.is_proposed else "is saved, and not proposed yet"
    fields = (
        ("id", str(saved.change_set_id)),
        ("decision", "withdraw"),
        ("reason", "taken back by its author"),
    )
    return Notice(
        viewer,
        f"A draft of {saved.canonical_id} {state}: change set {saved.change_set_id}.",
        ("Nothing of it is in force before it is approved.",),
        UndoStep("/change-set/author", fields),
    )
