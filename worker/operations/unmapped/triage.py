"""Maps a missed market: the mapping and the status of the miss change in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from worker.domain.assign import assign
from worker.domain.books.platforms import Platform, is_platform
from worker.domain.books.registry import ID_COLUMNS
from worker.domain.books.rows import abbreviate
from worker.domain.coverage import coverage
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping, MappingError, MappingFault, parse_mapping
from worker.domain.scope import FOOTBALL, ExternalName, parse_external_id
from worker.operations.mappings import editing
from worker.operations.mappings.editing import AppliedChange, EditedState
from worker.operations.unmapped.extending import extended
from worker.runtime.index.covering import usable
from worker.storage import misses
from worker.storage.editing import Edit
from worker.storage.insight import evidence
from worker.storage.mappings import list_mappings
from worker.storage.misses import QueuedMiss, QueueKey


class NotCoveredError(Exception):
    """The mapping is usable, but it does not cover the missed market."""


class NoSuggestionError(LookupError):
    """There is no such suggestion."""


async def map_new(edit: Edit, key: QueueKey, mapping: Mapping) -> AppliedChange:
    """Create a mapping that covers the miss.

    Raises NotCoveredError, UnknownMiss, and as ``editing.create``.
    """
    miss = await misses.get_miss(edit.connection, key)
    change = await editing.create(edit, mapping, wanted=miss.key)
    await _require_covered(edit, miss, change)
    return change


async def map_into(
    edit: Edit,
    key: QueueKey,
    canonical_id: str,
    assignments: Sequence[str],
    expected_version: int | None = None,
) -> AppliedChange:
    """Give a mapping the platform's id of the miss, and the labels and fields that ``assignments`` set.

    Raises NotCoveredError, UnknownMiss, MappingError when it has another id on that platform, and as
    ``editing.update``.
    """
    miss = await misses.get_miss(edit.connection, key)

    def revise(current: EditedState) -> Mapping:
        return parse_mapping(assign(_with_id(current, key), assignments))

    change = await editing.update(edit, canonical_id, revise, expected_version, wanted=miss.key)
    await _require_covered(edit, miss, change)
    return change


async def map_suggested(edit: Edit, key: QueueKey, rank: int) -> AppliedChange:
    """Extend a mapping as the suggestion of this rank says.

    Raises NoSuggestionError, NotCoveredError, UnknownMiss, StaleVersion when the mapping was changed after
    the suggestion was made, and as ``editing.update``.
    """
    miss = await misses.get_miss(edit.connection, key)
    found = {one.rank: one for one in await evidence.read_suggestions(edit.connection, key)}
    if rank not in found:
        raise NoSuggestionError(f"there is no suggestion of rank {rank} for {' '.join(key)}")
    suggested = found[rank]
    source, external_market_id = key
    outcomes = suggested.outcomes
    if not is_platform(source) or not isinstance(outcomes, dict):
        raise NoSuggestionError(f"the suggestion for {' '.join(key)} cannot be used")
    named = parse_external_id(external_market_id)

    def revise(current: EditedState) -> Mapping:
        return parse_mapping(extended(current, source, named, outcomes))

    change = await editing.update(
        edit, suggested.canonical_id, revise, suggested.version, wanted=miss.key
    )
    await _require_covered(edit, miss, change)
    return change


def _with_id(current: EditedState, key: QueueKey) -> EditedState:
    source, external_market_id = key
    named = parse_external_id(external_market_id)
    market_id = named.market_id
    if not is_platform(source):
        raise MappingError(
            [MappingFault("source", abbreviate(source), "is not a bookmaker that can be mapped")]
        )
    scope = current.get("scope") or {}
    sport = scope.get("sport", FOOTBALL) if isinstance(scope, dict) else FOOTBALL
    if sport != named.sport:
        raise MappingError(
            [
                MappingFault(
                    "scope.sport", abbreviate(sport), f"the market was missed in {named.sport}"
                )
            ]
        )
    if scope or named.phase is not None or current.get("participant") is not None:
        return _with_further_id(current, source, named)
    column = ID_COLUMNS[source]
    if current[column] not in {None, market_id}:
        raise MappingError(
            [
                MappingFault(
                    column,
                    abbreviate(current[column]),
                    f"is already set, so it cannot become {market_id}",
                )
            ]
        )
    return current | {column: market_id}


def _with_further_id(current: EditedState, source: Platform, named: ExternalName) -> EditedState:
    """The state with the id where workers that know no scopes and no participants do not see it."""
    further = current.get("also") or []
    if not isinstance(further, list):
        raise MappingError([MappingFault("also", abbreviate(further), "cannot be read")])
    if any(
        isinstance(one, dict) and (one.get("platform"), one.get("id")) == (source, named.market_id)
        for one in further
    ):
        return current
    phase = {} if named.phase is None else {"phase": named.phase}
    return current | {"also": [*further, {"platform": source, "id": named.market_id, **phase}]}


async def _require_covered(edit: Edit, miss: QueuedMiss, change: AppliedChange) -> None:
    """Raise NotCoveredError, which undoes the change, unless it covers the miss that was marked with it.

    That may be an ignored one, or one whose labels hold names of teams.
    """
    source, external_market_id = miss.key
    rows = await list_mappings(
        edit.connection,
        is_active=True,
        platform=source,
        market_id=external_market_id.partition("?")[0],
    )
    found = coverage(MappingIndex(usable(rows)), *miss.key, miss.sample_outcomes)
    if not found.is_market:
        raise NotCoveredError(
            f"{change.canonical_id} does not cover {source} {external_market_id}: "
            "compare the bookmaker's id and the line rule with the samples"
        )
    if found.unknown and not found.known:
        raise NotCoveredError(
            f"{change.canonical_id} knows none of the labels of {source} {external_market_id}: "
            + ", ".join(map(repr, found.unknown))
        )
