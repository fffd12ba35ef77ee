"""Where everybody may create in `public`, what an editor creates there never runs with another's rights.

That was the default until Postgres 14, and databases keep it when they are upgraded.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage.access.roles import create_roles
from worker.storage.access.schema import creators, planted_objects
from worker.storage.engine import transaction
from worker.storage.errors import StorageFatal
from worker.storage.migrate import downgrade, upgrade

NewLogin = Callable[[str], Awaitable[str]]

# A better match than Postgres's own for the types that a function compares is called in its place.
_OPERATORS: Final = {
    "*=": ["mapping_audit_log"],
    "=": ["varchar", "name", "user_market_mappings", "mapping_audit_log"],
    "<>": ["varchar"],
    "||": ["varchar", "name"],
}
_MIXED: Final = [
    ("=", "text", "varchar"),
    ("=", "varchar", "text"),
    ("||", "name", "text"),
    ("||", "varchar", "text"),
    ("<@", "integer[]", "integer[]"),
]
_BODY: Final = """
BEGIN
    IF current_user <> '{planter}' THEN
        RAISE EXCEPTION 'planted: {name} runs as %, not as {planter}', current_user;
    END IF;
    RETURN {result};
END
"""


def planted(planter: str) -> list[str]:
    """The statements with which an editor plants operators and functions that tell when others run them."""
    found = []
    pairs = [(name, one, one) for name, types in _OPERATORS.items() for one in types]
    for number, (name, left, right) in enumerate([*pairs, *_MIXED]):
        result, value = ("text", "'x'") if name == "||" else ("boolean", "true")
        body = _BODY.format(planter=planter, name=name, result=value)
        arguments = f"l {left}, r {right}"
        found.append(
            f"CREATE FUNCTION public.planted_{number}({arguments}) RETURNS {result}"
            f" LANGUAGE plpgsql AS $${body}$$"
        )
        sides = f"LEFTARG = {left}, RIGHTARG = {right}"
        found.append(f"CREATE OPERATOR public.{name} ({sides}, FUNCTION = public.planted_{number})")
    functions = {
        "cardinality(integer[])": ("integer", "1"),
        "left(varchar, integer)": ("text", "'x'"),
        "left(name, integer)": ("text", "'x'"),
        "lower(varchar)": ("text", "'x'"),
    }
    for signature, (result, value) in functions.items():
        body = _BODY.format(planter=planter, name=signature, result=value)
        found.append(
            f"CREATE FUNCTION public.{signature} RETURNS {result} LANGUAGE plpgsql AS $${body}$$"
        )
    return found


_MAPPING: Final = """
INSERT INTO public.user_market_mappings (canonical_id, name, outcome_mapping) VALUES ('a', 'A', '[1]')
"""
# What an editor does; the triggers that record it run with the rights of the tables' owner.
_EDITS: Final = [
    _MAPPING,
    "UPDATE public.user_market_mappings SET name = 'B'",
    "UPDATE public.user_market_mappings SET is_active = false",
    "UPDATE public.user_market_mappings SET canonical_id = 'b'",
    "DELETE FROM public.user_market_mappings",
]
# What a worker does: its triggers and functions run with its own rights, which an editor does not have.
_WORK: Final = [
    "INSERT INTO public.unmapped_market_log (source, external_market_id) VALUES ('betpawa', '2')",
    "UPDATE public.unmapped_market_log SET status = 'IGNORED'",
    "UPDATE public.unmapped_market_log SET status = 'MAPPED'",
    "UPDATE public.unmapped_market_log SET event_hashes = public.marketmap_add_events_v1('{1}', '{2}')",
    "SELECT public.marketmap_market_name_v1(CAST('Over / Under' AS varchar))",
    "SELECT public.marketmap_rate_v1(1, now())",
]
_ILLEGAL: Final = "UPDATE public.unmapped_market_log SET status = 'IGNORED' WHERE status = 'MAPPED'"
_HISTORY: Final = "UPDATE public.mapping_audit_log SET mapping_id = NULL, created_by = 'somebody'"


async def plant(new_login: NewLogin, administrator: asyncpg.Connection) -> asyncpg.Connection:
    """A connection of an editor who has planted all of it."""
    await administrator.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    editor = await asyncpg.connect(await new_login("editor"))
    planter = await editor.fetchval("SELECT current_user")
    for statement in planted(planter):
        await editor.execute(statement)
    return editor


@pytest.fixture
async def owner(database: str, administrator: AsyncEngine) -> asyncpg.Connection:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def test_nothing_that_an_editor_planted_runs_with_the_owners_rights(
    new_login: NewLogin, owner: asyncpg.Connection
) -> None:
    editor = await plant(new_login, owner)
    for statement in _EDITS:
        await editor.execute(statement)
    actions = await owner.fetch("SELECT action FROM mapping_audit_log ORDER BY id")
    assert [action for (action,) in actions] == [
        "CREATE",
        "UPDATE",
        "DEACTIVATE",
        "DELETE",
        "CREATE",
        "DELETE",
    ]
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only: UPDATE refused"):
        await owner.execute(f"SET search_path = pg_catalog; {_HISTORY}")
    await editor.close()


async def test_nothing_that_an_editor_planted_runs_in_what_triggers_do_for_a_worker(
    new_login: NewLogin, owner: asyncpg.Connection
) -> None:
    editor = await plant(new_login, owner)
    worker = await asyncpg.connect(await new_login("worker"))
    for statement in _WORK:
        # Operators of the statement itself are the caller's: only the functions that it calls are judged.
        await worker.execute(f"SET search_path = pg_catalog; {statement}")
        # The search path that a login has when nobody sets one.
        await worker.execute(
            f"SET search_path = public, pg_catalog; {statement}".replace("'2'", "'3'")
        )
    with pytest.raises(asyncpg.CheckViolationError, match="reopen it first"):
        await worker.execute(f"SET search_path = pg_catalog; {_ILLEGAL}")
    await worker.close()
    await editor.close()


async def test_the_functions_before_did_call_it(
    database: str, new_login: NewLogin, owner: asyncpg.Connection
) -> None:
    """Without this the two tests above could pass because nothing was planted well."""
    await downgrade(database, "0014")
    editor = await plant(new_login, owner)
    with pytest.raises(asyncpg.RaiseError, match=r"planted: .* runs as "):
        await editor.execute(_MAPPING)
    await editor.close()


async def test_whoever_migrates_does_not_run_it(
    database: str, new_login: NewLogin, owner: asyncpg.Connection
) -> None:
    await downgrade(database, "0014")
    editor = await plant(new_login, owner)
    with pytest.raises(StorageFatal, match=r"schema public holds .*_editor"):
        await upgrade(database)
    await editor.close()


async def test_an_administrator_who_makes_the_groups_does_not_run_it(
    new_login: NewLogin, owner: asyncpg.Connection, administrator: AsyncEngine
) -> None:
    editor = await plant(new_login, owner)
    async with transaction(administrator) as connection:
        with pytest.raises(StorageFatal, match=r"schema public holds .*_editor"):
            await create_roles(connection)
    await editor.close()


async def test_the_groups_take_the_right_to_create_from_everybody(
    new_login: NewLogin, owner: asyncpg.Connection, administrator: AsyncEngine
) -> None:
    await owner.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    async with transaction(administrator) as connection:
        assert await creators(connection) == ["PUBLIC"]
        await create_roles(connection)
        assert await creators(connection) == []
    editor = await asyncpg.connect(await new_login("editor"))
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="schema public"):
        await editor.execute(planted("somebody")[0])
    await editor.close()


async def test_what_an_extension_or_another_service_keeps_there_is_no_reason_to_stop(
    owner: asyncpg.Connection, administrator: AsyncEngine
) -> None:
    await owner.execute("CREATE FUNCTION public.left(varchar, integer) RETURNS text RETURN 'x'")
    await owner.execute("CREATE FUNCTION public.of_another_service() RETURNS integer RETURN 1")
    await owner.execute("ALTER FUNCTION public.of_another_service() OWNER TO marketmap_reader")
    async with transaction(administrator) as connection:
        assert await planted_objects(connection) == []


_ESCALATION: Final = (
    "CREATE FUNCTION public.escalate() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN EXECUTE 'ALTER ROLE {planter} SUPERUSER'; RETURN NEW; END$$"
)
_TRIGGER: Final = (
    "CREATE TRIGGER escalate BEFORE INSERT ON public.{table} FOR EACH ROW"
    " EXECUTE FUNCTION public.escalate()"
)
_REVISIONS: Final = "CREATE TABLE public.alembic_version (version_num varchar(32) PRIMARY KEY)"
_PLANTED_RELATIONS: Final = {
    "table": [_REVISIONS, _ESCALATION, _TRIGGER.replace("{table}", "alembic_version")],
    # Whoever owns the log is trusted with much: that, too, can be had by being first.
    "log": [
        "CREATE TABLE public.mapping_audit_log (id bigint)",
        _REVISIONS,
        _ESCALATION,
        _TRIGGER.replace("{table}", "alembic_version"),
    ],
    "view": ["CREATE VIEW public.alembic_version AS SELECT CAST('x' AS text) AS version_num"],
    "sequence": ["CREATE SEQUENCE public.mapping_audit_log_id_seq"],
    "domain": ["CREATE DOMAIN public.relay_cursor AS text"],
    "composite type": ["CREATE TYPE public.relay_cursor AS (a integer)"],
}


@pytest.fixture
async def everybody_creates(owner: asyncpg.Connection) -> asyncpg.Connection:
    """An empty database in which everybody may create in `public`."""
    await owner.execute("DROP SCHEMA public CASCADE")
    await owner.execute("CREATE SCHEMA public; GRANT USAGE, CREATE ON SCHEMA public TO PUBLIC")
    return owner


@pytest.mark.parametrize("kind", _PLANTED_RELATIONS)
async def test_who_migrates_or_makes_the_groups_touches_no_relation_that_somebody_made_in_its_name(
    database: str,
    new_login: NewLogin,
    everybody_creates: asyncpg.Connection,
    administrator: AsyncEngine,
    kind: str,
) -> None:
    mallory = await asyncpg.connect(await new_login("editor"))
    planter = await mallory.fetchval("SELECT current_user")
    for statement in _PLANTED_RELATIONS[kind]:
        await mallory.execute(statement.replace("{planter}", planter))
    await mallory.close()
    with pytest.raises(StorageFatal, match=r"schema public holds .*_editor"):
        await upgrade(database)
    async with transaction(administrator) as connection:
        with pytest.raises(StorageFatal, match=r"schema public holds .*_editor"):
            await create_roles(connection)
    assert not await everybody_creates.fetchval(
        "SELECT rolsuper FROM pg_roles WHERE rolname = $1", planter
    )


_HOOKS: Final = {
    "trigger": [_TRIGGER.replace("{table}", "alembic_version")],
    "rule": ["CREATE RULE escalate AS ON INSERT TO alembic_version DO ALSO SELECT public.called()"],
    "default": ["ALTER TABLE alembic_version ALTER version_num SET DEFAULT public.called()"],
    "constraint": ["ALTER TABLE alembic_version ADD CHECK (public.called() = 'x') NOT VALID"],
    "index": ["CREATE INDEX ON alembic_version ((public.called()))"],
    "policy": ["CREATE POLICY p ON alembic_version USING (public.called() = 'x')"],
}


@pytest.mark.parametrize("kind", _HOOKS)
async def test_nothing_on_our_tables_calls_what_somebody_else_wrote(
    database: str,
    new_login: NewLogin,
    owner: asyncpg.Connection,
    administrator: AsyncEngine,
    kind: str,
) -> None:
    await owner.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
    mallory = await asyncpg.connect(await new_login("editor"))
    planter = await mallory.fetchval("SELECT current_user")
    await mallory.execute(_ESCALATION.replace("{planter}", planter))
    await mallory.execute(
        "CREATE FUNCTION public.called() RETURNS text IMMUTABLE LANGUAGE plpgsql AS"
        " $$BEGIN RETURN 'x'; END$$"
    )
    await mallory.close()
    for statement in _HOOKS[kind]:
        await owner.execute(statement)
    async with transaction(administrator) as connection:
        found = await planted_objects(connection)
        with pytest.raises(StorageFatal, match=r"schema public holds .*_editor"):
            await create_roles(connection)
    assert len(found) == 1
    assert re.search("alembic_version.*, which calls function", found[0])
    with pytest.raises(StorageFatal, match=r"schema public holds .*_editor"):
        await upgrade(database)


async def owns_the_database(owner: asyncpg.Connection, login: str) -> None:
    await owner.execute(f"ALTER DATABASE {await owner.fetchval(_DATABASE)} OWNER TO {login}")


async def may_create_by_name(owner: asyncpg.Connection, login: str) -> None:
    await owner.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    await owner.execute(f"GRANT CREATE ON SCHEMA public TO {login}")


async def is_an_owner_of_the_project(owner: asyncpg.Connection, login: str) -> None:
    await owner.execute(f"GRANT marketmap_owner TO {login}")


_DATABASE: Final = "SELECT current_database()"


@pytest.mark.parametrize(
    "trust", [owns_the_database, may_create_by_name, is_an_owner_of_the_project]
)
async def test_the_groups_are_made_of_what_a_trusted_login_migrated(
    database: str,
    new_login: NewLogin,
    everybody_creates: asyncpg.Connection,
    administrator: AsyncEngine,
    trust: Callable[[asyncpg.Connection, str], Awaitable[None]],
) -> None:
    url = await new_login("reader")
    login = str(urlsplit(url).username)
    await trust(everybody_creates, login)
    try:
        await upgrade(url)
        async with transaction(administrator) as connection:
            await create_roles(connection)
            assert await planted_objects(connection) == []
    finally:
        await everybody_creates.execute(
            f"ALTER DATABASE {await everybody_creates.fetchval(_DATABASE)} OWNER TO CURRENT_USER"
        )
