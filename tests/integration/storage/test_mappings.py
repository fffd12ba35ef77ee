"""Importing mappings and reading them for an index."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.domain.line_rule import LineRule
from worker.domain.mapping import Mapping, OutcomeLabels, parse_mapping
from worker.storage.errors import StorageRefused
from worker.storage.mappings import ImportReport, import_mappings, load_index_rows

Rows = Callable[..., Any]

OVER_UNDER = Mapping(
    canonical_id="over_under_ft",
    name="Over/Under - Full Time",
    betpawa_id="5000",
    sportybet_id="18",
    bet9ja_key="S_OU",
    priority=3,
    line_rule=LineRule("total"),
    outcomes=(
        OutcomeLabels("over", "Over", "Over", "O", 0),
        OutcomeLabels("under", "Under", "Under", "U", 1),
    ),
)
FIRST_GOAL = Mapping(
    canonical_id="first_goal",
    name="First Goal – “1st”",
    sportybet_id="8",
    line_rule=LineRule(fixed={"sportybet": {"goalnr": "1"}}),
    outcomes=(OutcomeLabels("none", None, "None"),),
)
BOTH = [OVER_UNDER, FIRST_GOAL]


async def run_import(
    engine: AsyncEngine, mappings: list[Mapping], *, dry_run: bool = False
) -> ImportReport:
    async with engine.begin() as connection:
        return await import_mappings(
            connection, mappings, actor="ann", reason="season", dry_run=dry_run
        )


async def stored(engine: AsyncEngine) -> list[Mapping]:
    async with engine.connect() as connection:
        _, rows = await load_index_rows(connection)
    return [replace(parse_mapping(row), id=None) for row in rows]


async def test_what_was_imported_is_read_back_as_it_was(engine: AsyncEngine) -> None:
    await run_import(engine, BOTH)
    assert sorted(await stored(engine), key=lambda m: m.canonical_id) == [FIRST_GOAL, OVER_UNDER]


async def test_an_import_says_what_it_added_changed_and_left(engine: AsyncEngine) -> None:
    assert await run_import(engine, [OVER_UNDER]) == ImportReport(("over_under_ft",), (), ())
    renamed = replace(OVER_UNDER, name="Total Goals")
    assert await run_import(engine, [renamed, FIRST_GOAL]) == ImportReport(
        added=("first_goal",), changed=("over_under_ft",), unchanged=()
    )
    assert await run_import(engine, [renamed, FIRST_GOAL]) == ImportReport(
        (), (), ("over_under_ft", "first_goal")
    )


CHANGES: list[dict[str, Any]] = [
    {"name": "Total"},
    {"betpawa_id": None},
    {"sportybet_id": "19"},
    {"bet9ja_key": "S_OUA"},
    {"priority": 4},
    {"line_rule": LineRule()},
    {"outcomes": OVER_UNDER.outcomes[:1]},
]


async def test_a_change_in_any_field_is_a_change(engine: AsyncEngine) -> None:
    await run_import(engine, [OVER_UNDER])
    changed = OVER_UNDER
    for change in CHANGES:
        changed = replace(changed, **change)
        assert (await run_import(engine, [changed])).changed == ("over_under_ft",), change
        assert await stored(engine) == [changed]


async def test_importing_again_takes_no_id_for_what_is_there(
    engine: AsyncEngine, rows: Rows
) -> None:
    await run_import(engine, BOTH)
    next_id = "SELECT last_value FROM user_market_mappings_id_seq"
    before = await rows(next_id)
    await run_import(engine, [replace(OVER_UNDER, name="Total Goals"), FIRST_GOAL])
    assert await rows(next_id) == before


async def test_a_dry_run_reports_the_same_and_writes_nothing(engine: AsyncEngine) -> None:
    await run_import(engine, [OVER_UNDER])
    mappings = [replace(OVER_UNDER, priority=9), FIRST_GOAL]
    foreseen = await run_import(engine, mappings, dry_run=True)
    assert await stored(engine) == [OVER_UNDER]
    assert await run_import(engine, mappings) == foreseen


async def test_an_unchanged_mapping_keeps_its_time_of_change(
    engine: AsyncEngine, rows: Rows
) -> None:
    await run_import(engine, BOTH)
    before = dict(await rows("SELECT canonical_id, updated_at FROM user_market_mappings"))
    await run_import(engine, [OVER_UNDER, replace(FIRST_GOAL, name="First")])
    after = dict(await rows("SELECT canonical_id, updated_at FROM user_market_mappings"))
    assert after["over_under_ft"] == before["over_under_ft"]
    assert after["first_goal"] > before["first_goal"]


async def test_what_an_editor_switched_off_stays_off(engine: AsyncEngine, rows: Rows) -> None:
    await run_import(engine, [OVER_UNDER])
    await rows("UPDATE user_market_mappings SET is_active = false")
    await run_import(engine, [replace(OVER_UNDER, name="Total")])
    assert await stored(engine) == []


async def test_a_mapping_that_is_not_in_the_file_stays(engine: AsyncEngine) -> None:
    await run_import(engine, [OVER_UNDER])
    await run_import(engine, [FIRST_GOAL])
    assert len(await stored(engine)) == 2


async def test_actor_and_reason_are_known_to_the_transaction_and_gone_after_it(
    engine: AsyncEngine,
) -> None:
    signature = text(
        "SELECT current_setting('marketmap.actor', true), current_setting('marketmap.reason', true)"
    )
    async with engine.connect() as connection:
        await import_mappings(connection, BOTH, actor="ann", reason="season")
        assert (await connection.execute(signature)).one() == ("ann", "season")
        await connection.commit()
        assert (await connection.execute(signature)).one() == ("", "")


async def test_the_actor_is_the_creator(engine: AsyncEngine, rows: Rows) -> None:
    await run_import(engine, [OVER_UNDER])
    assert [
        row.created_by for row in await rows("SELECT created_by FROM user_market_mappings")
    ] == ["ann"]


async def test_a_canonical_id_that_stands_twice_is_refused(engine: AsyncEngine) -> None:
    with pytest.raises(ValueError, match="twice"):
        await run_import(engine, [OVER_UNDER, OVER_UNDER])


async def test_a_mapping_that_does_not_fit_takes_the_whole_import_back(engine: AsyncEngine) -> None:
    with pytest.raises(StorageRefused):
        await run_import(engine, [OVER_UNDER, replace(FIRST_GOAL, sportybet_id="8" * 51)])
    assert await stored(engine) == []


async def test_without_any_mapping_there_still_is_a_version(
    engine: AsyncEngine, rows: Rows
) -> None:
    async with engine.connect() as connection:
        assert await load_index_rows(connection) == (0, [])
    await rows(
        "INSERT INTO mapping_audit_log (id, canonical_id, action) VALUES (41, 'gone', 'DELETE')"
    )
    async with engine.connect() as connection:
        assert await load_index_rows(connection) == (41, [])


async def test_version_and_rows_are_of_one_moment(engine: AsyncEngine) -> None:
    """One statement: no other commit can come between the version and the rows."""
    sent: list[str] = []
    event.listen(
        engine.sync_engine, "before_cursor_execute", lambda *sending: sent.append(sending[2])
    )
    async with engine.connect() as connection:
        await load_index_rows(connection)
    assert len(sent) == 1
