"""What proposed changes would lead to, found by reading alone.

A direct change is tried by making it and taking it back. Where four eyes are required, nobody can make one,
not even to try it; and a reviewer wants to see what a change set would do before approving it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.conflicts import Rivalry, rivalries
from worker.domain.mapping import Mapping, parse_mapping
from worker.operations.what_if.draft import Draft
from worker.runtime.index.covering import (
    ChangedMappings,
    Comparison,
    in_parts,
    markets_of,
    usable,
)
from worker.storage import misses
from worker.storage.audit import last_version
from worker.storage.changes.drafts import Proposal, StoredDraft
from worker.storage.mappings import StoredMapping, get_all, list_mappings
from worker.storage.misses import QueueKey


class ProposedEffect(NamedTuple):
    """All active mappings before and after, conflicts, and what happens to the queue of misses."""

    draft: Draft
    rivalries: Sequence[Rivalry]
    covered: Sequence[QueueKey]
    reopened: Sequence[QueueKey]


def proposal_of_draft(draft: StoredDraft) -> Proposal:
    """What a stored draft proposes. Raises MappingError if its mapping cannot be used."""
    mapping = parse_mapping(draft.mapping) if isinstance(draft.mapping, dict) else None
    return Proposal(
        draft.canonical_id,
        draft.action,
        draft.base_version,
        mapping,
        draft.is_active,
        draft.keys,
    )


async def read_draft(connection: AsyncConnection, proposals: Sequence[Proposal]) -> Draft:
    """The active mappings as they are, and as the proposals would leave them.

    Raises MappingError for a mapping that would be activated and cannot be used.
    """
    # Read before the mappings: a forecast never names a version that it does not hold.
    version = await last_version(connection)
    stored = await list_mappings(connection, is_active=True)
    before = {one.canonical_id: one for one in await asyncio.to_thread(usable, stored)}
    rows = await get_all(connection, [one.canonical_id for one in proposals])
    return Draft(before, _after(before, proposals, rows), version)


async def effect_of(connection: AsyncConnection, proposals: Sequence[Proposal]) -> ProposedEffect:
    """What the proposals would lead to. Raises as ``read_draft``."""
    draft = await read_draft(connection, proposals)
    names = set(draft.names)
    earlier = [draft.before[name] for name in draft.names if name in draft.before]
    now = [draft.after[name] for name in draft.names if name in draft.after]
    others = [one for name, one in draft.after.items() if name not in names]
    markets = markets_of([*earlier, *now])
    # With many mappings both take seconds.
    compare = await asyncio.to_thread(Comparison, ChangedMappings(earlier, now, others))
    covered, reopened, is_mapped = set[QueueKey](), set[QueueKey](), set[QueueKey]()
    for part in in_parts(await misses.ids_of(connection, markets) if markets else ()):
        missed = await misses.by_id(connection, part)
        both = await asyncio.to_thread(compare.moved, missed)
        covered |= both[0]
        reopened |= both[1]
        is_mapped |= {miss.key for miss in missed if miss.status in {"MAPPED", "IGNORED"}}
    conflicts = await asyncio.to_thread(rivalries, now, others)
    return ProposedEffect(draft, conflicts, sorted(covered - is_mapped), sorted(reopened))


def _after(
    before: dict[str, Mapping], proposals: Sequence[Proposal], rows: dict[str, StoredMapping]
) -> dict[str, Mapping]:
    after = dict(before)
    for one in proposals:
        after.pop(one.canonical_id, None)
    for one in proposals:
        row = rows.get(one.canonical_id)
        is_active = row.is_active if row is not None and one.is_active is None else one.is_active
        if one.action in {"DELETE", "DEACTIVATE"} or is_active is False:
            continue
        if one.mapping is None:
            mapping = None if row is None else parse_mapping(row._asdict())
        else:
            mapping = replace(one.mapping, id=None if row is None else row.id)
        if mapping is not None:
            after[mapping.canonical_id] = mapping
    return after
