"""Whose the tables and functions are, and who may call those that run with their owner's rights.

Once `marketmap roles` has run, all belong to the group marketmap_owner. What a migration creates belongs to
the login that runs it: if that login later leaves the group, its functions lose the rights that they run
with, and nobody can edit. So a migration hands over what it created.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.access.names import SQL_TABLES
from worker.storage.access.schema import searching_only_postgres

# Before `marketmap roles` the group owns nothing, and there is nothing to hand over. Even an administrator
# gives only what is theirs: what others created meanwhile must not get the rights of the group. From
# Postgres 16 on a member of a group may be denied to act as the group; older servers do not know the word.
READ_STRAYS = text(f"""
WITH groups AS (
    SELECT oid FROM pg_roles WHERE rolname = 'marketmap_owner'
), ours AS (
    SELECT
        'TABLE' AS kind,
        CAST(CAST(oid AS regclass) AS text) AS name,
        relowner AS owner,
        false AS is_definer
    FROM pg_class
    WHERE relnamespace = to_regnamespace('public')
        AND relkind IN ('r', 'p')
        AND relname IN ({SQL_TABLES})
    UNION ALL
    SELECT 'ROUTINE', CAST(CAST(oid AS regprocedure) AS text), proowner, prosecdef
    FROM pg_proc
    WHERE pronamespace = to_regnamespace('public') AND starts_with(CAST(proname AS text), 'marketmap_')
)
SELECT
    ours.kind,
    ours.name,
    CAST(pg_get_userbyid(ours.owner) AS text) AS owner,
    ours.is_definer AND NOT has_table_privilege(ours.owner, log.oid, 'INSERT') AS is_powerless,
    CAST(pg_get_userbyid(ours.owner) AS text) = CAST(current_user AS text) AND pg_has_role(
        current_user,
        groups.oid,
        CASE
            WHEN CAST(current_setting('server_version_num') AS integer) < 160000 THEN 'MEMBER'
            ELSE 'SET'
        END
    ) AS is_mine_to_give
FROM ours
CROSS JOIN groups
JOIN pg_class AS log ON log.oid = to_regclass('public.mapping_audit_log') AND log.relowner = groups.oid
WHERE ours.owner <> groups.oid
ORDER BY ours.kind DESC, ours.name
""")  # noqa: S608  (constants)

READ_EXPOSED = text("""
SELECT CAST(CAST(pg_proc.oid AS regprocedure) AS text)
FROM pg_proc
CROSS JOIN LATERAL aclexplode(coalesce(proacl, acldefault('f', proowner))) AS granted
WHERE pronamespace = to_regnamespace('public')
    AND starts_with(CAST(proname AS text), 'marketmap_')
    AND prosecdef
    AND granted.privilege_type = 'EXECUTE'
    AND granted.grantee = 0
ORDER BY 1
""")

_OWNER: Final = "marketmap_owner"


class Stray(NamedTuple):
    """A table or function that belongs to `owner` and not to the group that owns the others.

    `is_powerless` says of a function that its owner may no longer do what it does.
    """

    kind: str
    name: str
    owner: str
    is_powerless: bool
    is_mine_to_give: bool = False

    @property
    def handover(self) -> str:
        return f"ALTER {self.kind} {self.name} OWNER TO {_OWNER}"


async def read_strays(connection: AsyncConnection) -> list[Stray]:
    """Return none before the group owns anything. Raises a StorageError."""
    async with searching_only_postgres(connection):
        return [Stray(*row) for row in await connection.execute(READ_STRAYS)]


async def hand_over(connection: AsyncConnection) -> None:
    """Give the owners' group what this login created, if it may. Raises a StorageError."""
    for stray in await read_strays(connection):
        if stray.is_mine_to_give:
            async with searching_only_postgres(connection):
                await connection.exec_driver_sql(stray.handover)


async def exposed_functions(connection: AsyncConnection) -> list[str]:
    """The functions with their owner's rights that everybody may call. Raises a StorageError."""
    async with searching_only_postgres(connection):
        return list(await connection.scalars(READ_EXPOSED))
