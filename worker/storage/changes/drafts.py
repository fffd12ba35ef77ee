"""Drafts: proposed changes of single mappings, each in a change set.

A draft says what the mapping is to be, whole, and which version of it the author saw. Nothing of it is in
force, and no worker reads it. Drafts change only while their change set can be edited; a trigger sees to
that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypedDict, Unpack

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.mapping import Mapping, dump_mapping
from worker.storage.changes import drafts_sql as sql
from worker.storage.changes.sets import sign
from worker.storage.errors import driver_errors_translated
from worker.storage.misses import QueueKey

DraftAction = Literal["CREATE", "UPDATE", "ACTIVATE", "DEACTIVATE", "DELETE"]
MOST_DRAFTS: Final = 1000


class Proposal(NamedTuple):
    """What a draft proposes. `canonical_id` is the mapping's name before the change.

    `mapping` is what it is to be, None if only its switch changes or it is deleted. `base_version` is the
    version that the author saw, None for a new mapping. `is_active` None leaves the switch, and creates it
    active. `misses` are the markets that it is made for: the change is refused if it does not cover them.
    """

    canonical_id: str
    action: DraftAction
    base_version: int | None
    mapping: Mapping | None = None
    is_active: bool | None = None
    misses: Sequence[QueueKey] = ()


class StoredDraft(NamedTuple):
    """A draft, with the name, the state and the reason of its change set. `mapping` is JSON, as stored."""

    id: int
    change_set_id: int
    canonical_id: str
    action: DraftAction
    base_version: int | None
    mapping: Any
    is_active: bool | None
    misses: Any
    actor: str
    login: str
    created_at: datetime
    updated_at: datetime
    name: str | None
    state: str
    reason: str | None

    @property
    def keys(self) -> list[QueueKey]:
        """The markets that it is made for."""
        return [(source, market_id) for source, market_id in self.misses]


class DraftFilters(TypedDict, total=False):
    """The filters of a list. `states` are those of the change set, None is all; `actor` wrote the draft."""

    states: Collection[str] | None
    change_set_id: int | None
    actor: str | None
    containing: str


class UnknownDraft(LookupError):  # noqa: N818 (it names what was found: nothing)
    """There is no draft of that number."""

    def __init__(self, draft_id: int) -> None:
        super().__init__(f"there is no draft {draft_id}")
        self.draft_id = draft_id


async def list_drafts(
    connection: AsyncConnection, *, limit: int = 50, **filters: Unpack[DraftFilters]
) -> Sequence[StoredDraft]:
    """Return the drafts for which all filters hold, those of the newest change set first."""
    parameters = {**_parameters(**filters), "limit": limit}
    with driver_errors_translated():
        return [StoredDraft(*row) for row in await connection.execute(sql.LIST, parameters)]


async def count_drafts(connection: AsyncConnection, **filters: Unpack[DraftFilters]) -> int:
    """Return how many drafts `list_drafts` would list without a limit."""
    with driver_errors_translated():
        return int(await connection.scalar(sql.COUNT, _parameters(**filters)) or 0)


def _parameters(
    *,
    states: Collection[str] | None = None,
    change_set_id: int | None = None,
    actor: str | None = None,
    containing: str = "",
) -> dict[str, Any]:
    return {
        "states": None if states is None else list(states),
        "change_set_id": change_set_id,
        "actor": actor,
        "containing": containing,
    }


async def get_draft(connection: AsyncConnection, draft_id: int) -> StoredDraft:
    """Return one draft. Raises UnknownDraft."""
    with driver_errors_translated():
        row = (await connection.execute(sql.GET, {"id": draft_id})).one_or_none()
    if row is None:
        raise UnknownDraft(draft_id)
    return StoredDraft(*row)


async def drafts_of(connection: AsyncConnection, change_set_id: int) -> Sequence[StoredDraft]:
    """Return all drafts of a change set, in the order in which they are applied."""
    parameters = {"change_set_id": change_set_id}
    with driver_errors_translated():
        return [StoredDraft(*row) for row in await connection.execute(sql.OF_SET, parameters)]


async def drafts_for(
    connection: AsyncConnection, key: QueueKey, states: Collection[str]
) -> Sequence[StoredDraft]:
    """Return the drafts in change sets of these states that are made for a missed market."""
    parameters = {"market": json.dumps([key]), "states": list(states)}
    with driver_errors_translated():
        found = await connection.execute(sql.FOR_MISS, parameters)
        return [one for row in found if key in (one := StoredDraft(*row)).keys]


async def add_draft(
    connection: AsyncConnection, change_set_id: int, proposal: Proposal, *, actor: str, reason: str
) -> int:
    """Add a draft and return its number.

    Raises StorageRefused if the change set takes no draft, or already holds one of that mapping.
    """
    values = {"change_set_id": change_set_id, **_values(proposal)}
    with driver_errors_translated():
        await sign(connection, actor, reason)
        return int(await connection.scalar(sql.ADD, values) or 0)


async def replace_draft(
    connection: AsyncConnection, draft_id: int, proposal: Proposal, *, actor: str, reason: str
) -> None:
    """Let a draft propose something else. Raises StorageRefused if its change set cannot be edited."""
    with driver_errors_translated():
        await sign(connection, actor, reason)
        await connection.execute(sql.REPLACE, {"id": draft_id, **_values(proposal)})


async def remove_draft(
    connection: AsyncConnection, draft_id: int, *, actor: str, reason: str
) -> None:
    """Take a draft out of its change set. Raises StorageRefused if that cannot be edited."""
    with driver_errors_translated():
        await sign(connection, actor, reason)
        await connection.execute(sql.REMOVE, {"id": draft_id})


def _values(proposal: Proposal) -> dict[str, Any]:
    mapping = None if proposal.mapping is None else json.dumps(dump_mapping(proposal.mapping))
    return {
        **proposal._asdict(),
        "mapping": mapping,
        "misses": json.dumps([list(key) for key in proposal.misses]),
    }
