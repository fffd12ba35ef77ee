"""A filled-in grid of missed markets becomes drafts: one for each mapping that it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.cli.spreadsheet import without_apostrophes
from worker.domain.mapping import MappingError, dump_mapping, parse_mapping
from worker.operations.drafts.grid import (
    Decision,
    GridError,
    GridFault,
    GridSuggestion,
    extend,
    new_state,
    rows_of,
    with_real_labels,
)
from worker.operations.mappings.editing import require_canonical_ids
from worker.storage import mappings, misses
from worker.storage.changes.drafts import Proposal
from worker.storage.insight import evidence
from worker.storage.misses import QueuedMiss, QueueKey, UnknownMiss


async def grid_of(connection: AsyncConnection, found: Sequence[QueuedMiss]) -> list[dict[str, Any]]:
    """Return the rows of missed markets, a row for each label, with confident suggestions filled in."""
    suggested = await evidence.first_suggestions(connection, [one.key for one in found])
    return [row for one in found for row in rows_of(one, _suggested(suggested.get(one.key)))]


def _suggested(found: evidence.StoredSuggestion | None) -> GridSuggestion | None:
    # What is filled in is saved as it is by whoever reads a long grid quickly: no guess.
    if found is None or not found.is_confident or not isinstance(found.outcomes, dict):
        return None
    return GridSuggestion(found.canonical_id, found.outcomes)


async def proposals_of(
    connection: AsyncConnection, decisions: Sequence[Decision]
) -> list[Proposal]:
    """Make one proposal for each mapping that the decisions name. Raises GridError with every fault."""
    groups: dict[str, list[Decision]] = {}
    for one in decisions:
        groups.setdefault(one.canonical_id, []).append(one)
    proposals: list[Proposal] = []
    faults: list[GridFault] = []
    for canonical_id, group in groups.items():
        try:
            proposals.append(await _proposal(connection, canonical_id, group))
        except GridError as error:
            faults += error.faults
        except MappingError as error:
            faults += [GridFault(group[0].row, f"{canonical_id}: {one}") for one in error.faults]
        except UnknownMiss as error:
            faults.append(GridFault(group[0].row, str(error)))
    if faults:
        raise GridError(faults)
    return proposals


async def _proposal(
    connection: AsyncConnection, canonical_id: str, group: Sequence[Decision]
) -> Proposal:
    row = await mappings.get(connection, canonical_id)
    state = None if row is None else row._asdict()
    if row is None:
        require_canonical_ids([canonical_id])
    keys: list[QueueKey] = []
    for one in group:
        miss = await _miss_of(connection, one)
        keys.append(miss.key)
        decision = with_real_labels(one, miss)
        state = new_state(decision, miss) if state is None else extend(state, decision, miss)
        state |= dump_mapping(parse_mapping(state))
    mapping = parse_mapping(state or {})
    if row is None:
        return Proposal(canonical_id, "CREATE", None, mapping, is_active=True, misses=keys)
    return Proposal(canonical_id, "UPDATE", row.version, mapping, misses=keys)


async def _miss_of(connection: AsyncConnection, decision: Decision) -> QueuedMiss:
    """Return the market that a row means: a spreadsheet gets some ids with an apostrophe.

    Raises UnknownMiss; GridError for an id that could be two.
    """
    source, written = decision.key
    found: list[QueuedMiss] = []
    for market_id in dict.fromkeys([written, without_apostrophes(written)]):
        try:
            found.append(await misses.get_miss(connection, (source, market_id)))
        except UnknownMiss:
            continue
    if not found:
        raise UnknownMiss([decision.key])
    if len(found) > 1:
        reason = f"{source} has two markets that look like {written}"
        raise GridError([GridFault(decision.row, reason)])
    return found[0]
