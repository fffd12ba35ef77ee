"""The mapping table as a reader of the change topic rebuilds it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from schemas import MappingChanged, MappingState


def fold(changes: Iterable[MappingChanged]) -> dict[str, MappingState]:
    """The rows of the table by canonical id, switched off or on, after these changes.

    A change that comes again, or after a newer one of its canonical id, changes nothing: so the result is the
    same from the whole topic, from a compacted one, and from one that is read twice.
    """
    newest: dict[str, MappingChanged] = {}
    for change in changes:
        known = newest.get(change.canonical_id)
        if known is None or known.mapping_version < change.mapping_version:
            newest[change.canonical_id] = change
    return {name: change.new for name, change in newest.items() if change.new is not None}
