"""The groups that logins are put into, and what they may do."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.access.schema import refuse_unsafe_schema
from worker.storage.errors import driver_errors_translated
from worker.storage.migrate import GRANT_REVISION
from worker.storage.routines import statements

ROLES: Final = (
    "marketmap_owner",
    "marketmap_worker",
    "marketmap_editor",
    "marketmap_approver",
    "marketmap_reader",
    "marketmap_operator",
)

_FILES: Final = (
    "schema_v1",
    "roles_v1",
    "change_roles_v1",
    "ownership_v3",
    "grants_v2",
    "replay_grants_v1",
    "overflow_grants_v1",
    "insight_ownership_v1",
    "insight_grants_v1",
    "change_ownership_v1",
    "change_grants_v1",
    "shape_ownership_v1",
    "shape_grants_v1",
    "view_and_effect_ownership_v1",
    "view_and_effect_grants_v1",
    "miss_day_ownership_v1",
    "miss_day_grants_v1",
    "mapping_hour_ownership_v1",
    "mapping_hour_grants_v1",
    "definer_revokes_v1",
    "timeouts_v1",
)

READ_ROLES = text(
    "SELECT rolname FROM pg_roles WHERE rolname = ANY (CAST(:roles AS text[])) ORDER BY rolname"
)

READ_MEMBERSHIPS = text(
    "SELECT rolname FROM pg_roles WHERE rolname = ANY (CAST(:roles AS text[]))"
    " AND pg_has_role(session_user, oid, 'MEMBER') ORDER BY rolname"
)


async def existing_roles(connection: AsyncConnection) -> list[str]:
    """Return those of ROLES that the server has, by name."""
    with driver_errors_translated():
        return list(await connection.scalars(READ_ROLES, {"roles": list(ROLES)}))


async def memberships(connection: AsyncConnection) -> list[str]:
    """Return those of ROLES that the login is in, directly or by another; of a superuser all, by name."""
    with driver_errors_translated():
        return list(await connection.scalars(READ_MEMBERSHIPS, {"roles": list(ROLES)}))


async def create_roles(connection: AsyncConnection) -> None:
    """Create what is missing of ROLES, give everything of this project to the owner, grant the others theirs.

    Nobody else may create in the schema `public` afterwards. For a database at the newest revision. Safe to
    run again. Raises StorageFatal unless the connection's user is an administrator, and where others have
    left something in `public` that would run with the administrator's rights.
    """
    await refuse_unsafe_schema(connection)
    with driver_errors_translated():
        for statement in _statements():
            await connection.execute(text(statement))


def roles_sql() -> str:
    """Return what `create_roles` runs, for an administrator to read and to run, in one transaction."""
    return (
        "BEGIN;\n\n"
        + "".join(f"{statement.rstrip(';')};\n\n" for statement in _statements())
        + "COMMIT;\n"
    )


def _statements() -> Iterator[str]:
    for name in _FILES:
        yield from statements(name)
    yield GRANT_REVISION.strip()
