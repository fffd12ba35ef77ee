"""Who else may create in the schema `public`, and what somebody has created there to be called by others.

Postgres calls an operator or a function of any schema in a session's search path when its types match better
than those of Postgres's own. And a table that is named as one of ours, and that somebody made before us, runs
its owner's triggers for whoever migrates. So whoever may create in `public` can have others run what they
wrote. Until Postgres 14 everybody may, and a database keeps that when it is upgraded.

The statements here are sent with a search path that holds Postgres's own schema alone: what they look for
must not run in them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.access.names import SQL_RELATIONS, SQL_TABLES
from worker.storage.errors import StorageFatal, driver_errors_translated

# The oldest one that has all that is used here, and that its makers still maintain.
OLDEST_POSTGRES: Final = 14

_MOST_NAMED: Final = 3

_SEARCH_ONLY_POSTGRES = text("SET LOCAL search_path = pg_catalog, pg_temp")
_SEARCH_AS_BEFORE = text("SET LOCAL search_path TO DEFAULT")

READ_VERSION = text("SELECT CAST(current_setting('server_version_num') AS integer)")

# An object is trusted with its owner: whoever that is can do as much without it. Owning the tables is not
# enough where everybody may create them: it takes a right to create that was given to this login by name.
_TRUSTED: Final = """
    trusted AS (
        SELECT oid
        FROM pg_roles
        WHERE rolsuper
            OR oid = (SELECT datdba FROM pg_database WHERE datname = current_database())
            OR (
                oid = (SELECT relowner FROM pg_class WHERE oid = to_regclass('public.mapping_audit_log'))
                AND EXISTS (
                    SELECT
                    FROM pg_namespace
                    CROSS JOIN LATERAL aclexplode(nspacl) AS granted
                    WHERE nspname = 'public'
                        AND granted.privilege_type = 'CREATE'
                        AND granted.grantee = pg_roles.oid
                )
            )
            OR rolname = session_user
            OR rolname IN ('marketmap_owner', 'pg_database_owner')
            OR EXISTS (
                SELECT
                FROM pg_roles AS owner
                WHERE owner.rolname = 'marketmap_owner' AND pg_has_role(pg_roles.oid, owner.oid, 'MEMBER')
            )
    )
"""

# What Postgres runs by itself when somebody uses a table; each depends on the functions that it calls.
_HOOKS: Final = """
    hooks AS (
        SELECT CAST('pg_trigger' AS regclass) AS kind, oid, tgrelid AS relation FROM pg_trigger
        UNION ALL
        SELECT CAST('pg_rewrite' AS regclass), oid, ev_class FROM pg_rewrite
        UNION ALL
        SELECT CAST('pg_attrdef' AS regclass), oid, adrelid FROM pg_attrdef
        UNION ALL
        SELECT CAST('pg_constraint' AS regclass), oid, conrelid FROM pg_constraint
        UNION ALL
        SELECT CAST('pg_policy' AS regclass), oid, polrelid FROM pg_policy
        UNION ALL
        SELECT CAST('pg_class' AS regclass), indexrelid, indrelid FROM pg_index
    )
