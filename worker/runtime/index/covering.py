"""Which missed markets the mappings cover now: they become MAPPED."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from worker.domain.books.platforms import PLATFORMS
from worker.domain.coverage import coverage, is_covered
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping, MappingError, parse_mapping
from worker.storage import misses
from worker.storage.audit import AuditRow, last_version
from worker.storage.engine import transaction
from worker.storage.mappings import StoredMapping, get, list_mappings
from worker.storage.misses import QueueKey


async def cover_changes(engine: AsyncEngine, changes: Iterable[AuditRow]) -> Sequence[QueueKey]:
    """Mark what the mappings of these changes cover, whoever made them; returns which markets changed.

    What an editor ignores stays IGNORED. It may be done again: what is MAPPED stays so. Raises
    StorageUnavailable, StorageRefused or StorageFatal.
    """
    names = {change.canonical_id for change in changes if change.new_value is not None}
    async with transaction(engine) as connection:
        # Before the rows: a miss under a version that they hold already must not pass for covered by a later.
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
    connection: AsyncConnection, mappings: Iterable[Mapping], index: MappingIndex, version: int
) -> Sequence[QueueKey]:
    """Mark the misses of these mappings' markets that ``index`` covers as MAPPED; returns which.

    Those that an editor ignores stay IGNORED. ``index`` holds at least all active mappings that have a
    platform id in common with them, at ``version``.
    """
    markets = {(p, market_id) for one in mappings for p in PLATFORMS if (market_id := one.id_on(p))}
    missed = await misses.misses_of(connection, markets) if markets else []
    covered = [
        miss.key
        for miss in missed
        if is_covered(coverage(index, *miss.key, miss.sample_outcomes), miss.reason)
    ]
    return await misses.cover(connection, version, covered) if covered else []


async def claimants(connection: AsyncConnection, mapping: Mapping) -> list[Mapping]:
    """The active mappings that have a platform id in common with this one, itself included."""
    found: dict[str, StoredMapping] = {}
    for platform in PLATFORMS:
        if market_id := mapping.id_on(platform):
            rows = list_mappings(connection, is_active=True, platform=platform, market_id=market_id)
            found |= {row.canonical_id: row for row in await rows}
    return usable(found.values())


def usable(rows: Iterable[StoredMapping]) -> list[Mapping]:
    """The mappings that can be used: what got in by SQL and cannot claims nothing."""
    mappings = []
    for row in rows:
        try:
            mappings.append(parse_mapping(row._asdict()))
        except MappingError:
            continue
    return mappings
