"""Which missed markets the mappings cover by now: their rows in the queue become MAPPED."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from worker.domain.coverage import coverage, is_covered
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping, MappingError, claims_of, parse_mapping
from worker.storage import misses
from worker.storage.audit import AuditRow, last_version
from worker.storage.engine import transaction
from worker.storage.mappings import StoredMapping, get, list_mappings
from worker.storage.misses import QueueKey


async def cover_changes(engine: AsyncEngine, changes: Iterable[AuditRow]) -> Sequence[QueueKey]:
    """Mark the misses that the mappings of these changes cover; return which markets changed.

    Misses that an editor ignores stay IGNORED. The call may be repeated: what is MAPPED stays MAPPED. Raises
    StorageUnavailable, StorageRefused or StorageFatal.
    """
    names = {change.canonical_id for change in changes if change.new_value is not None}
    async with transaction(engine) as connection:
        # The version is read before the rows: a miss under a version that the rows already contain must not
        # count as covered by a later one.
        version = await last_version(connection)
        rows = [
            row for name in sorted(names) if (row := await get(connection, name)) and row.is_active
        ]
        changed = usable(rows)
        claiming = {
            one.canonical_id: one
            for mapping in changed
            for one in await claimants(connection, mapping)
        }
        return await mark_covered(connection, changed, MappingIndex(claiming.values()), version)


async def mark_covered(
    connection: AsyncConnection,
    mappings: Iterable[Mapping],
    index: MappingIndex,
    version: int,
    *,
    wanted: QueueKey | None = None,
) -> Sequence[QueueKey]:
    """Mark as MAPPED the misses of these mappings' markets that ``index`` covers; return which.

    Misses that an editor ignores stay IGNORED. ``wanted`` is marked in any case: its caller knows that it is
    covered, and undoes all of it if it is not. One statement marks all of them, because it takes their locks
    in the order in which counting takes them. ``index`` has, as of ``version``, at least all active mappings
    that share a platform id with these.
    """
    markets = {(claim.platform, claim.market_id) for one in mappings for claim in claims_of(one)}
    missed = await misses.misses_of(connection, markets) if markets else []
    covered = {
        miss.key
        for miss in missed
        if is_covered(coverage(index, *miss.key, miss.sample_outcomes), miss.reason)
    }
    if wanted is not None:
        covered.add(wanted)
    if not covered:
        return []
    return await misses.cover(connection, version, sorted(covered), wanted=wanted)


async def claimants(connection: AsyncConnection, mapping: Mapping) -> list[Mapping]:
    """Return the active mappings that share a platform id with this one, itself included."""
    found: dict[str, StoredMapping] = {}
    for platform, market_id in sorted(
        {(claim.platform, claim.market_id) for claim in claims_of(mapping)}
    ):
        rows = list_mappings(connection, is_active=True, platform=platform, market_id=market_id)
        found |= {row.canonical_id: row for row in await rows}
    return usable(found.values())


def usable(rows: Iterable[StoredMapping]) -> list[Mapping]:
    """Return the mappings that can be used; a row of plain SQL that cannot be used claims nothing."""
    mappings = []
    for row in rows:
        try:
            mappings.append(parse_mapping(row._asdict()))
        except MappingError:
            continue
    return mappings
