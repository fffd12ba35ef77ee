"""Editors change mappings in turn, and never over a change that they have not seen."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.domain.line_rule import LineRule
from worker.domain.mapping import Mapping, OutcomeLabels, parse_mapping
from worker.storage import audit
from worker.storage.audit import AuditRow
from worker.storage.editing import DuplicateCanonicalId, StaleVersion, UnknownMapping, editing
from worker.storage.errors import StorageRefused
from worker.storage.mappings import StoredMapping, get, list_mappings, load_index_rows

Rows = Callable[..., Any]

OVER_UNDER = Mapping(
    canonical_id="over_under_ft",
    name="Over/Under – Full Time",
    betpawa_id="5000",
    bet9ja_key="S_OU",
    priority=3,
    line_rule=LineRule("total"),
    outcomes=(
        OutcomeLabels("over", "Over", None, "O", 0),
        OutcomeLabels("under", "Under", None, "U", 1),
    ),
)
FIRST_GOAL = Mapping(
    "first_goal", "First Goal", (OutcomeLabels("none", None, "None"),), sportybet_id="8"
)


async def create(engine: AsyncEngine, *mappings: Mapping) -> list[StoredMapping]:
    async with editing(engine, actor="ann", reason="new") as edit:
        return [await edit.create(mapping) for mapping in mappings]


async def history(engine: AsyncEngine, canonical_id: str = "over_under_ft") -> Sequence[AuditRow]:
    async with engine.connect() as connection:
        return await audit.last_changes(connection, canonical_id, 100)


async def test_what_was_created_is_read_back_as_it_was(engine: AsyncEngine) -> None:
    (created,) = await create(engine, OVER_UNDER)
    async with engine.connect() as connection:
        assert await get(connection, "over_under_ft") == created
        assert await get(connection, "nobody") is None
    assert replace(parse_mapping(created._asdict()), id=None) == OVER_UNDER
    assert (created.is_active, created.created_by, created.version) == (True, "ann", 1)


async def test_each_change_is_signed_and_makes_the_next_version(engine: AsyncEngine) -> None:
    (row,) = await create(engine, OVER_UNDER)
    async with editing(engine, actor="bob", reason="renamed") as edit:
        row = await edit.update(row.canonical_id, replace(OVER_UNDER, name="Total"), row.version)
    async with editing(engine, actor="cyd", reason="wrong") as edit:
        row = await edit.set_active(row.canonical_id, row.version, is_active=False)
    async with editing(engine, actor="dan", reason="unused") as edit:
        assert await edit.delete(row.canonical_id, row.version) == row
    assert [
        (change.action, change.created_by, change.reason) for change in await history(engine)
    ] == [
        ("CREATE", "ann", "new"),
        ("UPDATE", "bob", "renamed"),
        ("DEACTIVATE", "cyd", "wrong"),
        ("DELETE", "dan", "unused"),
    ]


async def test_an_update_can_switch_a_mapping_in_the_same_change(engine: AsyncEngine) -> None:
    (row,) = await create(engine, OVER_UNDER)
    async with editing(engine, actor="bob", reason="draft") as edit:
        row = await edit.update(row.canonical_id, FIRST_GOAL, row.version, is_active=False)
    assert (row.canonical_id, row.is_active, row.betpawa_id) == ("first_goal", False, None)
    assert [change.action for change in await history(engine)] == ["CREATE", "DELETE"]


async def test_a_change_that_changes_nothing_leaves_the_version(engine: AsyncEngine) -> None:
    (row,) = await create(engine, OVER_UNDER)
    async with editing(engine, actor="bob", reason="again") as edit:
        assert await edit.update(row.canonical_id, OVER_UNDER, row.version) == row
        assert await edit.set_active(row.canonical_id, row.version, is_active=True) == row


async def test_who_changes_an_outdated_version_is_told_the_current_one(engine: AsyncEngine) -> None:
    (row,) = await create(engine, OVER_UNDER)
    async with editing(engine, actor="bob", reason="renamed") as edit:
        current = await edit.update(
            row.canonical_id, replace(OVER_UNDER, name="Total"), row.version
        )
    for change in (
        lambda edit: edit.update(row.canonical_id, OVER_UNDER, row.version),
        lambda edit: edit.set_active(row.canonical_id, row.version, is_active=False),
        lambda edit: edit.delete(row.canonical_id, row.version),
    ):
        with pytest.raises(
            StaleVersion, match="is at version 2 now, you changed version 1"
        ) as stale:
            await attempt(engine, change)
        assert stale.value.current == current
    assert len(await history(engine)) == 2


async def attempt(engine: AsyncEngine, change: Callable[..., Any]) -> None:
    async with editing(engine, actor="cyd", reason="late") as edit:
        await change(edit)


async def test_of_editors_at_the_same_time_on_one_version_one_wins(engine: AsyncEngine) -> None:
    (row,) = await create(engine, OVER_UNDER)
    outcomes = await asyncio.gather(
        *(
            attempt(
                engine,
                lambda edit, n=n: edit.update(row.canonical_id, replace(OVER_UNDER, priority=n), 1),
            )
            for n in (10, 11, 12, 13)
        ),
        return_exceptions=True,
    )
    assert (
        sorted(type(outcome).__name__ for outcome in outcomes)
        == ["NoneType"] + ["StaleVersion"] * 3
    )
    assert len(await history(engine)) == 2


async def test_what_an_editor_read_stays_until_they_have_written(
    engine: AsyncEngine, rows: Rows
) -> None:
    """Two editors who each check for a rival first never both get in."""

    async def add_unless_claimed(canonical_id: str) -> None:
        async with editing(engine, actor="ann", reason="new") as edit:
            if not await list_mappings(edit.connection, platform="sportybet", market_id="8"):
                await edit.create(replace(FIRST_GOAL, canonical_id=canonical_id))

    await asyncio.gather(*(add_unless_claimed(f"m{number}") for number in range(6)))
    assert len(await rows("SELECT * FROM user_market_mappings")) == 1


async def test_a_canonical_id_that_is_taken_is_refused(engine: AsyncEngine) -> None:
    row, _ = await create(engine, OVER_UNDER, FIRST_GOAL)
    with pytest.raises(DuplicateCanonicalId, match="first_goal"):
        await create(engine, FIRST_GOAL)
    with pytest.raises(DuplicateCanonicalId, match="first_goal"):
        await attempt(engine, lambda edit: edit.update(row.canonical_id, FIRST_GOAL, row.version))


async def test_a_mapping_that_is_not_there_is_named(engine: AsyncEngine) -> None:
    with pytest.raises(UnknownMapping, match="nobody"):
        await attempt(engine, lambda edit: edit.delete("nobody", 1))


async def test_what_goes_wrong_later_takes_all_of_it_back(engine: AsyncEngine, rows: Rows) -> None:
    with pytest.raises(StorageRefused):
        await create(engine, OVER_UNDER, replace(FIRST_GOAL, sportybet_id="8" * 51))
    assert await rows("SELECT * FROM user_market_mappings") == []
    assert await rows("SELECT * FROM mapping_audit_log") == []


async def test_a_dry_run_shows_the_row_and_writes_nothing(engine: AsyncEngine) -> None:
    async with editing(engine, actor="ann", reason="try", dry_run=True) as edit:
        assert (await edit.create(OVER_UNDER)).name == OVER_UNDER.name
        assert len((await load_index_rows(edit.connection))[1]) == 1
    assert await history(engine) == []


@pytest.mark.parametrize(
    ("actor", "reason"), [("", "r"), (" ", "r"), ("a" * 101, "r"), ("ann", " ")]
)
async def test_a_change_is_signed(engine: AsyncEngine, actor: str, reason: str) -> None:
    with pytest.raises(ValueError, match="signed with an actor"):
        async with editing(engine, actor=actor, reason=reason):
            pass


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["first_goal", "over_under_ft"]),
        ({"limit": 1}, ["first_goal"]),
        ({"is_active": True}, ["over_under_ft"]),
        ({"is_active": False}, ["first_goal"]),
        ({"platform": "sportybet"}, ["first_goal"]),
        ({"platform": "bet9ja"}, ["over_under_ft"]),
        ({"lacks": ["sportybet"]}, ["over_under_ft"]),
        ({"lacks": ["betpawa", "bet9ja"]}, ["first_goal"]),
        ({"lacks": ["betpawa", "sportybet"]}, []),
        ({"lacks": ["sportybet"], "platform": "bet9ja"}, ["over_under_ft"]),
        ({"lacks": ["elsewhere"]}, ["first_goal", "over_under_ft"]),
        ({"market_id": "5000"}, ["over_under_ft"]),
        ({"platform": "betpawa", "market_id": "5000"}, ["over_under_ft"]),
        ({"platform": "sportybet", "market_id": "5000"}, []),
        ({"platform": "elsewhere"}, []),
        ({"platform": "elsewhere", "market_id": "5000", "is_active": True}, []),
        ({"containing": "UNDER"}, ["over_under_ft"]),
        ({"containing": "goal", "is_active": False}, ["first_goal"]),
        ({"containing": "%"}, []),
    ],
)
async def test_mappings_are_listed_by_what_they_are(
    engine: AsyncEngine, filters: dict[str, Any], expected: list[str]
) -> None:
    await create(engine, OVER_UNDER, FIRST_GOAL)
    await attempt(engine, lambda edit: edit.set_active("first_goal", 2, is_active=False))
    async with engine.connect() as connection:
        found = await list_mappings(connection, **filters)
    assert [mapping.canonical_id for mapping in found] == expected
    assert {mapping.canonical_id: mapping.version for mapping in found}.items() <= {
        ("first_goal", 3),
        ("over_under_ft", 1),
    }
