"""Every change of a mapping leaves its audit row, whoever makes it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage import audit
from worker.storage.audit import AuditRow

Rows = Callable[..., Any]
Log = Callable[..., Awaitable[list[AuditRow]]]

CREATE = """
INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping)
VALUES ('a', 'A', '[{"canonical_id": "over"}]')
"""
CREATE_MANY = """
INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping)
SELECT 'm' || i, 'M', '[1]' FROM generate_series(1, 3) AS i
"""


@pytest.fixture
def log(engine: AsyncEngine) -> Log:
    async def read(version: int = 0) -> list[AuditRow]:
        async with engine.connect() as connection:
            return list(await audit.read_after(connection, version, 1000))

    return read


@pytest.mark.parametrize(
    ("change", "action"),
    [
        ("UPDATE user_market_mappings SET name = 'B'", "UPDATE"),
        ("UPDATE user_market_mappings SET name = 'B', is_active = false", "UPDATE"),
        ("UPDATE user_market_mappings SET is_active = false", "DEACTIVATE"),
        ("DELETE FROM user_market_mappings", "DELETE"),
        (
            CREATE + " ON CONFLICT (canonical_id) DO UPDATE SET priority = 7",
            "UPDATE",
        ),
    ],
)
async def test_plain_sql_is_audited_with_the_row_before_and_after(
    rows: Rows, log: Log, change: str, action: str
) -> None:
    await rows(CREATE)
    (before,) = await rows("SELECT to_jsonb(m) AS value FROM user_market_mappings AS m")
    await rows(change)
    after = await rows("SELECT to_jsonb(m) AS value FROM user_market_mappings AS m")
    created, changed = await log()
    assert (created.action, created.old_value) == ("CREATE", None)
    assert without_times(created.new_value) == without_times(before.value)
    assert (changed.action, changed.canonical_id) == (action, "a")
    assert without_times(changed.old_value) == without_times(before.value)
    assert without_times(changed.new_value) == without_times(after[0].value if after else None)


def without_times(value: dict[str, Any] | None) -> dict[str, Any]:
    """The log's times are in UTC, the session's may be in another zone."""
    return {name: column for name, column in (value or {}).items() if not name.endswith("_at")}


async def test_switching_on_again_is_an_action_of_its_own(rows: Rows, log: Log) -> None:
    await rows(CREATE)
    for active in (False, True):
        await rows("UPDATE user_market_mappings SET is_active = :active", active=active)
    assert [row.action for row in await log()] == ["CREATE", "DEACTIVATE", "ACTIVATE"]


async def test_a_new_canonical_id_ends_the_old_one_and_begins_the_new_one(
    rows: Rows, log: Log
) -> None:
    await rows(CREATE)
    await rows("UPDATE user_market_mappings SET canonical_id = 'b', priority = 5")
    _, ended, begun = await log()
    assert (ended.action, ended.canonical_id, ended.new_value) == ("DELETE", "a", None)
    assert (begun.action, begun.canonical_id, begun.old_value) == ("CREATE", "b", None)
    assert (begun.new_value or {})["priority"] == 5
    assert ended.mapping_id == begun.mapping_id


@pytest.mark.parametrize(
    "nothing",
    [
        "UPDATE user_market_mappings SET name = 'A', outcome_mapping = outcome_mapping",
        "UPDATE user_market_mappings SET updated_at = now() + interval '1 day'",
        "UPDATE user_market_mappings SET name = 'B' WHERE canonical_id = 'nobody'",
        "DELETE FROM user_market_mappings WHERE canonical_id = 'nobody'",
    ],
)
async def test_an_update_that_changes_nothing_writes_nothing(
    rows: Rows, log: Log, nothing: str
) -> None:
    await rows(CREATE)
    before = await rows("SELECT xmin, ctid::text, updated_at FROM user_market_mappings")
    await rows(nothing)
    assert await rows("SELECT xmin, ctid::text, updated_at FROM user_market_mappings") == before
    assert len(await log()) == 1


async def test_what_is_taken_back_leaves_nothing(engine: AsyncEngine, rows: Rows, log: Log) -> None:
    async with engine.connect() as connection:
        await connection.execute(text(CREATE))
        await connection.rollback()
    assert await log() == []
    await rows(CREATE)
    async with engine.begin() as connection:
        attempt = await connection.begin_nested()
        await connection.execute(text("UPDATE user_market_mappings SET name = 'taken back'"))
        await attempt.rollback()
        await connection.execute(text("UPDATE user_market_mappings SET name = 'kept'"))
    assert [(row.new_value or {})["name"] for row in await log()] == ["A", "kept"]


async def test_actor_and_reason_are_the_transactions(
    engine: AsyncEngine, rows: Rows, log: Log
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("SELECT set_config('marketmap.actor', 'ann', true)"))
        await connection.execute(text("SELECT set_config('marketmap.reason', 'season', true)"))
        await connection.execute(text(CREATE))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE user_market_mappings SET name = 'B'"))
        role = await connection.scalar(text("SELECT session_user::text"))
    assert [(row.created_by, row.reason) for row in await log()] == [
        ("ann", "season"),
        (role, None),
    ]


async def test_an_actor_that_is_too_long_is_cut_not_refused(engine: AsyncEngine, log: Log) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text("SELECT set_config('marketmap.actor', repeat('a', 300), true)")
        )
        await connection.execute(text(CREATE))
    assert [row.created_by for row in await log()] == ["a" * 100]


async def test_each_row_of_a_statement_has_its_audit_row(rows: Rows, log: Log) -> None:
    await rows(CREATE_MANY)
    await rows("UPDATE user_market_mappings SET priority = 1 WHERE canonical_id <> 'm2'")
    await rows("DELETE FROM user_market_mappings")
    assert sorted((row.action, row.canonical_id) for row in await log()) == [
        *[("CREATE", f"m{i}") for i in (1, 2, 3)],
        *[("DELETE", f"m{i}") for i in (1, 2, 3)],
        *[("UPDATE", f"m{i}") for i in (1, 3)],
    ]


async def test_a_deleted_mapping_is_let_go_and_its_history_stays(
    engine: AsyncEngine, rows: Rows, log: Log
) -> None:
    await rows(CREATE)
    await rows("DELETE FROM user_market_mappings")
    assert [(row.mapping_id, row.action) for row in await log()] == [
        (None, "CREATE"),
        (None, "DELETE"),
    ]
    async with engine.connect() as connection:
        assert await audit.last_changes(connection, "a", 9) == await log()
        assert await audit.last_changes(connection, "nobody", 9) == []


async def test_the_audit_log_tells_its_times_in_order_and_in_utc(
    engine: AsyncEngine, log: Log
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL timezone = 'Asia/Tokyo'"))
        await connection.execute(text(CREATE_MANY))
    times = [row.created_at for row in await log()]
    assert times == sorted(times)
    assert all((row.new_value or {})["created_at"].endswith("+00:00") for row in await log())


REWRITINGS = [
    "UPDATE mapping_audit_log SET reason = 'another'",
    "UPDATE mapping_audit_log SET mapping_id = NULL",
    "UPDATE mapping_audit_log SET mapping_id = NULL, canonical_id = 'b'",
    "UPDATE mapping_audit_log SET id = id + 10",
    "DELETE FROM mapping_audit_log",
    "DELETE FROM mapping_audit_log WHERE false",
    "TRUNCATE mapping_audit_log",
    "TRUNCATE user_market_mappings CASCADE",
    "SET LOCAL session_replication_role = replica; UPDATE mapping_audit_log SET reason = 'another'",
    "SET LOCAL session_replication_role = replica; DELETE FROM mapping_audit_log",
    "SET LOCAL session_replication_role = replica; TRUNCATE mapping_audit_log",
]


async def run(engine: AsyncEngine, statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements.split("; "):
            await connection.execute(text(statement))


@pytest.mark.parametrize("rewriting", REWRITINGS)
async def test_nobody_rewrites_history_not_even_its_owner(
    engine: AsyncEngine, rows: Rows, log: Log, rewriting: str
) -> None:
    await rows(CREATE)
    before = await log()
    with pytest.raises(DBAPIError, match=r"append-only: (UPDATE|DELETE|TRUNCATE) refused"):
        await run(engine, rewriting)
    assert await log() == before


async def test_only_the_foreign_key_lets_go_of_a_mapping(
    engine: AsyncEngine, rows: Rows, log: Log
) -> None:
    """With the mapping gone and the row still pointing at it, another change beside it is refused."""
    await rows(CREATE)
    async with engine.connect() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(text("DELETE FROM user_market_mappings"))
        with pytest.raises(DBAPIError, match="append-only"):
            await connection.execute(
                text("UPDATE mapping_audit_log SET mapping_id = NULL, reason = 'x'")
            )
    assert [row.mapping_id is None for row in await log()] == [False]


async def test_reading_after_a_version_is_bounded_and_goes_on_where_it_ended(
    engine: AsyncEngine, rows: Rows
) -> None:
    await rows(CREATE_MANY)
    async with engine.connect() as connection:
        first = await audit.read_after(connection, 0, 2)
        rest = await audit.read_after(connection, first[-1].id, 2)
        assert [row.canonical_id for row in [*first, *rest]] == ["m1", "m2", "m3"]
        assert await audit.last_version(connection) == rest[-1].id
        assert await audit.read_after(connection, rest[-1].id, 2) == []


async def test_the_newest_changes_come_first(rows: Rows, engine: AsyncEngine) -> None:
    await rows(CREATE_MANY)
    await rows("DELETE FROM user_market_mappings WHERE canonical_id = 'm1'")
    async with engine.connect() as connection:
        newest = await audit.newest(connection, 2)
    assert [(change.action, change.canonical_id) for change in newest] == [
        ("DELETE", "m1"),
        ("CREATE", "m3"),
    ]
