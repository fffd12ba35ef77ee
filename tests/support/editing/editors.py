"""Editors who change the mappings of an edited stream: by plain SQL, and as the commands do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from random import Random
from typing import Any, NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.editing.edited_stream import LABELS, OUTCOMES
from worker.domain.mapping import Mapping, parse_mapping
from worker.operations.mappings.editing import create, delete, set_active, update
from worker.storage.audit import last_version
from worker.storage.editing import Edit, editing
from worker.storage.mappings import StoredMapping, get

ACTOR = "editor"

# All take the same arguments: canonical id, SportyBet's id, the outcomes and the outcomes swapped.
_STATEMENTS = {
    "create": """
        INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping)
        SELECT $1, $1, $2, $3::jsonb WHERE $4::jsonb IS NOT NULL
        ON CONFLICT (canonical_id) DO NOTHING
    """,
    "delete": """
        DELETE FROM user_market_mappings
        WHERE canonical_id = $1 AND num_nonnulls($2::text, $3::jsonb, $4::jsonb) = 3
    """,
    "switch": """
        UPDATE user_market_mappings SET is_active = NOT is_active
        WHERE canonical_id = $1 AND num_nonnulls($2::text, $3::jsonb, $4::jsonb) = 3
    """,
    "swap": """
        UPDATE user_market_mappings
        SET outcome_mapping = CASE
            WHEN outcome_mapping -> 0 -> 'sportybet_desc' = $3::jsonb -> 0 -> 'sportybet_desc' THEN $4::jsonb
            ELSE $3::jsonb
        END
        WHERE canonical_id = $1 AND $2::text IS NOT NULL
    """,
}


class Committed(NamedTuple):
    """A change: the mapping version that it made, and the time just before its commit."""

    version: int
    at: float


class Editor(Protocol):
    async def change(self, market: int) -> Committed:
        """Make one change of any kind; what stood for yes may stand for no afterwards."""


class SqlEditor:
    """Plain SQL, which asks nobody and takes no lock by itself."""

    def __init__(self, connection: Any, random: Random) -> None:
        self._connection = connection
        self._random = random

    async def change(self, market: int) -> Committed:
        while True:
            statement = _STATEMENTS[self._random.choice(list(_STATEMENTS))]
            async with self._connection.transaction():
                tag: str = await self._connection.execute(statement, *_arguments(market))
                version = await self._connection.fetchval("SELECT max(id) FROM mapping_audit_log")
                committed = Committed(version, time.time())
            # The row was there, or was not, as this kind of change needs it.
            if tag.endswith(" 1"):
                return committed


class SignedEditor:
    """The layer of the commands: signed, one after the other, checked for conflicts."""

    def __init__(self, engine: AsyncEngine, random: Random) -> None:
        self._engine = engine
        self._random = random

    async def change(self, market: int) -> Committed:
        async with editing(self._engine, actor=ACTOR, reason="load") as edit:
            row = await get(edit.connection, _name(market))
            if row is None:
                await create(edit, _mapping(market, swapped=False))
            else:
                await self._change(edit, row, market)
            return Committed(await last_version(edit.connection), time.time())

    async def _change(self, edit: Edit, row: StoredMapping, market: int) -> None:
        name = row.canonical_id
        match self._random.choice(["delete", "switch", "swap"]):
            case "delete":
                await delete(edit, name)
            case "switch":
                await set_active(edit, name, row.version, is_active=not row.is_active)
            case _:
                swapped = row.outcome_mapping[0]["sportybet_desc"] == LABELS[0]
                await update(edit, name, lambda _: _mapping(market, swapped=swapped), row.version)


async def create_all(connection: Any, markets: Iterable[int]) -> None:
    await connection.executemany(_STATEMENTS["create"], [_arguments(market) for market in markets])


def _name(market: int) -> str:
    return f"edited_{market}"


def _arguments(market: int) -> tuple[str, str, str, str]:
    plain, swapped = (json.dumps(_outcomes(swapped=swapped)) for swapped in (False, True))
    return _name(market), f"e{market}", plain, swapped


def _mapping(market: int, *, swapped: bool) -> Mapping:
    row = {"canonical_id": _name(market), "name": _name(market), "sportybet_id": f"e{market}"}
    return parse_mapping(row | {"outcome_mapping": _outcomes(swapped=swapped)})


def _outcomes(*, swapped: bool) -> list[dict[str, Any]]:
    labels = LABELS[::-1] if swapped else LABELS
    return [
        {"canonical_id": outcome, "sportybet_desc": label, "position": n}
        for n, (outcome, label) in enumerate(zip(OUTCOMES, labels, strict=True))
    ]
