"""Whose tables and functions are, after migrations, a restore and logins that come and go."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.operations.doctor.database_verdicts import judge_owners
from worker.operations.doctor.findings import Finding
from worker.storage.access.ownership import exposed_functions, read_strays
from worker.storage.access.roles import create_roles
from worker.storage.engine import transaction
from worker.storage.migrate import downgrade, upgrade

NewLogin = Callable[[str], Awaitable[str]]

_INSERTED: Final = """
INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES ('a', 'A', '[1]')
"""
_DEFINERS: Final = """
SELECT CAST(CAST(oid AS regprocedure) AS text) FROM pg_proc
WHERE pronamespace = CAST('public' AS regnamespace) AND prosecdef ORDER BY 1
"""
_FOREIGN: Final = """
SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'marketmap_owner'
UNION ALL
SELECT proname FROM pg_proc
WHERE pronamespace = CAST('public' AS regnamespace) AND proowner <> CAST('marketmap_owner' AS regrole)
"""
# Before the trigger that records changes now was made.
_EARLIER: Final = "0031"


async def run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def fetch(url: str, query: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def examine(administrator: AsyncEngine) -> list[Finding]:
    async with transaction(administrator) as connection:
        return judge_owners(await exposed_functions(connection), await read_strays(connection))


async def make_groups(administrator: AsyncEngine) -> None:
    async with transaction(administrator) as connection:
        await create_roles(connection)


async def forge(reader: str) -> None:
    """Write into the audit log as a login that may only read."""
    await run(
        reader,
        "CREATE TEMP TABLE mine (LIKE user_market_mappings)",
        "CREATE TRIGGER forge AFTER INSERT ON mine"
        " FOR EACH ROW EXECUTE FUNCTION marketmap_audit_mapping_v4()",
        "SET marketmap.dry_run = 'yes'",
        "SET marketmap.actor = 'boss'",
        "INSERT INTO mine"
        " (id, canonical_id, name, outcome_mapping, is_active, priority, created_at, updated_at)"
        " VALUES ((SELECT id FROM user_market_mappings), 'forged', 'Forged', '[1]', true, 0, now(), now())",
    )


async def test_a_restore_without_rights_lets_nobody_forge_history_once_the_groups_are_made_again(
    database: str, new_login: NewLogin, administrator: AsyncEngine
) -> None:
    reader, editor = await new_login("reader"), await new_login("editor")
    await run(editor, _INSERTED)
    definers = await fetch(database, _DEFINERS)
    for function in definers:
        await run(database, f"GRANT EXECUTE ON FUNCTION {function} TO PUBLIC")
    await forge(reader)
    assert "boss" in await fetch(database, "SELECT created_by FROM mapping_audit_log")
    (finding,) = await examine(administrator)
    assert (finding.level, finding.remedy) == ("FAILURE", "marketmap roles, as an administrator")
    assert all(function in finding.message for function in definers)

    await make_groups(administrator)
    assert await examine(administrator) == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="marketmap_audit_mapping_v4"):
        await forge(reader)
    await run(editor, "UPDATE user_market_mappings SET name = 'B'")


async def test_what_a_migration_creates_outlives_the_rights_of_the_login_that_ran_it(
    database: str, new_login: NewLogin, administrator: AsyncEngine
) -> None:
    migrator, editor = await new_login("owner"), await new_login("editor")
    await downgrade(migrator, _EARLIER)
    await upgrade(migrator)
    assert await fetch(database, _FOREIGN) == []
    await run(database, f"REVOKE marketmap_owner FROM {urlsplit(migrator).username}")
    await run(editor, _INSERTED)
    assert await examine(administrator) == []


async def test_what_an_administrators_migration_creates_does_not_run_with_an_administrators_rights(
    database: str, administrator: AsyncEngine
) -> None:
    await administrator.dispose()
    await downgrade(database, _EARLIER)
    await upgrade(database)
    assert await fetch(database, _FOREIGN) == []


async def test_what_an_earlier_release_left_to_a_login_is_named_and_taken_over(
    database: str, new_login: NewLogin, administrator: AsyncEngine
) -> None:
    migrator, editor = await new_login("owner"), await new_login("editor")
    login = urlsplit(migrator).username
    await run(
        database,
        f"ALTER TABLE miss_day OWNER TO {login}",
        f"ALTER FUNCTION marketmap_audit_mapping_v4() OWNER TO {login}",
    )
    (finding,) = await examine(administrator)
    assert finding.level == "WARNING"
    assert f"miss_day of {login}" in finding.message

    await run(database, f"REVOKE marketmap_owner FROM {login}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run(editor, _INSERTED)
    failure = (await examine(administrator))[0]
    assert failure.level == "FAILURE"
    assert f"marketmap_audit_mapping_v4() of {login}" in failure.message

    await run(database, f"GRANT marketmap_owner TO {login}")
    await make_groups(administrator)
    assert await examine(administrator) == []
    await run(database, f"REVOKE marketmap_owner FROM {login}")
    await run(editor, _INSERTED)


async def test_before_the_groups_are_made_nothing_is_out_of_place(
    database: str, administrator: AsyncEngine
) -> None:
    await run(database, "ALTER TABLE mapping_audit_log OWNER TO CURRENT_USER")
    assert await examine(administrator) == []
