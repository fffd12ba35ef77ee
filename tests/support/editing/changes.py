"""What a topic of mapping changes says, against the audit log and the table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from schemas import ID_HEADER, MappingChanged, MappingState, audit_id
from tests.support.editing.edits import fetch
from tests.support.services.installation import Installation, until
from worker.kafka.record import RawRecord

AUDIT = "SELECT id, canonical_id, action FROM mapping_audit_log ORDER BY id"
TABLE = "SELECT canonical_id, to_jsonb(mapping)::text AS row FROM user_market_mappings AS mapping"
CURSOR = "SELECT coalesce(max(last_audit_id), 0) FROM relay_cursor"


def parsed(records: Iterable[RawRecord]) -> list[MappingChanged]:
    """The messages; each must be under its key and carry its id."""
    changes = []
    for record in records:
        change = MappingChanged.model_validate_json(record.value or b"")
        assert record.key == change.canonical_id.encode()
        assert dict(record.headers)[ID_HEADER] == audit_id(change.mapping_version).encode()
        changes.append(change)
    return changes


def first_occurrences(changes: Iterable[MappingChanged]) -> list[tuple[int, str, str]]:
    """Version, canonical id and action, repetitions dropped, in the order of the topic."""
    seen: dict[int, tuple[int, str, str]] = {}
    for change in changes:
        seen.setdefault(
            change.mapping_version, (change.mapping_version, change.canonical_id, change.action)
        )
    return list(seen.values())


async def audited(url: str) -> list[tuple[int, str, str]]:
    return [tuple(row) for row in await fetch(url, AUDIT)]


async def table(url: str) -> dict[str, MappingState]:
    rows: Sequence[Any] = await fetch(url, TABLE)
    return {
        name: MappingState.model_validate_json(json.dumps(json.loads(row))) for name, row in rows
    }


async def published(installation: Installation) -> None:
    """Wait until the cursor stands at the last audit row."""

    async def is_published() -> bool:
        ((cursor,),) = await fetch(installation.settings.database_url, CURSOR)
        ((last,),) = await fetch(
            installation.settings.database_url, "SELECT max(id) FROM mapping_audit_log"
        )
        return bool(cursor == last)

    await until(is_published)
