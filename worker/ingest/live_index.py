"""The mapping index that the worker resolves with: immutable, swapped whole between batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import structlog

from worker.domain import mapping
from worker.domain.index import MappingIndex
from worker.domain.mapping import MappingError, parse_mapping

log = structlog.get_logger()

Rows = Iterable[Mapping[str, Any]]
Read = Callable[[], Awaitable[tuple[int, Rows]]]


def build_index(version: int, rows: Rows) -> MappingIndex:
    """An index of the rows that can be used. One that cannot is reported, and costs none of the others."""
    usable: list[mapping.Mapping] = []
    for row in rows:
        try:
            usable.append(parse_mapping(row))
        except MappingError as error:
            log.warning("mapping_not_usable", canonical_id=row.get("canonical_id"), error=str(error))
    index = MappingIndex(usable, version)
    for conflict in index.conflicts():
        log.warning("mappings_conflict", **conflict._asdict())
    return index


class LiveIndex:
    """Holds the current index. ``read`` gives the version and the active rows in one snapshot."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._current: MappingIndex | None = None

    @property
    def current(self) -> MappingIndex:
        if self._current is None:
            raise RuntimeError("load the index before the first record is read")
        return self._current

    @property
    def is_loaded(self) -> bool:
        return self._current is not None

    async def load(self) -> None:
        """Read the table and swap the index. Whatever ``read`` raises leaves the current one in place."""
        version, rows = await self._read()
        self._current = build_index(version, rows)
        log.info("index_loaded", version=version, mappings=self._current.size)
