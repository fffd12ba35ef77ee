"""Making drafts: what is proposed is checked against the mapping as it is, and nothing is changed.

A draft holds the whole mapping as it is to be, and the version that the author saw. Whether it is in conflict
with others, and what the prices say, is found out when somebody approves it; see `operations/changes`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.books.platforms import is_platform
from worker.domain.diff import FieldChange, diff
from worker.domain.mapping import Mapping, dump_mapping, parse_mapping
from worker.domain.scope import parse_external_id
from worker.operations.mappings.editing import EditedState, require_canonical_ids
from worker.operations.unmapped.extending import extended
from worker.operations.unmapped.triage import NoSuggestionError, require_unchanged
from worker.storage.changes import drafts, sets
from worker.storage.changes.drafts import DraftAction, Proposal, StoredDraft
from worker.storage.editing import DuplicateCanonicalId, get_expected
from worker.storage.insight.evidence import StoredSuggestion
from worker.storage.mappings import StoredMapping, get
from worker.storage.misses import QueueKey, get_miss


class NothingToChangeError(Exception):
    """The mapping has these values already."""


async def new_mapping(
    connection: AsyncConnection,
    mapping: Mapping,
    *,
    is_active: bool = True,
    misses: Sequence[QueueKey] = (),
) -> Proposal:
    """Propose a mapping that there is not.

    Raises MappingError for a canonical id of another pattern, DuplicateCanonicalId for one that is taken.
    """
    require_canonical_ids([mapping.canonical_id])
    if await get(connection, mapping.canonical_id) is not None:
        raise DuplicateCanonicalId(mapping.canonical_id)
    return Proposal(mapping.canonical_id, "CREATE", None, mapping, is_active, misses)


async def revised_mapping(
    connection: AsyncConnection,
    canonical_id: str,
    revise: Callable[[EditedState], Mapping],
    expected_version: int | None = None,
    *,
    is_active: bool | None = None,
    misses: Sequence[QueueKey] = (),
) -> Proposal:
    """Propose that a mapping becomes what ``revise`` makes of it.

    Raises UnknownMapping, StaleVersion, NothingToChangeError, MappingError for a new canonical id of another
    pattern, and what ``revise`` raises.
    """
    before = await get_expected(connection, canonical_id, expected_version)
    mapping = revise(before._asdict())
    if mapping.canonical_id != canonical_id:
        require_canonical_ids([mapping.canonical_id])
    proposal = Proposal(canonical_id, "UPDATE", before.version, mapping, is_active, misses)
    if not misses and not diff(before._asdict(), _state_after(proposal, before)):
        raise NothingToChangeError(f"{canonical_id} has these values already")
    return proposal


async def suggested_mapping(connection: AsyncConnection, suggested: StoredSuggestion) -> Proposal:
    """Propose that a mapping reads a missed market as suggested.

    Raises as ``require_unchanged``, UnknownMiss, NoSuggestionError for a suggestion that cannot be used, and
    MappingError.
    """
    key = (suggested.source, suggested.external_market_id)
    miss = await get_miss(connection, key)
    platform, outcomes = suggested.source, suggested.outcomes
    if not is_platform(platform) or not isinstance(outcomes, dict):
        raise NoSuggestionError(f"the suggestion for {' '.join(key)} cannot be used")
    await require_unchanged(connection, suggested)
    named = parse_external_id(suggested.external_market_id)
    return await revised_mapping(
        connection,
        suggested.canonical_id,
        lambda state: parse_mapping(extended(state, platform, named, outcomes)),
        misses=[miss.key],
    )


async def switched_mapping(
    connection: AsyncConnection,
    canonical_id: str,
    expected_version: int | None = None,
    *,
    is_active: bool,
) -> Proposal:
    """Propose to switch a mapping on or off. Raises UnknownMapping, StaleVersion, NothingToChangeError."""
    before = await get_expected(connection, canonical_id, expected_version)
    if before.is_active == is_active:
        raise NothingToChangeError(
            f"{canonical_id} is {'active' if is_active else 'inactive'} already"
        )
    action: DraftAction = "ACTIVATE" if is_active else "DEACTIVATE"
    return Proposal(canonical_id, action, before.version, is_active=is_active)


async def deleted_mapping(
    connection: AsyncConnection, canonical_id: str, expected_version: int | None = None
) -> Proposal:
    """Propose to delete a mapping. Raises UnknownMapping, StaleVersion."""
    before = await get_expected(connection, canonical_id, expected_version)
    return Proposal(canonical_id, "DELETE", before.version)


async def save_drafts(
    connection: AsyncConnection,
    proposals: Sequence[Proposal],
    *,
    actor: str,
    reason: str,
    name: str = "",
    change_set_id: int | None = None,
) -> tuple[int, list[int]]:
    """Add drafts to a change set, or to a new one; return its number and theirs, in order.

    Without a name the change set is named after its first draft. Raises UnknownChangeSet, and
    StorageRefused if it takes no drafts or holds one of a mapping already.
    """
    if change_set_id is None:
        given = name or title_of(proposals)
        change_set_id = await sets.create_change_set(connection, given, actor=actor, reason=reason)
    else:
        await sets.lock_change_set(connection, change_set_id)
    numbers = [
        await drafts.add_draft(connection, change_set_id, one, actor=actor, reason=reason)
        for one in proposals
    ]
    return change_set_id, numbers


async def propose(connection: AsyncConnection, change_set_id: int, *, actor: str) -> None:
    """Hand a change set to a reviewer: its drafts cannot be changed while it is PROPOSED.

    Raises UnknownChangeSet, and StorageRefused if it holds no drafts or is proposed or decided already.
    """
    await sets.lock_change_set(connection, change_set_id)
    await sets.move_change_set(connection, change_set_id, "PROPOSED", actor=actor)


async def withdraw(
    connection: AsyncConnection, change_set_id: int, *, actor: str, reason: str
) -> None:
    """Take a change set back; it may be edited and proposed again. ``reason`` becomes a comment.

    Raises UnknownChangeSet, and StorageRefused if it is decided already.
    """
    await sets.lock_change_set(connection, change_set_id)
    await sets.move_change_set(connection, change_set_id, "WITHDRAWN", actor=actor)
    await sets.add_comment(connection, change_set_id, reason, actor=actor)


def title_of(proposals: Sequence[Proposal]) -> str:
    """A name for a change set that holds these: ``update btts_ft and 3 more``."""
    if not proposals:
        return "nothing yet"
    first, more = proposals[0], len(proposals) - 1
    title = f"{first.action.lower()} {first.canonical_id}"
    return f"{title} and {more} more" if more else title


def fields_of(draft: StoredDraft, before: StoredMapping | None) -> list[FieldChange]:
    """What a draft changes in a mapping as it is now, field by field."""
    if draft.action == "DELETE":
        return diff(before and before._asdict(), None)
    state = {} if before is None else before._asdict()
    if isinstance(draft.mapping, dict):
        # What a mapping does not say, its row does not hold either.
        state = dict.fromkeys(state) | draft.mapping | {"is_active": _active(before)}
    if draft.is_active is not None:
        state |= {"is_active": draft.is_active}
    return diff(before and before._asdict(), state)


def changed_fields(proposal: Proposal, before: StoredMapping | None) -> list[FieldChange]:
    """What a proposal changes in a mapping as it is now, field by field."""
    if proposal.action == "DELETE":
        return diff(before and before._asdict(), None)
    if before is not None:
        return diff(before._asdict(), _state_after(proposal, before))
    mapping = {} if proposal.mapping is None else dump_mapping(proposal.mapping)
    return diff(None, mapping | {"is_active": proposal.is_active is not False})


def _active(before: StoredMapping | None) -> bool:
    return True if before is None else before.is_active


def _state_after(proposal: Proposal, before: StoredMapping) -> EditedState:
    mapping = {} if proposal.mapping is None else dump_mapping(proposal.mapping)
    state = dict.fromkeys(before._asdict()) | mapping | {"is_active": before.is_active}
    return state if proposal.is_active is None else state | {"is_active": proposal.is_active}
