"""Edits of mappings as plain SQL makes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import asyncpg

from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.index import MappingIndex

OUTCOMES = [
    {"canonical_id": "yes", "sportybet_desc": "Yes"},
    {"canonical_id": "no", "sportybet_desc": "No"},
]

INSERT = """
INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping)
VALUES ($1, $1, $2, $3)
"""


async def insert(url: str, canonical_id: str, sportybet_id: str, outcomes: Any = OUTCOMES) -> int:
    """Add a mapping; the version that it made."""
    return await run(url, INSERT, canonical_id, sportybet_id, json.dumps(outcomes))


async def run(url: str, statement: str, *arguments: Any) -> int:
    """One statement in a transaction of its own; the mapping version after it."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(statement, *arguments)
            return int(
                await connection.fetchval("SELECT coalesce(max(id), 0) FROM mapping_audit_log")
            )
    finally:
        await connection.close()


async def fetch(url: str, query: str, *arguments: Any) -> Sequence[Any]:
    connection = await asyncpg.connect(url)
    try:
        rows: Sequence[Any] = await connection.fetch(query, *arguments)
        return rows
    finally:
        await connection.close()


def claims(index: MappingIndex) -> dict[tuple[Platform, str], list[Any]]:
    """What an index holds: the mappings that claim each platform market, in their order."""
    return {
        (platform, market_id): [claim.mapping for claim in held.claims]
        for platform in PLATFORMS
        for market_id, held in index.claimed(platform).items()
    }
