"""Reading and writing `user_market_mappings`."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.mapping import Mapping, dump_mapping
from worker.storage.errors import driver_errors_translated

INDEX_COLUMNS = (
    "id",
    "canonical_id",
    "name",
    "betpawa_id",
    "sportybet_id",
    "bet9ja_key",
    "priority",
    "line_rule",
    "outcome_mapping",
)

# One statement is one snapshot at every isolation level: the version fits the rows. The outer join keeps the
# version when there is no mapping at all.
READ_INDEX = text("""
SELECT
    (SELECT coalesce(max(id), 0) FROM mapping_audit_log) AS version,
    mapping.id,
    mapping.canonical_id,
    mapping.name,
    mapping.betpawa_id,
    mapping.sportybet_id,
    mapping.bet9ja_key,
    mapping.priority,
    mapping.line_rule,
    mapping.outcome_mapping
FROM (VALUES (1)) AS always
LEFT JOIN user_market_mappings AS mapping ON mapping.is_active
ORDER BY mapping.id
""").columns(line_rule=JSONB, outcome_mapping=JSONB)

# Who and why, for the transaction only: the audit reads them.
SIGN = text(
    "SELECT set_config('marketmap.actor', :actor, true), set_config('marketmap.reason', :reason, true)"
)

# `is_active` is the editors' alone: importing again does not switch on what they switched off. Rows that are
# equal already are not touched, so they do not come back.
IMPORT = text("""
INSERT INTO user_market_mappings AS current (
    canonical_id, name, betpawa_id, sportybet_id, bet9ja_key, priority, line_rule, outcome_mapping, created_by
)
SELECT
    new.canonical_id, new.name, new.betpawa_id, new.sportybet_id, new.bet9ja_key, new.priority, new.line_rule,
    new.outcome_mapping, :actor
FROM jsonb_to_recordset(CAST(:mappings AS jsonb)) AS new (
    canonical_id text, name text, betpawa_id text, sportybet_id text, bet9ja_key text, priority integer,
    line_rule jsonb, outcome_mapping jsonb
)
ORDER BY new.canonical_id
ON CONFLICT ON CONSTRAINT uq_user_market_mappings_canonical_id DO UPDATE SET
    name = excluded.name,
    betpawa_id = excluded.betpawa_id,
    sportybet_id = excluded.sportybet_id,
    bet9ja_key = excluded.bet9ja_key,
    priority = excluded.priority,
    line_rule = excluded.line_rule,
    outcome_mapping = excluded.outcome_mapping,
    updated_at = now()
WHERE (
    current.name, current.betpawa_id, current.sportybet_id, current.bet9ja_key, current.priority,
    current.line_rule, current.outcome_mapping
) IS DISTINCT FROM (
    excluded.name, excluded.betpawa_id, excluded.sportybet_id, excluded.bet9ja_key, excluded.priority,
    excluded.line_rule, excluded.outcome_mapping
)
RETURNING canonical_id, xmax = 0 AS is_new
""")


class ImportReport(NamedTuple):
    """The canonical ids that an import added, changed and left as they were, each in the order given."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


async def load_index_rows(connection: AsyncConnection) -> tuple[int, list[dict[str, Any]]]:
    """Return the mapping version and all active mappings as of that version, by ascending id.

    A row is a dict of INDEX_COLUMNS, as `parse_mapping` takes it. The version is the last audit id, 0 before
    the first change. Raises StorageUnavailable or StorageFatal.
    """
    with driver_errors_translated():
        rows = (await connection.execute(READ_INDEX)).mappings().all()
    mappings = [{name: row[name] for name in INDEX_COLUMNS} for row in rows if row["id"] is not None]
    return rows[0]["version"], mappings


async def import_mappings(
    connection: AsyncConnection,
    mappings: Sequence[Mapping],
    *,
    actor: str,
    reason: str,
    dry_run: bool = False,
) -> ImportReport:
    """Add or change mappings by canonical id, within the caller's transaction.

    Mappings that are not named stay, and so does every `is_active`. A dry run does the same and takes it
    back, so what it reports is what would happen. Raises ValueError if a canonical id stands twice, else as
    the ledger does.
    """
    names = [mapping.canonical_id for mapping in mappings]
    if len(set(names)) != len(names):
        raise ValueError("a canonical id stands twice")
    rows = json.dumps([dump_mapping(mapping) for mapping in mappings])
    with driver_errors_translated():
        attempt = await connection.begin_nested()
        await connection.execute(SIGN, {"actor": actor, "reason": reason})
        touched = (await connection.execute(IMPORT, {"mappings": rows, "actor": actor})).all()
        await (attempt.rollback() if dry_run else attempt.commit())
    is_new = {row.canonical_id: row.is_new for row in touched}
    return ImportReport(
        added=tuple(name for name in names if is_new.get(name) is True),
        changed=tuple(name for name in names if is_new.get(name) is False),
        unchanged=tuple(name for name in names if name not in is_new),
    )
