"""Drafts that are approved: all of them or none, signed by author and approver, through the one operation."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.domain.mapping import Mapping, OutcomeLabels
from worker.operations.changes.applying import (
    Approval,
    ChangesRefused,
    WrongState,
    approve,
    send_back,
)
from worker.operations.changes.reverting import NotReverted, revert
from worker.operations.drafts.drafting import (
    NothingToChangeError,
    deleted_mapping,
    new_mapping,
    propose,
    revised_mapping,
    save_drafts,
    switched_mapping,
    withdraw,
)
from worker.storage import audit, misses
from worker.storage.changes import drafts, sets
from worker.storage.changes.drafts import Proposal
from worker.storage.editing import Edit, StaleVersion, editing
from worker.storage.engine import transaction
from worker.storage.errors import StorageRefused
from worker.storage.mappings import get, load_index_rows

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BTTS = Mapping(
    "btts_ft",
    "Both Teams To Score",
    (OutcomeLabels("yes", None, "Yes"), OutcomeLabels("no", None, "No")),
    sportybet_id="29",
)
ODD_EVEN = Mapping(
    "odd_even_ft",
    "Odd/Even",
    (OutcomeLabels("odd", None, "Odd"), OutcomeLabels("even", None, "Even")),
    sportybet_id="26",
)


async def create(engine: AsyncEngine, *mappings: Mapping) -> None:
    async with editing(engine, actor="eve", reason="new") as edit:
        for mapping in mappings:
            await edit.create(mapping)


async def draft(
    engine: AsyncEngine, *proposals: Proposal, actor: str = "ann", proposed: bool = True
) -> int:
    async with transaction(engine) as connection:
        number, _ = await save_drafts(connection, proposals, actor=actor, reason="sold again")
        if proposed:
            await propose(connection, number, actor=actor)
        return number


async def revised(engine: AsyncEngine, mapping: Mapping, **changes: Any) -> Proposal:
    async with transaction(engine) as connection:
        return await revised_mapping(
            connection, mapping.canonical_id, lambda _: replace(mapping, **changes)
        )


async def fresh(engine: AsyncEngine, mapping: Mapping, **options: Any) -> Proposal:
    async with transaction(engine) as connection:
        return await new_mapping(connection, mapping, **options)


async def name_of(engine: AsyncEngine, canonical_id: str) -> str | None:
    async with transaction(engine) as connection:
        row = await get(connection, canonical_id)
        return None if row is None else row.name


async def state_of(engine: AsyncEngine, number: int) -> str:
    async with transaction(engine) as connection:
        return (await sets.get_change_set(connection, number)).state


async def changes_of(engine: AsyncEngine, number: int) -> Sequence[audit.AuditRow]:
    async with transaction(engine) as connection:
        return await sets.versions_of(connection, number)


async def miss(engine: AsyncEngine, source: str, market_id: str, *labels: str) -> None:
    samples = json.dumps([{"label": label, "odds": 2.0, "qualifier": None} for label in labels])
    async with transaction(engine) as connection:
        await connection.execute(
            text("""
            INSERT INTO unmapped_market_log (source, external_market_id, sample_outcomes, first_seen_at,
                last_seen_at, reason, mapping_version)
            VALUES (:source, :market_id, CAST(:samples AS jsonb), :noon, :noon, 'UNKNOWN_MARKET', 0)
            """),
            {"source": source, "market_id": market_id, "samples": samples, "noon": NOON},
        )


async def status_of(engine: AsyncEngine, key: misses.QueueKey) -> str:
    async with transaction(engine) as connection:
        return (await misses.get_miss(connection, key)).status


async def test_a_draft_is_invisible_until_it_is_approved(engine: AsyncEngine) -> None:
    number = await draft(engine, await fresh(engine, BTTS))
    async with transaction(engine) as connection:
        assert await load_index_rows(connection) == (0, [])
        assert await audit.last_version(connection) == 0
    await approve(engine, number, actor="bob")
    async with transaction(engine) as connection:
        version, rows = await load_index_rows(connection)
    assert (version, [row["canonical_id"] for row in rows]) == (1, ["btts_ft"])


async def test_the_audit_names_author_approver_and_change_set(engine: AsyncEngine) -> None:
    number = await draft(engine, await fresh(engine, BTTS))
    await approve(engine, number, actor="bob", comment="as on the site")
    (change,) = await changes_of(engine, number)
    assert (change.created_by, change.approved_by, change.reason) == ("ann", "bob", "sold again")
    assert change.change_set_id == number
    async with transaction(engine) as connection:
        found = await sets.get_change_set(connection, number)
        (comment,) = await sets.read_comments(connection, number)
    assert (found.state, found.decided_by, found.versions, found.last_version) == (
        *("APPROVED", "bob", 1),
        change.id,
    )
    assert (comment.actor, comment.comment) == ("bob", "as on the site")


async def test_the_audit_names_who_wrote_each_draft(engine: AsyncEngine) -> None:
    number = await draft(engine, await fresh(engine, BTTS), proposed=False)
    proposal = await fresh(engine, ODD_EVEN)
    async with transaction(engine) as connection:
        await drafts.add_draft(connection, number, proposal, actor="dora", reason="more")
        await propose(connection, number, actor="ann")
    await approve(engine, number, actor="bob")
    changes = await changes_of(engine, number)
    assert [(one.canonical_id, one.created_by, one.reason) for one in changes] == [
        ("btts_ft", "ann", "sold again"),
        ("odd_even_ft", "dora", "sold again"),
    ]
    assert [(one.new_value or {})["created_by"] for one in changes] == ["ann", "dora"]


async def test_all_actions_are_applied_in_one_transaction(engine: AsyncEngine) -> None:
    third = replace(BTTS, canonical_id="btts_1h", sportybet_id="75")
    fourth = replace(BTTS, canonical_id="btts_2h", sportybet_id="95")
    await create(engine, BTTS, ODD_EVEN, third)
    async with transaction(engine) as connection:
        proposals = [
            await new_mapping(connection, fourth),
            await revised_mapping(connection, "btts_ft", lambda _: replace(BTTS, name="GG/NG")),
            await switched_mapping(connection, "odd_even_ft", is_active=False),
            await deleted_mapping(connection, "btts_1h"),
        ]
    number = await draft(engine, *proposals)
    approval = await approve(engine, number, actor="bob")
    assert sorted(one.action for one in approval.applied.changes) == [
        *("CREATE", "DEACTIVATE", "DELETE", "UPDATE"),
    ]
    async with transaction(engine) as connection:
        _, rows = await load_index_rows(connection)
    assert [row["canonical_id"] for row in rows] == ["btts_ft", "btts_2h"]


async def test_two_mappings_exchange_a_market_in_one_change_set(engine: AsyncEngine) -> None:
    await create(engine, BTTS, ODD_EVEN)
    number = await draft(
        engine,
        await revised(engine, BTTS, sportybet_id="26"),
        await revised(engine, ODD_EVEN, sportybet_id="29"),
    )
    await approve(engine, number, actor="bob")
    async with transaction(engine) as connection:
        row = await get(connection, "btts_ft")
    assert row is not None
    assert row.sportybet_id == "26"


async def test_what_is_out_of_date_is_named_and_nothing_is_applied(engine: AsyncEngine) -> None:
    await create(engine, BTTS, ODD_EVEN)
    number = await draft(
        engine,
        await revised(engine, BTTS, name="GG/NG"),
        await revised(engine, ODD_EVEN, name="Parity"),
        await fresh(engine, replace(BTTS, canonical_id="btts_1h", sportybet_id="75")),
    )
    async with editing(engine, actor="eve", reason="quick") as edit:
        row = await edit.get("odd_even_ft")
        await edit.update("odd_even_ft", replace(ODD_EVEN, name="Odd or even"), row.version)
        await edit.create(replace(BTTS, canonical_id="btts_1h", sportybet_id="75"))
    with pytest.raises(ChangesRefused) as refused:
        await approve(engine, number, actor="bob")
    assert [(one.canonical_id, one.kind) for one in refused.value.refusals] == [
        ("odd_even_ft", "STALE"),
        ("btts_1h", "EXISTS"),
    ]
    assert await name_of(engine, "btts_ft") == "Both Teams To Score"
    assert await state_of(engine, number) == "PROPOSED"


async def test_a_conflict_is_named_and_nothing_is_applied(engine: AsyncEngine) -> None:
    await create(engine, BTTS)
    rival = replace(BTTS, canonical_id="both_score_ft")
    number = await draft(engine, await fresh(engine, ODD_EVEN), await fresh(engine, rival))
    with pytest.raises(ChangesRefused) as refused:
        await approve(engine, number, actor="bob")
    assert {one.kind for one in refused.value.refusals} == {"CONFLICT"}
    assert "btts_ft" in str(refused.value)
    assert await name_of(engine, "odd_even_ft") is None


async def test_misses_that_it_is_made_for_become_mapped(engine: AsyncEngine) -> None:
    await miss(engine, "sportybet", "29", "Yes", "No")
    key = ("sportybet", "29")
    number = await draft(engine, await fresh(engine, BTTS, misses=[key]))
    assert await status_of(engine, key) == "NEW"
    approval = await approve(engine, number, actor="bob")
    assert approval.applied.covered == [key]
    assert await status_of(engine, key) == "MAPPED"


async def test_a_change_that_does_not_cover_its_miss_is_refused(engine: AsyncEngine) -> None:
    await miss(engine, "sportybet", "29", "Over", "Under")
    number = await draft(engine, await fresh(engine, BTTS, misses=[("sportybet", "29")]))
    with pytest.raises(ChangesRefused, match="knows none of the labels"):
        await approve(engine, number, actor="bob")
    assert await name_of(engine, "btts_ft") is None


async def test_a_dry_run_changes_nothing(engine: AsyncEngine) -> None:
    number = await draft(engine, await fresh(engine, BTTS))
    approval = await approve(engine, number, actor="bob", dry_run=True)
    assert [one.action for one in approval.applied.changes] == ["CREATE"]
    assert await name_of(engine, "btts_ft") is None
    assert await state_of(engine, number) == "PROPOSED"


async def test_of_two_reviewers_one_approves_and_the_other_is_told(engine: AsyncEngine) -> None:
    number = await draft(engine, await fresh(engine, BTTS))
    results = await asyncio.gather(
        approve(engine, number, actor="bob"),
        approve(engine, number, actor="cleo"),
        return_exceptions=True,
    )
    assert {type(one) for one in results} == {Approval, WrongState}
    (told,) = [one for one in results if isinstance(one, WrongState)]
    assert "is APPROVED by" in str(told)
    assert len(await changes_of(engine, number)) == 1


async def test_of_an_approval_and_a_direct_edit_one_wins(engine: AsyncEngine) -> None:
    await create(engine, BTTS)
    number = await draft(engine, await revised(engine, BTTS, name="GG/NG"))

    async def edit_directly() -> None:
        async with editing(engine, actor="eve", reason="quick") as edit:
            await edit.update("btts_ft", replace(BTTS, name="Both"), 1)

    results = await asyncio.gather(
        approve(engine, number, actor="bob"), edit_directly(), return_exceptions=True
    )
    failed = [one for one in results if isinstance(one, BaseException)]
    assert len(failed) == 1
    assert isinstance(failed[0], ChangesRefused | StaleVersion)
    expected = "Both" if isinstance(failed[0], ChangesRefused) else "GG/NG"
    assert await name_of(engine, "btts_ft") == expected


async def test_of_two_change_sets_for_one_mapping_the_second_is_stale(engine: AsyncEngine) -> None:
    await create(engine, BTTS)
    first = await draft(engine, await revised(engine, BTTS, name="GG"))
    second = await draft(engine, await revised(engine, BTTS, name="NG"))
    await approve(engine, first, actor="bob")
    with pytest.raises(ChangesRefused, match="at version 2 now"):
        await approve(engine, second, actor="bob")


async def test_what_was_proposed_again_since_is_not_approved(engine: AsyncEngine) -> None:
    number = await draft(engine, await fresh(engine, BTTS))
    async with transaction(engine) as connection:
        await withdraw(connection, number, actor="ann", reason="one more")
        await propose(connection, number, actor="ann")
    with pytest.raises(WrongState, match="proposed again"):
        await approve(engine, number, actor="bob", expected_revision=1)
    await approve(engine, number, actor="bob", expected_revision=2)


async def test_a_change_set_that_was_sent_back_can_be_proposed_again(engine: AsyncEngine) -> None:
    number = await draft(engine, await fresh(engine, BTTS))
    returned = await send_back(engine, number, actor="bob", comment="the labels are swapped")
    assert (returned.state, returned.decided_by) == ("SENT_BACK", "bob")
    with pytest.raises(WrongState):
        await approve(engine, number, actor="bob")
    async with transaction(engine) as connection:
        (kept,) = await drafts.drafts_of(connection, number)
        changed = Proposal("btts_ft", "CREATE", None, replace(BTTS, name="GG"), True)
        await drafts.replace_draft(connection, kept.id, changed, actor="ann", reason="swapped")
        await propose(connection, number, actor="ann")
    await approve(engine, number, actor="bob")
    assert await name_of(engine, "btts_ft") == "GG"


async def test_drafts_of_a_proposed_change_set_cannot_be_changed(engine: AsyncEngine) -> None:
    number = await draft(engine, await fresh(engine, BTTS))
    more = await fresh(engine, ODD_EVEN)
    async with transaction(engine) as connection:
        (kept,) = await drafts.drafts_of(connection, number)
    for attempt in (
        lambda connection: drafts.remove_draft(connection, kept.id, actor="ann", reason="r"),
        lambda connection: drafts.replace_draft(connection, kept.id, more, actor="ann", reason="r"),
        lambda connection: drafts.add_draft(connection, number, more, actor="ann", reason="r"),
    ):
        with pytest.raises(StorageRefused, match="is PROPOSED"):
            async with transaction(engine) as connection:
                await attempt(connection)


@pytest.mark.parametrize("state", ["APPROVED", "REVERTED", "SENT_BACK"])
async def test_an_illegal_step_is_refused_by_the_database(engine: AsyncEngine, state: Any) -> None:
    number = await draft(engine, await fresh(engine, BTTS), proposed=False)
    with pytest.raises(StorageRefused, match=f"is DRAFT and cannot become {state}"):
        async with transaction(engine) as connection:
            await sets.move_change_set(connection, number, state, actor="ann")


async def test_no_later_step_changes_what_was_approved_and_why(engine: AsyncEngine) -> None:
    number = await draft(engine, await fresh(engine, BTTS))
    await approve(engine, number, actor="bob", forced="as on the site")
    await revert(engine, number, actor="cleo", reason="not sold")
    async with transaction(engine) as connection:
        found = await sets.get_change_set(connection, number)
    assert (found.state, found.forced) == ("REVERTED", "as on the site")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE change_set SET state = 'APPROVED', name = 'another'",
        "UPDATE change_set SET state = 'APPROVED', reason = 'another'",
    ],
)
async def test_a_step_changes_neither_name_nor_reason(engine: AsyncEngine, statement: str) -> None:
    number = await draft(engine, await fresh(engine, BTTS))
    with pytest.raises(DBAPIError, match="keeps its name and its reason while it becomes APPROVED"):
        async with transaction(engine) as connection:
            await connection.execute(text(statement))
    assert await state_of(engine, number) == "PROPOSED"


async def test_why_prices_are_overruled_is_said_with_the_approval(engine: AsyncEngine) -> None:
    number = await draft(engine, await fresh(engine, BTTS), proposed=False)
    async with transaction(engine) as connection:
        await connection.execute(text("UPDATE change_set SET forced = 'beforehand'"))
        found = await sets.get_change_set(connection, number)
    assert found.forced is None


async def test_an_empty_change_set_is_not_proposed(engine: AsyncEngine) -> None:
    number = await draft(engine, proposed=False)
    with pytest.raises(StorageRefused, match="holds no drafts"):
        async with transaction(engine) as connection:
            await propose(connection, number, actor="ann")


async def test_a_change_that_the_change_set_does_not_hold_is_refused(engine: AsyncEngine) -> None:
    await create(engine, ODD_EVEN)
    number = await draft(engine, await fresh(engine, BTTS))

    async def delete_another(edit: Edit) -> None:
        await edit.delete("odd_even_ft", 1)

    async def create_otherwise(edit: Edit) -> None:
        await edit.create(replace(BTTS, outcomes=BTTS.outcomes[::-1]))

    async def smuggle(change: Callable[[Edit], Awaitable[None]]) -> None:
        async with editing(engine, actor="bob", reason="r") as edit:
            await sets.move_change_set(edit.connection, number, "APPROVED", actor="bob")
            await change(edit)

    with pytest.raises(StorageRefused, match="does not hold this change of odd_even_ft"):
        await smuggle(delete_another)
    with pytest.raises(StorageRefused, match="does not hold this change of btts_ft"):
        await smuggle(create_otherwise)


async def test_a_direct_change_is_a_change_set_of_its_own(engine: AsyncEngine) -> None:
    await create(engine, BTTS, ODD_EVEN)
    async with transaction(engine) as connection:
        (found,) = await sets.list_change_sets(connection)
    assert (found.is_direct, found.state, found.versions, found.actor, found.reason) == (
        *(True, "APPROVED", 2, "eve", "new"),
    )
    assert [one.canonical_id for one in await changes_of(engine, found.id)] == [
        "btts_ft",
        "odd_even_ft",
    ]


async def test_a_change_by_plain_sql_is_a_change_set_too(
    engine: AsyncEngine,
) -> None:
    await create(engine, BTTS)
    async with transaction(engine) as connection:
        await connection.execute(text("UPDATE user_market_mappings SET name = 'GG'"))
    async with transaction(engine) as connection:
        newest = (await sets.list_change_sets(connection))[0]
    assert (newest.is_direct, newest.canonical_id, newest.reason) == (True, "btts_ft", None)


async def test_the_revert_of_a_change_set_is_one_change_set(engine: AsyncEngine) -> None:
    await create(engine, BTTS, ODD_EVEN)
    await miss(engine, "sportybet", "75", "Yes", "No")
    third = replace(BTTS, canonical_id="btts_1h", sportybet_id="75")
    number = await draft(
        engine,
        await revised(engine, BTTS, name="GG/NG", canonical_id="gg_ft"),
        await fresh(engine, third),
        Proposal("odd_even_ft", "DELETE", 2),
    )
    await approve(engine, number, actor="bob")
    assert await status_of(engine, ("sportybet", "75")) == "MAPPED"
    done = await revert(engine, number, actor="cleo", reason="not sold")
    assert done.approval is not None
    assert (await name_of(engine, "btts_ft"), await name_of(engine, "gg_ft")) == (BTTS.name, None)
    assert (await name_of(engine, "odd_even_ft"), await name_of(engine, "btts_1h")) == (
        *("Odd/Even", None),
    )
    assert await status_of(engine, ("sportybet", "75")) == "NEW"
    assert await state_of(engine, number) == "REVERTED"
    assert done.change_set.reverts == number
    with pytest.raises(NotReverted, match="is REVERTED by change set"):
        await revert(engine, number, actor="cleo", reason="again")


async def test_a_revert_that_is_tried_says_what_it_would_do_and_does_nothing(
    engine: AsyncEngine,
) -> None:
    await miss(engine, "sportybet", "29", "Yes", "No")
    number = await draft(engine, await fresh(engine, BTTS))
    await approve(engine, number, actor="bob")
    tried = await revert(engine, number, actor="bob", reason="oops", dry_run=True)
    assert tried.approval is not None
    assert [one.action for one in tried.approval.applied.changes] == ["DELETE"]
    assert tried.approval.applied.reopened == [("sportybet", "29")]
    assert await name_of(engine, "btts_ft") == BTTS.name
    assert await status_of(engine, ("sportybet", "29")) == "MAPPED"
    assert await state_of(engine, number) == "APPROVED"
    async with transaction(engine) as connection:
        assert await sets.count_change_sets(connection) == 1


async def test_a_revert_that_would_be_in_conflict_is_refused_when_it_is_tried(
    engine: AsyncEngine,
) -> None:
    await create(engine, BTTS)
    number = await draft(engine, Proposal("btts_ft", "DELETE", 1))
    await approve(engine, number, actor="bob")
    await create(engine, replace(BTTS, canonical_id="gg_ft"))
    for is_dry in (True, False):
        with pytest.raises(ChangesRefused) as refused:
            await revert(engine, number, actor="bob", reason="oops", dry_run=is_dry)
        assert {one.kind for one in refused.value.refusals} == {"CONFLICT"}


async def test_a_revert_can_be_reverted(engine: AsyncEngine) -> None:
    number = await draft(engine, await fresh(engine, BTTS))
    await approve(engine, number, actor="bob")
    undone = await revert(engine, number, actor="bob", reason="oops")
    await revert(engine, undone.change_set.id, actor="bob", reason="it was right")
    assert await name_of(engine, "btts_ft") == BTTS.name


async def test_a_revert_names_what_was_changed_since_and_takes_back_the_rest_on_demand(
    engine: AsyncEngine,
) -> None:
    number = await draft(engine, await fresh(engine, BTTS), await fresh(engine, ODD_EVEN))
    await approve(engine, number, actor="bob")
    async with editing(engine, actor="eve", reason="quick") as edit:
        await edit.update("btts_ft", replace(BTTS, name="GG"), 1)
    with pytest.raises(ChangesRefused, match="btts_ft was changed since"):
        await revert(engine, number, actor="bob", reason="oops")
    done = await revert(engine, number, actor="bob", reason="oops", rest=True)
    assert [one.canonical_id for one in done.left] == ["btts_ft"]
    assert (await name_of(engine, "btts_ft"), await name_of(engine, "odd_even_ft")) == ("GG", None)
    assert await state_of(engine, number) == "APPROVED"


@pytest.mark.parametrize("other", ["another mapping", "another change of it"])
async def test_a_change_set_is_reverted_by_one_that_restores_what_it_changed(
    engine: AsyncEngine, other: str
) -> None:
    await create(engine, BTTS, ODD_EVEN)
    number = await draft(engine, await revised(engine, BTTS, name="GG/NG"))
    await approve(engine, number, actor="bob")
    if other == "another mapping":
        proposal = await revised(engine, ODD_EVEN, name="Parity")
    else:
        proposal = await revised(engine, BTTS, name="Both")
    async with transaction(engine) as connection:
        claimed = await sets.create_change_set(
            connection, "n", actor="ann", reason="r", reverts=number
        )
        await save_drafts(connection, [proposal], actor="ann", reason="r", change_set_id=claimed)
        await propose(connection, claimed, actor="ann")
    await approve(engine, claimed, actor="bob")
    assert await state_of(engine, number) == "APPROVED"


async def test_an_import_is_reverted_as_a_whole(engine: AsyncEngine) -> None:
    await create(engine, BTTS, ODD_EVEN)
    async with transaction(engine) as connection:
        (imported,) = await sets.list_change_sets(connection)
    await revert(engine, imported.id, actor="bob", reason="wrong file")
    async with transaction(engine) as connection:
        assert (await load_index_rows(connection))[1] == []


async def test_what_changes_nothing_is_not_proposed(engine: AsyncEngine) -> None:
    await create(engine, BTTS)
    with pytest.raises(NothingToChangeError):
        await revised(engine, BTTS)


@pytest.mark.parametrize(
    ("name", "reason"), [(" ", "r"), ("n" * 201, "r"), ("n", " "), ("n", "r" * 2001)]
)
async def test_names_and_reasons_are_bounded(engine: AsyncEngine, name: str, reason: str) -> None:
    with pytest.raises(StorageRefused):
        async with transaction(engine) as connection:
            await sets.create_change_set(connection, name, actor="ann", reason=reason)


async def test_a_comment_stays_as_it_was_written(
    engine: AsyncEngine,
) -> None:
    number = await draft(engine, await fresh(engine, BTTS))
    await send_back(engine, number, actor="bob", comment="why?")
    with pytest.raises(DBAPIError, match="append-only"):
        async with transaction(engine) as connection:
            await connection.execute(text("UPDATE change_comment SET comment = 'fine'"))


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM change_set", "append-only: DELETE refused"),
        ("DELETE FROM change_comment", "append-only: DELETE refused"),
        ("DELETE FROM review_policy", "append-only: DELETE refused"),
        ("TRUNCATE review_policy", "append-only: TRUNCATE refused"),
        ("TRUNCATE change_draft", "drafts are removed one by one"),
    ],
)
async def test_no_setting_of_a_session_lets_change_sets_disappear(
    engine: AsyncEngine, role: str, statement: str, message: str
) -> None:
    await draft(engine, await fresh(engine, BTTS))

    async def run() -> None:
        async with transaction(engine) as connection:
            await connection.execute(
                text("SELECT set_config('session_replication_role', :role, true)"), {"role": role}
            )
            await connection.execute(text(statement))

    with pytest.raises(DBAPIError, match=message):
        await run()
