"""An edit reads what it needs of the history of a mapping, however long that is."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.console.conftest import SUGGESTION
from tests.support.plans import rows_of_log, said_by_all
from worker.domain.mapping import parse_mapping
from worker.operations.mappings import changing, editing
from worker.operations.mappings.editing import AppliedChange
from worker.operations.mappings.undoing import undo
from worker.operations.unmapped.triage import require_unchanged
from worker.storage.audit import last_version
from worker.storage.editing import Edit, StaleVersion
from worker.storage.editing import editing as opened_edit
from worker.storage.engine import transaction
from worker.storage.insight import evidence

pytestmark = pytest.mark.services

CHANGES = 2_000
# Of the rows of an edit itself some are read as well.
MOST = 10
MAPPING = {
    "canonical_id": "btts",
    "name": "Both Teams To Score",
    "sportybet_id": "29",
    "priority": 0,
    "outcome_mapping": [{"canonical_id": "yes", "sportybet_desc": "Yes"}],
}
LENGTHEN = """
INSERT INTO mapping_audit_log (mapping_id, canonical_id, action, old_value, new_value, created_at)
SELECT mapping_id, canonical_id, 'UPDATE', new_value, new_value, created_at
FROM mapping_audit_log CROSS JOIN generate_series(1, :changes)
"""
MappingEdit = Callable[[Edit], Awaitable[AppliedChange]]


@pytest.fixture
async def newest(engine: AsyncEngine) -> int:
    """The version of a mapping that was changed very often."""
    async with opened_edit(engine, actor="ada", reason="to begin with") as edit:
        await editing.create(edit, parse_mapping(MAPPING))
    async with transaction(engine) as connection:
        await connection.execute(text(LENGTHEN), {"changes": CHANGES})
        return await last_version(connection)


async def edited(engine: AsyncEngine, change: MappingEdit) -> AppliedChange:
    async with opened_edit(engine, actor="ada", reason="a test") as edit:
        return await change(edit)


async def test_rolling_back_reads_the_version_alone(engine: AsyncEngine, newest: int) -> None:
    with said_by_all() as said:
        done = await edited(engine, lambda edit: editing.roll_back(edit, "btts", newest - 7))
    assert done.action == "NONE"
    assert 0 < rows_of_log(said) <= MOST


async def test_a_deleted_mapping_is_restored_from_its_last_changes(
    engine: AsyncEngine, newest: int
) -> None:
    await edited(engine, lambda edit: editing.delete(edit, "btts", newest))
    with said_by_all() as said:
        done = await edited(engine, lambda edit: undo(edit, "btts", newest + 1))
    assert done.action == "CREATE"
    assert 0 < rows_of_log(said) <= MOST


async def test_undoing_reads_the_change_and_the_one_before(
    engine: AsyncEngine, newest: int
) -> None:
    with said_by_all() as said:
        await edited(engine, lambda edit: undo(edit, "btts", newest))
        with pytest.raises(StaleVersion):
            await edited(engine, lambda edit: undo(edit, "btts", newest - 7))
        with pytest.raises(editing.NoSuchStateError, match="has no version"):
            await edited(engine, lambda edit: undo(edit, "btts", newest + 1))
    assert 0 < rows_of_log(said) <= MOST


async def test_a_suggestion_is_held_against_its_own_version(
    engine: AsyncEngine, newest: int
) -> None:
    suggestion = (
        SUGGESTION.replace("$1", "'betpawa'")
        .replace("$2", "'3795'")
        .replace("CAST($3 AS smallint)", "CAST(1 AS smallint)")
        .replace("$4", ":version")
        .replace("$5", """'{"Yes": "yes"}'""")
    )
    async with transaction(engine) as connection:
        await connection.execute(text(suggestion), {"version": newest - 7})
        (found,) = await evidence.read_suggestions(connection, ("betpawa", "3795"))
        with said_by_all() as said:
            await require_unchanged(connection, found)
    assert 0 < rows_of_log(said) <= MOST


async def test_of_what_was_changed_meanwhile_the_last_changes_are_shown(
    migrated: str, newest: int
) -> None:
    def change(edit: Edit) -> Any:
        return editing.set_active(edit, "btts", newest - CHANGES, is_active=False)

    with said_by_all() as said, pytest.raises(changing.Outdated):
        await changing._edit(migrated, change, actor="ada", reason="a test", dry_run=False)
    assert rows_of_log(said) == 50
