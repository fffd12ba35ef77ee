"""Maps a missed market: the mapping and the status of the miss change in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.assign import assign
from worker.domain.books.platforms import Platform, is_platform
from worker.domain.books.registry import ID_COLUMNS
from worker.domain.books.rows import abbreviate
from worker.domain.coverage import coverage
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping, MappingError, MappingFault, parse_mapping
from worker.domain.scope import ExternalName, parse_external_id
from worker.operations.mappings import editing
from worker.operations.mappings.editing import AppliedChange, EditedState, LeftOpen, line_words
from worker.operations.unmapped.extending import (
    extended,
    extended_by_players,
    further_ids,
    require_sport,
)
from worker.operations.unmapped.relied_on import changes_that_touch
from worker.runtime.index.covering import usable
from worker.storage import misses
from worker.storage.editing import Edit, StaleVersion, get_expected
from worker.storage.insight import evidence
from worker.storage.insight.evidence import StoredSuggestion
from worker.storage.mappings import list_mappings
from worker.storage.misses import QueuedMiss, QueueKey

_WHEN_TOUCHED: Final = (
    "Look at it again when it has been judged again, within minutes, or map the market by hand."
)


class NotCoveredError(Exception):
    """The mapping is usable, but it does not cover the missed market."""


class NoSuggestionError(LookupError):
    """There is no such suggestion."""


async def map_new(edit: Edit, key: QueueKey, mapping: Mapping) -> AppliedChange:
    """Create a mapping that covers the miss, or a part of it.

    Raises NotCoveredError, UnknownMiss, and as ``editing.create``.
    """
    miss = await misses.get_miss(edit.connection, key)
    change = await editing.create(edit, mapping, wanted=miss.key)
    return await _made_for(edit, [miss], change)


async def map_into(
    edit: Edit,
    key: QueueKey,
    canonical_id: str,
    assignments: Sequence[str],
    expected_version: int | None = None,
) -> AppliedChange:
    """Give a mapping the platform's id of the miss, and the labels and fields that ``assignments`` set.

    Without assignments, the labels are those of the suggestion for this mapping, if there is one.

    Raises NotCoveredError, UnknownMiss, MappingError when it has another id on that platform, and as
    ``editing.update``.
    """
    if not assignments:
        await edit.get(canonical_id, expected_version)
        for one in await evidence.read_suggestions(edit.connection, key):
            if one.canonical_id == canonical_id:
                return await map_suggested(edit, key, one.rank)
    miss = await misses.get_miss(edit.connection, key)

    def revise(current: EditedState) -> Mapping:
        return parse_mapping(assign(_with_id(current, miss), assignments))

    change = await editing.update(edit, canonical_id, revise, expected_version, wanted=miss.key)
    return await _made_for(edit, [miss], change)


async def map_suggested(edit: Edit, key: QueueKey, rank: int) -> AppliedChange:
    """Extend a mapping as the suggestion of this rank says.

    Raises NoSuggestionError, NotCoveredError, UnknownMiss, as ``require_unchanged``, and as
    ``editing.update``.
    """
    found = {one.rank: one for one in await evidence.read_suggestions(edit.connection, key)}
    if rank not in found:
        await misses.get_miss(edit.connection, key)
        raise NoSuggestionError(f"there is no suggestion of rank {rank} for {' '.join(key)}")
    return await map_together(edit, [found[rank]])


async def map_together(edit: Edit, suggested: Sequence[StoredSuggestion]) -> AppliedChange:
    """Extend one mapping as several suggestions say, in one change. Raises as ``map_suggested``."""
    named: list[tuple[Platform, ExternalName, dict[str, str]]] = []
    covered: list[QueuedMiss] = []
    for one in suggested:
        key = (one.source, one.external_market_id)
        covered.append(await misses.get_miss(edit.connection, key))
        if not is_platform(one.source) or not isinstance(one.outcomes, dict):
            raise NoSuggestionError(f"the suggestion for {' '.join(key)} cannot be used")
        named.append((one.source, parse_external_id(one.external_market_id), one.outcomes))

    def revise(current: EditedState) -> Mapping:
        state = dict(current)
        for source, name, outcomes in named:
            state = extended(state, source, name, outcomes)
        return parse_mapping(state)

    for one in suggested:
        await require_unchanged(edit.connection, one)
    first = suggested[0]
    change = await editing.update(edit, first.canonical_id, revise, wanted=covered[0].key)
    return await _made_for(edit, covered, change)


async def require_unchanged(connection: AsyncConnection, suggested: StoredSuggestion) -> None:
    """Raise StaleVersion, which says what was changed, if that is something a suggestion relies on.

    Raises UnknownMapping.
    """
    name, platform = suggested.canonical_id, suggested.source
    row = await get_expected(connection, name)
    if row.version == suggested.version or not is_platform(platform):
        return
    try:
        past = await editing.state_at(connection, name, suggested.version)
        touched = changes_that_touch(parse_mapping(past), parse_mapping(row._asdict()), platform)
    except (editing.NoSuchStateError, MappingError):
        touched = [f"what it was at version {suggested.version} cannot be read"]
    if not row.is_active:
        touched = [*touched, "it is switched off"]
    if touched:
        market = f"{platform} {suggested.external_market_id}"
        made = f"{name} was changed after the suggestion for {market} was made"
        raise StaleVersion(
            suggested.version, row, why=f"{made}: {', '.join(touched)}", advice=_WHEN_TOUCHED
        )


async def map_as(
    edit: Edit,
    key: QueueKey,
    canonical_id: str,
    mapping: Mapping,
    expected_version: int | None = None,
) -> AppliedChange:
    """Replace a mapping by one that covers the miss as well.

    Raises NotCoveredError, UnknownMiss, and as ``editing.update``.
    """
    miss = await misses.get_miss(edit.connection, key)
    change = await editing.update(
        edit, canonical_id, lambda _: mapping, expected_version, wanted=miss.key
    )
    return await _made_for(edit, [miss], change)


def _with_id(current: EditedState, miss: QueuedMiss) -> EditedState:
    source, external_market_id = miss.key
    named = parse_external_id(external_market_id)
    market_id = named.market_id
    if not is_platform(source):
        raise MappingError(
            [MappingFault("source", abbreviate(source), "is not a bookmaker that can be mapped")]
        )
    scope = current.get("scope") or {}
    require_sport(scope, named)
    if current.get("participant") is not None:
        return extended_by_players(current, source, external_market_id, miss.samples)
    if scope or named.phase is not None:
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
    """The state with the id where workers that know no scopes do not see it."""
    further = further_ids(current)
    if any(
        isinstance(one, dict) and (one.get("platform"), one.get("id")) == (source, named.market_id)
        for one in further
    ):
        return current
    phase = {} if named.phase is None else {"phase": named.phase}
    return current | {"also": [*further, {"platform": source, "id": named.market_id, **phase}]}


async def _made_for(
    edit: Edit, made_for: Sequence[QueuedMiss], change: AppliedChange
) -> AppliedChange:
    """The change with those misses that it leaves open. Raises as ``require_covered``."""
    left = [
        await require_covered(edit, one, change.canonical_id, change.covered) for one in made_for
    ]
    return change._replace(left_open=[one for one in left if one is not None])


async def require_covered(
    edit: Edit, miss: QueuedMiss, canonical_id: str, covered: Collection[QueueKey]
) -> LeftOpen | None:
    """Raise NotCoveredError, which undoes the change, unless it covers the miss; return what it leaves open.

    One id may be sold with several fixed specifiers, each another market: a change for one of them is fine,
    and the miss stays open for the others. ``covered`` are the misses that were marked: they are ignored
    ones as well, and some whose labels hold names of teams.
    """
    source, external_market_id = miss.key
    rows = await list_mappings(
        edit.connection,
        is_active=True,
        platform=source,
        market_id=external_market_id.partition("?")[0],
    )
    active = usable(rows)
    left = left_open(MappingIndex(active), active, miss, canonical_id)
    if left is not None and miss.key in covered:
        raise NotCoveredError(str(left))
    return left


def left_open(
    index: MappingIndex, active: Iterable[Mapping], miss: QueuedMiss, canonical_id: str
) -> LeftOpen | None:
    """What of a miss a mapping leaves open; None where it covers all of it.

    ``index`` is that of the ``active`` mappings. Raises NotCoveredError if the mapping covers nothing of the
    miss that the others do not.
    """
    source, external_market_id = miss.key
    found = coverage(index, *miss.key, miss.sample_outcomes)
    if found.unread:
        others = MappingIndex(one for one in active if one.canonical_id != canonical_id)
        without = coverage(others, *miss.key, miss.sample_outcomes)
        if len(found.unread) >= len(without.unread):
            lines = [line for line in found.unread if line]
            sold = f" ({line_words(lines)})" if lines else ""
            raise NotCoveredError(
                f"{canonical_id} does not cover {source} {external_market_id}{sold}: "
                "compare the bookmaker's id and the line rule with the samples"
            )
    # A label alone shows no player, so those that may be one are enough.
    if found.unknown and not found.known and not found.players:
        raise NotCoveredError(
            f"{canonical_id} knows none of the labels of {source} {external_market_id}: "
            + ", ".join(map(repr, found.unknown))
        )
    return LeftOpen(miss.key, found.unread) if found.unread else None
