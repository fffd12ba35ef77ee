"""Taking back the last change of a mapping, by a change that is audited as every other."""

from __future__ import annotations

from worker.operations.mappings import editing
from worker.operations.mappings.editing import AppliedChange, NoSuchStateError
from worker.storage.audit import change_until
from worker.storage.editing import Deleted, Edit, StaleVersion
from worker.storage.mappings import get


async def undo(edit: Edit, canonical_id: str, version: int) -> AppliedChange:
    """Restore a mapping as it was before ``version``, which must be its last change.

    A mapping that was created by it is deleted; one that was deleted by it is created again. Raises
    NoSuchStateError for a version that there is not, StaleVersion if the mapping was changed after it, and as
    ``editing.roll_back`` and ``editing.delete``.
    """
    change = await change_until(edit.connection, canonical_id, version)
    if change is None or change.id != version:
        raise NoSuchStateError(f"{canonical_id} has no version {version}")
    last = await change_until(edit.connection, canonical_id) or change
    if last.id != version:
        row = await get(edit.connection, canonical_id)
        raise StaleVersion(version, row or Deleted(canonical_id, last.id))
    if change.old_value is None:
        return await editing.delete(edit, canonical_id, version)
    return await editing.roll_back(edit, canonical_id, version - 1, version)