"""

# A function that is not named as one of Postgres or of this project is called by nobody who does not mean it,
# unless something on a table of this project calls it.
READ_PLANTED = text(rf"""
WITH {_TRUSTED}, {_HOOKS}, found AS (
    SELECT 'operator ' || CAST(CAST(oid AS regoperator) AS text) AS object, oprowner AS owner
    FROM pg_operator
    WHERE oprnamespace = to_regnamespace('public')
    UNION ALL
    SELECT 'function ' || CAST(CAST(oid AS regprocedure) AS text), proowner
    FROM pg_proc AS found
    WHERE pronamespace = to_regnamespace('public')
        AND (
            starts_with(CAST(proname AS text), 'marketmap_')
            OR EXISTS (
                SELECT
                FROM pg_proc AS built_in
                WHERE built_in.pronamespace = CAST('pg_catalog' AS regnamespace)
                    AND built_in.proname = found.proname
            )
        )
    UNION ALL
    SELECT
        CASE relkind
            WHEN 'v' THEN 'view '
            WHEN 'm' THEN 'materialized view '
            WHEN 'S' THEN 'sequence '
            WHEN 'c' THEN 'type '
            WHEN 'i' THEN 'index '
            ELSE 'table '
        END || CAST(relname AS text),
        relowner
    FROM pg_class
    WHERE relnamespace = to_regnamespace('public') AND relname IN ({SQL_RELATIONS})
    UNION ALL
    SELECT 'type ' || CAST(typname AS text), typowner
    FROM pg_type
    WHERE typnamespace = to_regnamespace('public') AND typrelid = 0 AND typname IN ({SQL_RELATIONS})
    UNION ALL
    SELECT
        pg_describe_object(hooks.kind, hooks.oid, 0) || ', which calls function '
            || CAST(CAST(called.oid AS regprocedure) AS text),
        called.proowner
    FROM pg_class AS ours
    JOIN hooks ON hooks.relation = ours.oid
    JOIN pg_depend ON pg_depend.classid = hooks.kind AND pg_depend.objid = hooks.oid
    JOIN pg_proc AS called
        ON pg_depend.refclassid = CAST('pg_proc' AS regclass) AND pg_depend.refobjid = called.oid
    WHERE ours.relnamespace = to_regnamespace('public') AND ours.relname IN ({SQL_TABLES})
)
SELECT DISTINCT object || ' of ' || CAST(pg_get_userbyid(owner) AS text)
FROM found
WHERE owner NOT IN (SELECT oid FROM trusted)
ORDER BY 1
""")  # noqa: S608  (a constant)

READ_CREATORS = text(f"""
WITH {_TRUSTED}
SELECT CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE CAST(pg_get_userbyid(granted.grantee) AS text) END
FROM pg_namespace
CROSS JOIN LATERAL aclexplode(coalesce(nspacl, acldefault('n', nspowner))) AS granted
WHERE nspname = 'public'
    AND granted.privilege_type = 'CREATE'
    AND granted.grantee NOT IN (SELECT oid FROM trusted)
ORDER BY 1
""")  # noqa: S608  (a constant)


async def refuse_unsafe_schema(connection: AsyncConnection) -> None:
    """Raise StorageFatal where what this connection says next could run what somebody else wrote.

    For whoever has more rights than others: before it says anything else.
    """
    with driver_errors_translated():
        version = int(await connection.scalar(READ_VERSION) or 0) // 10_000
    if version < OLDEST_POSTGRES:
        raise StorageFatal(
            f"the server is Postgres {version}: {OLDEST_POSTGRES} is the oldest that is supported"
        )
    if found := await planted_objects(connection):
        raise StorageFatal(describe_planted(found))


def describe_planted(found: Sequence[str]) -> str:
    """Say what is there; DROP is for somebody who has looked at it."""
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return (
        f"schema public holds {', '.join(found[:_MOST_NAMED])}{more}: Postgres may use them in place"
        " of its own or of this project's, with the rights of whoever is connected"
    )


async def planted_objects(connection: AsyncConnection) -> list[str]:
    """What others could run without meaning to, each as "operator =(varchar,varchar) of somebody"."""
    async with searching_only_postgres(connection):
        return list(await connection.scalars(READ_PLANTED))


async def creators(connection: AsyncConnection) -> list[str]:
    """Who may create in `public` besides the owner and administrators; "PUBLIC" is everybody."""
    async with searching_only_postgres(connection):
        return list(await connection.scalars(READ_CREATORS))


@asynccontextmanager
async def searching_only_postgres(connection: AsyncConnection) -> AsyncIterator[None]:
    """Whatever is in `public` is found by no name within this block."""
    with driver_errors_translated():
        await connection.execute(_SEARCH_ONLY_POSTGRES)
        yield
        await connection.execute(_SEARCH_AS_BEFORE)
