"""Changes of mappings, one by one: signed, one after the other, and never over a change not seen."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from worker.domain.mapping import Mapping, dump_mapping
from worker.storage import mappings
from worker.storage import mappings_sql as sql
from worker.storage.access import locks
from worker.storage.audit_sql import LOCK_MAPPINGS
from worker.storage.engine import transaction
from worker.storage.errors import StorageUnavailable, driver_errors_translated
from worker.storage.mappings import StoredMapping

LONGEST_ACTOR = 100


class UnknownMapping(LookupError):  # noqa: N818 (it names what was found: nothing)
    """There is no mapping of that canonical id."""

    def __init__(self, canonical_id: str) -> None:
        super().__init__(f"there is no mapping {canonical_id}")
        self.canonical_id = canonical_id


class Deleted(NamedTuple):
    """A mapping that is gone. `version` is the one that deleted it."""

    canonical_id: str
    version: int


class StaleVersion(Exception):  # noqa: N818 (it names what happened, not a mistake)
    """The mapping was changed after the editor read it.

    `current` is the row as it is now, if it still exists. `why` says more than the versions; `advice` says
    what to do, where that is more than to look at the mapping again.
    """

    def __init__(
        self,
        expected: int,
        current: StoredMapping | Deleted,
        *,
        why: str = "",
        advice: str = "",
    ) -> None:
        now = f"{current.canonical_id} is at version {current.version} now"
        super().__init__(why or f"{now}, you changed version {expected}")
        self.advice = advice
        self.expected = expected
        self.current = current


class DuplicateCanonicalId(Exception):  # noqa: N818 (it names what happened, not a mistake)
    """There is a mapping of that canonical id already."""

    def __init__(self, canonical_id: str) -> None:
        super().__init__(f"there is a mapping {canonical_id} already")
        self.canonical_id = canonical_id


async def get_expected(
    connection: AsyncConnection, canonical_id: str, expected_version: int | None = None
) -> StoredMapping:
    """Return the mapping as it is. Raises UnknownMapping, StaleVersion if it is not as expected."""
    found = await mappings.get(connection, canonical_id)
    if found is None:
        raise UnknownMapping(canonical_id)
    if expected_version is not None and expected_version != found.version:
        raise StaleVersion(expected_version, found)
    return found


class Edit:
    """The only change of mappings in progress: what is read through `connection` does not change.

    So a caller reads, checks what it read against what it is about to write, and writes. Methods that change
    a mapping take the version that the editor saw; a change that changes nothing leaves the version. All
    raise as the ledger does.
    """

    def __init__(self, connection: AsyncConnection, actor: str) -> None:
        self.connection = connection
        self._actor = actor

    async def sign(self, actor: str, reason: str) -> None:
        """Name who makes the changes that follow, and why; one transaction may be of several people."""
        self._actor = actor
        await self._run(sql.SIGN, actor=actor, reason=reason)

    async def get(self, canonical_id: str, expected_version: int | None = None) -> StoredMapping:
        """Return the mapping as it is. Raises UnknownMapping, StaleVersion if it is not as expected."""
        return await get_expected(self.connection, canonical_id, expected_version)

    async def create(self, mapping: Mapping, *, is_active: bool = True) -> StoredMapping:
        """Add a mapping. Raises DuplicateCanonicalId."""
        created = await self._run(
            sql.CREATE, mapping=_json(mapping), is_active=is_active, actor=self._actor
        )
        if created is None:
            raise DuplicateCanonicalId(mapping.canonical_id)
        return await self.get(mapping.canonical_id)

    async def update(
        self,
        canonical_id: str,
        mapping: Mapping,
        expected_version: int,
        *,
        is_active: bool | None = None,
    ) -> StoredMapping:
        """Replace the row by `mapping`; `is_active` None leaves the switch as it is.

        Raises UnknownMapping, StaleVersion, and DuplicateCanonicalId for a new canonical id that is taken.
        """
        row = await self.get(canonical_id, expected_version)
        if mapping.canonical_id != canonical_id and await mappings.get(
            self.connection, mapping.canonical_id
        ):
            raise DuplicateCanonicalId(mapping.canonical_id)
        await self._run(sql.UPDATE, id=row.id, mapping=_json(mapping), is_active=is_active)
        return await self.get(mapping.canonical_id)

    async def set_active(
        self, canonical_id: str, expected_version: int, *, is_active: bool
    ) -> StoredMapping:
        """Switch a mapping on or off. Raises UnknownMapping, StaleVersion."""
        row = await self.get(canonical_id, expected_version)
        await self._run(sql.SET_ACTIVE, id=row.id, is_active=is_active)
        return await self.get(canonical_id)

    async def delete(self, canonical_id: str, expected_version: int) -> StoredMapping:
        """Delete a mapping; its history stays. Returns what it was. Raises UnknownMapping, StaleVersion."""
        row = await self.get(canonical_id, expected_version)
        await self._run(sql.DELETE, id=row.id)
        return row

    async def _run(self, statement: TextClause, **parameters: Any) -> Any:
        with driver_errors_translated():
            result = await self.connection.execute(statement, parameters)
            return result.scalar() if result.returns_rows else None


@asynccontextmanager
async def editing(
    engine: AsyncEngine, *, actor: str, reason: str, dry_run: bool = False
) -> AsyncIterator[Edit]:
    """Change mappings in one transaction, alone; committed on a clean exit, unless it is a dry run.

    The audit rows name `actor` (1 to 100 characters) and `reason`, neither blank: ValueError. Raises
    StorageUnavailable when another editor does not finish within the lock timeout: it names the session.
    """
    if not actor.strip() or len(actor) > LONGEST_ACTOR or not reason.strip():
        raise ValueError(
            f"a change is signed with an actor of 1 to {LONGEST_ACTOR} characters and a reason"
        )
    async with transaction(engine) as connection:
        await _lock_mappings(connection)
        with driver_errors_translated():
            await connection.execute(sql.SIGN, {"actor": actor, "reason": reason})
            if dry_run:
                await connection.execute(sql.DRY_RUN)
        yield Edit(connection, actor)
        if dry_run:
            with driver_errors_translated():
                await connection.rollback()


async def _lock_mappings(connection: AsyncConnection) -> None:
    try:
        with driver_errors_translated():
            await connection.execute(LOCK_MAPPINGS)
    except StorageUnavailable as error:
        if error.sqlstate != locks.LOCK_TIMEOUT:
            raise
        # The transaction failed with the statement; another one can ask who was in the way.
        with driver_errors_translated():
            await connection.rollback()
        found = await locks.holders(connection, locks.MAPPINGS)
        raise StorageUnavailable(locks.held_by(locks.MAPPINGS, found), error.sqlstate) from error


def _json(mapping: Mapping) -> str:
    return json.dumps(dump_mapping(mapping))
