"""The mapping index that a worker resolves with: immutable, swapped whole between batches.

Theory of operation. An index never changes after it is built. `LiveIndex` holds a reference to the index in
use, and swapping is the assignment of another index to it. A batch reads `current` once, at its start, and
keeps that object: so all records of a batch are resolved with one version, and no lock is needed although
planning runs in another thread.

There are two ways to a new index. `replace` builds one from all rows. `apply` makes a revised index from the
current one: it shares everything that the changed rows do not touch, and so takes little time. Both run in a
thread, because a mapping may be as large as its bounds allow, and the event loop must go on. They must be
called with changes in commit order, one after the other: the one caller is `following`.

A row that cannot be used costs none of the others. It is left out, reported, and kept in `unusable` until a
change of the same canonical id replaces it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

import structlog

from worker.domain import mapping
from worker.domain.index import MappingIndex
from worker.domain.mapping import MappingError, parse_mapping

log = structlog.get_logger()

# Copies of a mapping conflict in each label, and each with all others: that would fill the log.
_MOST_TOLD: Final = 20

MappingRow = Mapping[str, Any]
MappingRows = Iterable[MappingRow]
MappingsById = dict[str, mapping.Mapping]


class RowChange(NamedTuple):
    """What a canonical id means from now on: the row of an active mapping, or nothing."""

    canonical_id: str
    row: MappingRow | None


class Parsed(NamedTuple):
    """Active rows by canonical id: those that can be used, and those that cannot with the reason."""

    usable: MappingsById
    unusable: dict[str, str]


def parse_rows(rows: MappingRows) -> Parsed:
    """Parse every row; a row that cannot be used costs none of the others."""
    parsed = Parsed({}, {})
    for row in rows:
        canonical_id = str(row.get("canonical_id"))
        try:
            parsed.usable[canonical_id] = parse_mapping(row)
        except MappingError as error:
            parsed.unusable[canonical_id] = str(error)
    return parsed


def build_index(version: int, rows: MappingRows) -> MappingIndex:
    """Build an index of the rows that can be used; log what is wrong with the others."""
    parsed = parse_rows(rows)
    index = MappingIndex(parsed.usable.values(), version)
    _report(parsed, index, None)
    return index


class LiveIndex:
    """Holds the current index. A batch takes ``current`` once, and so sees one version."""

    def __init__(self) -> None:
        self._current: MappingIndex | None = None
        self._usable: MappingsById = {}
        self._unusable: dict[str, str] = {}

    @property
    def current(self) -> MappingIndex:
        if self._current is None:
            raise RuntimeError("load the index before the first record is read")
        return self._current

    @property
    def is_loaded(self) -> bool:
        return self._current is not None

    @property
    def mappings(self) -> MappingsById:
        """The mappings in the index, by canonical id."""
        return dict(self._usable)

    @property
    def unusable(self) -> dict[str, str]:
        """Active rows that are not in the index, by canonical id, and what is wrong with them."""
        return dict(self._unusable)

    async def replace(self, version: int, rows: MappingRows) -> None:
        """Swap in an index of these rows. It is built in a thread, so the event loop keeps running."""

        def build() -> tuple[Parsed, MappingIndex]:
            parsed = parse_rows(rows)
            index = MappingIndex(parsed.usable.values(), version)
            _report(parsed, index, None)
            return parsed, index

        (self._usable, self._unusable), self._current = await asyncio.to_thread(build)

    async def apply(self, version: int, changes: Iterable[RowChange]) -> None:
        """Swap in an index with these changes made: of each canonical id the newest. The rest is shared."""
        newest = {change.canonical_id: change.row for change in changes}
        replaced = [self._usable[name] for name in newest if name in self._usable]
        current = self.current

        def revise() -> tuple[Parsed, MappingIndex]:
            parsed = parse_rows(row for row in newest.values() if row is not None)
            index = current.revised(replaced, parsed.usable.values(), version)
            _report(parsed, index, parsed.usable.values())
            return parsed, index

        parsed, index = await asyncio.to_thread(revise)
        for before in replaced:
            del self._usable[before.canonical_id]
        self._usable |= parsed.usable
        still_unusable = {
            name: reason for name, reason in self._unusable.items() if name not in newest
        }
        self._unusable = still_unusable | parsed.unusable
        self._current = index


def _report(parsed: Parsed, index: MappingIndex, among: Iterable[mapping.Mapping] | None) -> None:
    for canonical_id, reason in parsed.unusable.items():
        log.warning("mapping_not_usable", canonical_id=canonical_id, error=reason)
    conflicts = list(islice(index.conflicts(among), _MOST_TOLD + 1))
    for conflict in conflicts[:_MOST_TOLD]:
        log.warning("mappings_conflict", **conflict._asdict())
    if len(conflicts) > _MOST_TOLD:
        log.warning("more_mappings_conflict", told=_MOST_TOLD)
