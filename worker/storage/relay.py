"""How far the changes of mappings are published, and who publishes them."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.access.locks import relay_lock, try_to_take
from worker.storage.errors import driver_errors_translated

OPEN_CURSOR = text("""
INSERT INTO relay_cursor (name, last_audit_id) VALUES (:name, 0) ON CONFLICT (name) DO NOTHING
""")

READ_CURSOR = text("SELECT last_audit_id FROM relay_cursor WHERE name = :name")

# Only forwards, and only from where the caller believes it to be: a leader that lost its connection without
# noticing cannot undo what the next one did.
MOVE_CURSOR = text("""
UPDATE relay_cursor
SET last_audit_id = :version, updated_at = now()
WHERE name = :name AND last_audit_id = :expected AND last_audit_id <= :version
RETURNING last_audit_id
""")


async def try_to_lead(connection: AsyncConnection, name: str) -> bool:
    """Return whether this connection leads now, until it ends. It must not go back to a pool."""
    return await try_to_take(connection, relay_lock(name))


async def read_cursor(connection: AsyncConnection, name: str) -> int:
    """Return the version up to which everything is published, 0 for a new cursor, which is stored."""
    with driver_errors_translated():
        await connection.execute(OPEN_CURSOR, {"name": name})
        return int(await connection.scalar(READ_CURSOR, {"name": name}) or 0)


async def move_cursor(
    connection: AsyncConnection, name: str, *, expected: int, version: int
) -> bool:
    """Move the cursor from `expected` to `version`; return False if it is elsewhere, and write nothing."""
    parameters = {"name": name, "expected": expected, "version": version}
    with driver_errors_translated():
        return await connection.scalar(MOVE_CURSOR, parameters) is not None
