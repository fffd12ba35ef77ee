"""Where four eyes are required, nobody changes a mapping alone, with whatever program they connect."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.domain.mapping import Mapping, OutcomeLabels
from worker.operations.changes.applying import approve, send_back
from worker.operations.changes.reverting import revert
from worker.operations.drafts.drafting import new_mapping, propose, save_drafts, withdraw
from worker.storage import audit
from worker.storage.access.roles import create_roles
from worker.storage.changes import cases, drafts, sets
from worker.storage.changes.drafts import Proposal
from worker.storage.editing import editing
from worker.storage.engine import create_engine, transaction
from worker.storage.errors import StorageFatal, StorageRefused, driver_errors_translated
from worker.storage.inspection import EDITOR_NEEDS, OPERATOR_NEEDS, lacking_privileges

LogIn = Callable[[str], Awaitable[AsyncEngine]]

MAPPING = Mapping("btts_ft", "Both Teams To Score", (OutcomeLabels("yes", "Yes"),), betpawa_id="1")
INSERTED = "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES ('b', 'B', '[{}]')"
_MARKED = "SELECT set_config('marketmap.dry_run', 'yes', true)"
OTHER = Mapping("other_ft", "Other", (OutcomeLabels("yes", "Yes"),), betpawa_id="2")


async def run(engine: AsyncEngine, *statements: str) -> None:
    """Run them in one transaction."""
    async with transaction(engine) as connection:
        with driver_errors_translated():
            for statement in statements:
                await connection.execute(text(statement))


async def require_four_eyes(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await sets.set_policy(connection, four_eyes=True, actor="olga", reason="audit")


async def proposed(engine: AsyncEngine, actor: str = "ann", mapping: Mapping = MAPPING) -> int:
    async with transaction(engine) as connection:
        proposal = await new_mapping(connection, mapping)
        number, _ = await save_drafts(connection, [proposal], actor=actor, reason="sold")
        await propose(connection, number, actor=actor)
        return number


async def login_of(engine: AsyncEngine) -> str:
    async with transaction(engine) as connection:
        return str(await connection.scalar(text("SELECT session_user")))


async def versions(engine: AsyncEngine) -> int:
    async with transaction(engine) as connection:
        return await audit.last_version(connection)


async def test_an_editor_proposes_and_an_approver_approves(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    await require_four_eyes(administrator)
    editor, approver = await log_in("editor"), await log_in("approver")
    number = await proposed(editor)
    await approve(approver, number, actor="bob")
    async with transaction(editor) as connection:
        (change,) = await sets.versions_of(connection, number)
    assert (change.created_by, change.approved_by) == ("ann", "bob")
    assert str(change.login).endswith("_approver")


async def test_an_editor_does_not_approve(log_in: LogIn, administrator: AsyncEngine) -> None:
    await require_four_eyes(administrator)
    editor = await log_in("editor")
    number = await proposed(administrator)
    with pytest.raises(StorageRefused, match="not in the group marketmap_approver"):
        await approve(editor, number, actor="bob")
    assert await versions(administrator) == 0


async def test_an_author_does_not_approve_under_another_name(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    await require_four_eyes(administrator)
    approver = await log_in("approver")
    number = await proposed(approver, "ann")
    with pytest.raises(StorageRefused, match="four eyes are required, and bob"):
        await approve(approver, number, actor="bob")
    assert await versions(administrator) == 0


async def test_an_author_does_not_approve_under_another_login(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    await require_four_eyes(administrator)
    number = await proposed(await log_in("editor"), "ann")
    with pytest.raises(StorageRefused, match="four eyes are required, and ann"):
        await approve(await log_in("approver"), number, actor="ann")


@pytest.mark.parametrize("name", ["ANN", " Ann "])
async def test_an_author_does_not_approve_under_their_name_in_other_letters(
    log_in: LogIn, administrator: AsyncEngine, name: str
) -> None:
    await require_four_eyes(administrator)
    number = await proposed(await log_in("editor"), "ann")
    with pytest.raises(StorageRefused, match="four eyes are required"):
        await approve(await log_in("approver"), number, actor=name)


async def test_the_login_of_an_author_is_no_reviewer_and_an_authors_name_no_login_of_one(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    await require_four_eyes(administrator)
    editor, approver = await log_in("editor"), await log_in("approver")
    number = await proposed(editor, "ann")
    with pytest.raises(StorageRefused, match="four eyes are required"):
        await approve(approver, number, actor=(await login_of(editor)).upper())
    number = await proposed(editor, (await login_of(approver)).upper(), OTHER)
    with pytest.raises(StorageRefused, match="four eyes are required"):
        await approve(approver, number, actor="bob")
    assert await versions(administrator) == 0


async def test_whoever_ever_wrote_in_a_change_set_does_not_approve_it(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    """Somebody else saves the draft again, writes it as their own, and proposes the change set again."""
    await require_four_eyes(administrator)
    editor, approver = await log_in("editor"), await log_in("approver")
    number = await proposed(editor, "ann")
    await send_back(approver, number, actor="bob", comment="once more")
    async with transaction(editor) as connection:
        (kept,) = await drafts.drafts_of(connection, number)
        again = Proposal(kept.canonical_id, "CREATE", None, MAPPING, is_active=True)
        await drafts.replace_draft(connection, kept.id, again, actor="cleo", reason="r")
        await drafts.remove_draft(connection, kept.id, actor="dora", reason="r")
        await drafts.add_draft(connection, number, again, actor="cleo", reason="r")
        await sets.rename_change_set(connection, number, "n", actor="fay", reason="r")
        await propose(connection, number, actor="gus")
    for author in ("ann", "cleo", "dora", "fay", "gus"):
        with pytest.raises(StorageRefused, match=f"four eyes are required, and {author}"):
            await approve(approver, number, actor=author)
    await approve(approver, number, actor="bob")


async def test_people_who_share_the_logins_of_a_console_review_each_other(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    """One login writes for everybody, another one approves: the names are what tells people apart."""
    await require_four_eyes(administrator)
    editor, approver = await log_in("editor"), await log_in("approver")
    first, second = await proposed(editor, "ann"), await proposed(editor, "bob", OTHER)
    for number, author, other in ((first, "ann", "bob"), (second, "bob", "ann")):
        with pytest.raises(StorageRefused, match=f"four eyes are required, and {author}"):
            await approve(approver, number, actor=author)
        await approve(approver, number, actor=other)
    assert await versions(administrator) == 2


async def test_only_an_author_or_an_approver_withdraws_a_change_set(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    number = await proposed(administrator, "ann")
    editor = await log_in("editor")
    with pytest.raises(
        StorageRefused, match=r"cannot be withdrawn: eve .* neither wrote nor proposed"
    ):
        await taken_back(editor, number, "eve")
    await taken_back(editor, number, "ann")
    other = await proposed(administrator, "ann", OTHER)
    await taken_back(await log_in("approver"), other, "bob")


async def taken_back(engine: AsyncEngine, number: int, actor: str) -> None:
    async with transaction(engine) as connection:
        await withdraw(connection, number, actor=actor, reason="not yet")


async def test_only_an_approver_sends_back_where_four_eyes_are_required(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    editor = await log_in("editor")
    number = await proposed(administrator, "ann")
    await send_back(editor, number, actor="eve", comment="the name")
    async with transaction(administrator) as connection:
        await propose(connection, number, actor="ann")
    await require_four_eyes(administrator)
    with pytest.raises(StorageRefused, match=r"cannot be sent back: login .* is not in the group"):
        await send_back(editor, number, actor="eve", comment="the name")
    await send_back(await log_in("approver"), number, actor="bob", comment="the name")


@pytest.mark.parametrize("group", ["editor", "approver"])
async def test_no_direct_change_gets_past_four_eyes(
    log_in: LogIn, administrator: AsyncEngine, group: str
) -> None:
    await run(
        administrator,
        "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping, is_active)"
        " VALUES ('a', 'A', '[{}]', false)",
    )
    await require_four_eyes(administrator)
    engine = await log_in(group)
    for statement in (
        "UPDATE user_market_mappings SET name = 'B'",
        "DELETE FROM user_market_mappings",
        INSERTED,
    ):
        with pytest.raises(StorageRefused, match="four eyes are required"):
            await run(engine, statement)
    assert await versions(administrator) == 1


async def test_a_dry_run_makes_a_direct_change_and_takes_it_back(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    await require_four_eyes(administrator)
    async with editing(await log_in("editor"), actor="ann", reason="tried", dry_run=True) as edit:
        assert (await edit.create(MAPPING)).version == 1
        assert (await edit.set_active("btts_ft", 1, is_active=False)).version == 2
    assert await versions(administrator) == 0


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (_MARKED, "SELECT 1"),
        (_MARKED, "SELECT set_config('marketmap.dry_run', '', true)"),
        (_MARKED, "SET CONSTRAINTS ALL IMMEDIATE"),
        ("SET CONSTRAINTS ALL DEFERRED", "SELECT 1"),
        (f"SAVEPOINT before; {_MARKED}", "RELEASE SAVEPOINT before"),
    ],
)
async def test_nothing_that_calls_itself_a_dry_run_is_kept(
    log_in: LogIn, administrator: AsyncEngine, first: str, last: str
) -> None:
    await require_four_eyes(administrator)
    approver = await log_in("approver")
    with pytest.raises(StorageRefused, match="four eyes are required"):
        await run(approver, *first.split("; "), INSERTED, last)
    assert await versions(administrator) == 0


async def test_a_change_set_is_not_approved_after_a_dry_run_in_its_transaction(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    await require_four_eyes(administrator)
    number = await proposed(await log_in("editor"))
    async with editing(await log_in("approver"), actor="bob", reason="tried", dry_run=True) as edit:
        await edit.create(OTHER)
        with pytest.raises(StorageRefused, match="another change was made"):
            await sets.move_change_set(edit.connection, number, "APPROVED", actor="bob")


async def test_an_approver_cannot_slip_in_what_was_not_reviewed(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    await require_four_eyes(administrator)
    number = await proposed(await log_in("editor"))
    approver = await log_in("approver")

    async def approve_and_create_another() -> None:
        async with editing(approver, actor="bob", reason="r") as edit:
            await sets.move_change_set(edit.connection, number, "APPROVED", actor="bob")
            await edit.create(OTHER)

    with pytest.raises(StorageRefused, match="does not hold this change"):
        await approve_and_create_another()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE change_set SET applied_in = 1",
        "UPDATE change_set SET decided_by = 'bob'",
        "UPDATE change_set SET is_direct = true",
        "UPDATE change_set SET authors = '{bob}'",
        "INSERT INTO change_set (name, reason, state) VALUES ('n', 'r', 'APPROVED')",
        "UPDATE change_draft SET actor = 'bob'",
        "UPDATE change_draft SET id = 7",
        "INSERT INTO change_draft (id, change_set_id, canonical_id, action) VALUES (7, 1, 'a', 'DELETE')",
        "INSERT INTO change_comment (id, change_set_id, comment) VALUES (7, 1, 'why?')",
        "TRUNCATE change_draft",
        "INSERT INTO review_policy (four_eyes, reason) VALUES (false, 'no')",
        "DELETE FROM change_set",
        "UPDATE mapping_audit_log SET approved_by = 'bob'",
    ],
)
async def test_an_approver_cannot_write_what_is_for_the_database_to_write(
    log_in: LogIn, administrator: AsyncEngine, statement: str
) -> None:
    await proposed(administrator)
    with pytest.raises(StorageFatal, match="permission denied"):
        await run(await log_in("approver"), statement)


async def test_a_claimed_signature_is_replaced(administrator: AsyncEngine) -> None:
    number = await proposed(administrator)
    await sets_back(administrator, number)
    await run(administrator, "UPDATE change_draft SET actor = 'olga', login = 'olga'")
    async with transaction(administrator) as connection:
        (row,) = (await connection.execute(text("SELECT actor, login FROM change_draft"))).all()
    assert {row.login, row.actor} == {await login_of(administrator)}


async def sets_back(engine: AsyncEngine, number: int) -> None:
    async with transaction(engine) as connection:
        await sets.move_change_set(connection, number, "SENT_BACK", actor="bob")


async def test_a_revert_waits_for_somebody_else(log_in: LogIn, administrator: AsyncEngine) -> None:
    number = await proposed(administrator)
    await approve(administrator, number, actor="bob")
    await require_four_eyes(administrator)
    editor = await log_in("editor")
    tried = await revert(editor, number, actor="ann", reason="wrong", dry_run=True)
    assert (tried.approval, tried.change_set.state) == (None, "PROPOSED")
    waiting = await revert(editor, number, actor="ann", reason="wrong")
    assert (waiting.approval, waiting.change_set.state) == (None, "PROPOSED")
    await approve(await log_in("approver"), waiting.change_set.id, actor="bob")
    async with transaction(administrator) as connection:
        assert (await sets.get_change_set(connection, number)).state == "REVERTED"


async def test_an_operator_decides_whether_four_eyes_are_required(log_in: LogIn) -> None:
    operator = await log_in("operator")
    await require_four_eyes(operator)
    async with transaction(operator) as connection:
        policy = await sets.read_policy(connection)
    assert (policy.four_eyes, policy.actor) == (True, "olga")
    with pytest.raises(StorageFatal, match="permission denied"):
        await run(operator, "UPDATE user_market_mappings SET name = 'B'")


async def test_a_decision_about_four_eyes_gets_the_next_number(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    """One that chose the last number there is would be in force for good."""
    operator = await log_in("operator")
    chosen = "INSERT INTO review_policy (id, four_eyes, reason) VALUES (2147483647, false, 'no')"
    with pytest.raises(StorageFatal, match="permission denied"):
        await run(operator, chosen)
    await run(administrator, "GRANT INSERT ON review_policy TO marketmap_operator")
    async with transaction(administrator) as connection:
        await create_roles(connection)
    with pytest.raises(StorageFatal, match="permission denied"):
        await run(operator, chosen)


async def test_approvers_and_operators_lack_nothing_that_doctor_asks_for(log_in: LogIn) -> None:
    for group, needs in (("approver", EDITOR_NEEDS), ("operator", OPERATOR_NEEDS)):
        async with transaction(await log_in(group)) as connection:
            assert await lacking_privileges(connection, needs) == []


async def test_a_worker_reads_no_drafts_and_takes_no_cases(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    await proposed(administrator)
    worker = await log_in("worker")
    drafted = ("change_set", "change_draft", "change_comment", "review_policy", "miss_case")
    for table in (*drafted, "change_effect", "change_effect_miss", "queue_view"):
        with pytest.raises(StorageFatal, match="permission denied"):
            await run(worker, f"SELECT FROM {table}")


async def test_a_worker_notes_a_regression_without_rights_on_cases(
    log_in: LogIn, administrator: AsyncEngine
) -> None:
    await run(
        administrator,
        "INSERT INTO unmapped_market_log (source, external_market_id, status, mapped_version)"
        " VALUES ('betpawa', '2', 'MAPPED', 0)",
    )
    await run(
        await log_in("worker"),
        "UPDATE unmapped_market_log SET status = 'NEW', occurrence_count = occurrence_count + 1",
    )
    async with transaction(administrator) as connection:
        found = await cases.read_cases(connection, [("betpawa", "2")])
    assert found["betpawa", "2"].regressed_from == 0


async def test_logins_of_one_group_are_told_apart(
    log_in: LogIn, administrator: AsyncEngine, database: str
) -> None:
    """Two approvers: one writes, the other approves."""
    await require_four_eyes(administrator)
    number = await proposed(await log_in("approver"), "ann")
    name = urlsplit(database).path[1:]
    connection = await asyncpg.connect(database)
    await connection.execute(
        f"CREATE ROLE {name}_second LOGIN PASSWORD 'x' IN ROLE marketmap_approver"
    )
    await connection.close()
    address = urlsplit(database)
    place = address.netloc.rpartition("@")[2]
    second = create_engine(urlunsplit(address._replace(netloc=f"{name}_second:x@{place}")))
    await approve(second, number, actor="bob")
    await second.dispose()
