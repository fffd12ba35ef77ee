"""What takes a change set back: the inverse of each of its changes, from the audit log alone. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from worker.domain.mapping import parse_mapping
from worker.storage.audit import AuditRow
from worker.storage.changes.drafts import Proposal


class Inverse(NamedTuple):
    """One mapping that a change set changed: what it was ``before``, and what the change set left.

    ``before`` is None if the change set created it; ``name`` is None if the change set deleted it. ``name``
    is its canonical id after the change set, and ``version`` the last one that the change set made of it.
    """

    before: dict[str, Any] | None
    name: str | None
    version: int

    @property
    def canonical_id(self) -> str:
        """What people call it: its name as the change set left it, else the one that it had."""
        return self.name or str((self.before or {}).get("canonical_id"))


def inverse_of(changes: Sequence[AuditRow]) -> list[Inverse]:
    """Return what is to be restored, one for each mapping; ``changes`` are in order.

    A mapping is followed by the id of its row: one that was renamed is one mapping under two names. What a
    change set created and deleted again leaves nothing to restore, nor does a row whose values cannot be
    read.
    """
    by_row: dict[object, list[AuditRow]] = {}
    for change in changes:
        by_row.setdefault(_row_id(change), []).append(change)
    found = []
    for steps in by_row.values():
        before, after = _state(steps[0].old_value), _state(steps[-1].new_value)
        if before is not None or after is not None:
            name = None if after is None else str(after.get("canonical_id"))
            found.append(Inverse(before, name, steps[-1].id))
    return found


def proposal_of(one: Inverse) -> Proposal:
    """Return the change that restores it. Raises MappingError if what it was cannot be read."""
    if one.before is None:
        return Proposal(one.canonical_id, "DELETE", one.version)
    mapping, is_active = parse_mapping(one.before), bool(one.before.get("is_active"))
    if one.name is None:
        return Proposal(mapping.canonical_id, "CREATE", None, mapping, is_active)
    return Proposal(one.name, "UPDATE", one.version, mapping, is_active)


def _row_id(change: AuditRow) -> object:
    state = _state(change.new_value) or _state(change.old_value) or {}
    return state.get("id", change.canonical_id)


def _state(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None
