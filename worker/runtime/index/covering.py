"""Which missed markets the mappings cover by now: their rows in the queue become MAPPED, or open again.

Theory of operation. A row is MAPPED while some mapping covers its market. When mappings change, the rows of
all markets that they claimed before or claim now are looked at again, under two indexes: of the mappings as
they were, and as they are.

- A market that is covered now is MAPPED as of the new version.
- A MAPPED market that is mapped no more, or of which a sampled label was known and is not any longer, is open
  again at once, not only when it is missed the next time: an undone change leaves nothing behind.
- A label that holds the name of a team cannot be recognised in a sample. An editor may have mapped such a
  market on purpose; it stays MAPPED, because the label was not known before either.

A scraper can make any number of markets of one id, with a specifier that changes in each row. So the rows are
looked at in parts, one after the other, in the order in which counting locks them. After published changes
each part is a transaction of its own: what is done stays done, and nobody waits for all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from worker.domain.coverage import Coverage, coverage, is_covered
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping, MappingError, claims_of, parse_mapping
from worker.storage import misses
from worker.storage.audit import AuditRow, last_version
from worker.storage.engine import transaction
from worker.storage.mappings import StoredMapping, get, selling
from worker.storage.misses import QueuedMiss, QueueKey, SettledMisses

_NOTHING: Final = SettledMisses()
# Rows at once: a part takes a tenth of a second.
_AT_ONCE: Final = 1_000


class ChangedMappings(NamedTuple):
    """Active mappings as they were ``before`` a change and are ``after`` it.

    ``others`` did not change: at least all active ones that claim a market of these.
    """

    before: Sequence[Mapping]
    after: Sequence[Mapping]
    others: Sequence[Mapping]


async def cover_changes(
    engine: AsyncEngine,
    changes: Iterable[AuditRow],
    goes_on: Callable[[], Awaitable[object]] | None = None,
) -> SettledMisses:
    """Mark the misses that the mappings of these changes cover, reopen those that they covered; return which.

    Misses that an editor ignores stay IGNORED. The call may be repeated: what is MAPPED stays MAPPED.
    ``goes_on`` is called after each part. Raises StorageUnavailable, StorageRefused or StorageFatal.
    """
    changes = list(changes)
    names = {change.canonical_id for change in changes}
    before = states_before(changes)
    async with transaction(engine) as connection:
        # The version is read before the rows: a miss under a version that the rows already contain must not
        # count as covered by a later one.
        version = await last_version(connection)
        rows = [
            row for name in sorted(names) if (row := await get(connection, name)) and row.is_active
        ]
        after = usable(rows)
        others = [
            one
            for one in await claimants(connection, [*before, *after])
            if one.canonical_id not in names
        ]
        changed = ChangedMappings(before, after, others)
        ids = await _ids_of(connection, changed)
    settled: list[SettledMisses] = []
    compare = await asyncio.to_thread(Comparison, changed)
    for part in in_parts(ids):
        async with transaction(engine) as connection:
            settled.append(await _settle_part(connection, part, compare, version))
        if goes_on is not None:
            await goes_on()
    return _together(settled)


async def settle(
    connection: AsyncConnection,
    changed: ChangedMappings,
    version: int,
    *,
    wanted: Collection[QueueKey] = (),
) -> SettledMisses:
    """Mark as MAPPED the misses that are covered as of ``version``, and reopen those that were; return which.

    Misses that an editor ignores stay IGNORED. Those of ``wanted`` are marked too, unless some of their rows
    are no mapped market; whether enough of their labels is known is for the caller, who can undo all of it.
    """
    ids = await _ids_of(connection, changed)
    if not ids:
        return _NOTHING
    compare = await asyncio.to_thread(Comparison, changed, wanted)
    return _together(
        [await _settle_part(connection, part, compare, version) for part in in_parts(ids)]
    )


async def _settle_part(
    connection: AsyncConnection, ids: Sequence[int], compare: Comparison, version: int
) -> SettledMisses:
    """One statement changes a part, because it takes its locks in the order in which counting takes them."""
    missed = await misses.by_id(connection, ids)
    covered, uncovered = await asyncio.to_thread(compare.moved, missed)
    if not covered and not uncovered:
        return _NOTHING
    return await misses.settle(
        connection, version, sorted(covered), sorted(uncovered), wanted=compare.wanted
    )


async def _ids_of(connection: AsyncConnection, changed: ChangedMappings) -> Sequence[int]:
    markets = markets_of([*changed.before, *changed.after])
    return await misses.ids_of(connection, markets) if markets else ()


def in_parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """The rows that are read and compared at once."""
    return (ids[begin : begin + _AT_ONCE] for begin in range(0, len(ids), _AT_ONCE))


def _together(settled: Iterable[SettledMisses]) -> SettledMisses:
    some = [one for one in settled if one != _NOTHING]
    if not some:
        return _NOTHING
    return SettledMisses(*(sorted(chain.from_iterable(keys)) for keys in zip(*some, strict=True)))


class Comparison:
    """Compares what mappings covered before a change with what they cover after it.

    Those of ``wanted`` are covered whatever their labels.
    """

    def __init__(self, changed: ChangedMappings, wanted: Collection[QueueKey] = ()) -> None:
        before, after, others = changed
        self.wanted = wanted
        self._index = MappingIndex([*others, *after])
        self._earlier = MappingIndex([*others, *before])

    def moved(self, missed: Iterable[QueuedMiss]) -> tuple[set[QueueKey], set[QueueKey]]:
        """Which of these misses are covered after the change, and which were before it and are no more."""
        covered: set[QueueKey] = set()
        uncovered: set[QueueKey] = set()
        for miss in missed:
            found = _coverage(self._index, miss)
            if miss.key in self.wanted and found.is_market:
                covered.add(miss.key)
            elif miss.status == "MAPPED" and _is_lost(_coverage(self._earlier, miss), found):
                uncovered.add(miss.key)
            elif is_covered(found, miss.reason):
                covered.add(miss.key)
        return covered, uncovered


def _coverage(index: MappingIndex, miss: QueuedMiss) -> Coverage:
    return coverage(index, *miss.key, miss.sample_outcomes)


def _is_lost(before: Coverage, now: Coverage) -> bool:
    return not now.is_market or not set(before.known) <= set(now.known)


def markets_of(mappings: Iterable[Mapping]) -> Sequence[QueueKey]:
    """Return the markets that these mappings claim, once each."""
    claims = (claim for mapping in mappings for claim in claims_of(mapping))
    return list(dict.fromkeys((claim.platform, claim.market_id) for claim in claims))


def states_before(changes: Iterable[AuditRow]) -> list[Mapping]:
    """Return the mappings that were active before the first of their changes; ``changes`` are in order."""
    first: dict[str, AuditRow] = {}
    for change in changes:
        first.setdefault(change.canonical_id, change)
    values = [change.old_value for change in first.values()]
    return _parsed(value for value in values if isinstance(value, dict) and value.get("is_active"))


async def claimants(connection: AsyncConnection, mappings: Iterable[Mapping]) -> list[Mapping]:
    """Return the active mappings that share a platform id with one of these, as they are in the table."""
    return usable(await selling(connection, markets_of(mappings)))


def usable(rows: Iterable[StoredMapping]) -> list[Mapping]:
    """Return the mappings that can be used; a row of plain SQL that cannot be used claims nothing."""
    return _parsed(row._asdict() for row in rows)


def _parsed(rows: Iterable[dict[str, object]]) -> list[Mapping]:
    mappings = []
    for row in rows:
        try:
            mappings.append(parse_mapping(row))
        except MappingError:
            continue
    return mappings
