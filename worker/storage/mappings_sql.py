"""The statements that read and write `user_market_mappings`."""

from typing import Final

from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql import JSONB

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
# equal already are not touched, so they do not come back. New ones get their ids in the order given, so that
# an export by id gives the same catalogue back.
IMPORT = text("""
INSERT INTO user_market_mappings AS current (
    canonical_id, name, betpawa_id, sportybet_id, bet9ja_key, priority, line_rule, outcome_mapping, is_active,
    created_by
)
SELECT
    new.canonical_id, new.name, new.betpawa_id, new.sportybet_id, new.bet9ja_key, new.priority, new.line_rule,
    new.outcome_mapping, new.is_active, :actor
FROM ROWS FROM (
    jsonb_to_recordset(CAST(:mappings AS jsonb)) AS (
        canonical_id text, name text, betpawa_id text, sportybet_id text, bet9ja_key text, priority integer,
        line_rule jsonb, outcome_mapping jsonb, is_active boolean
    )
) WITH ORDINALITY AS new (
    canonical_id, name, betpawa_id, sportybet_id, bet9ja_key, priority, line_rule, outcome_mapping, is_active,
    place
)
ORDER BY new.place
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

# A mapping's version is its newest audit id: it tells an editor whether the row is still the one they read.
READ_MAPPINGS = """
SELECT
    mapping.id, mapping.canonical_id, mapping.name, mapping.betpawa_id, mapping.sportybet_id,
    mapping.bet9ja_key, mapping.priority, mapping.line_rule, mapping.outcome_mapping, mapping.is_active,
    mapping.created_at, mapping.updated_at, mapping.created_by,
    coalesce(
        (SELECT max(log.id) FROM mapping_audit_log AS log WHERE log.canonical_id = mapping.canonical_id), 0
    ) AS version
FROM user_market_mappings AS mapping
"""

GET = text(f"{READ_MAPPINGS} WHERE mapping.canonical_id = :canonical_id").columns(
    line_rule=JSONB, outcome_mapping=JSONB
)

ID_COLUMNS: Final = {"betpawa": "betpawa_id", "sportybet": "sportybet_id", "bet9ja": "bet9ja_key"}

# One for each filter of a list. They are put together rather than switched off by a NULL parameter, because
# then no plan could use the partial indexes.
SOLD_ON: Final = {
    platform: f"mapping.{column} IS NOT NULL" for platform, column in ID_COLUMNS.items()
}
CLAIMS_ON: Final = {
    platform: f"mapping.{column} = :market_id" for platform, column in ID_COLUMNS.items()
}
CLAIMS: Final = f"({' OR '.join(CLAIMS_ON.values())})"
IS_ACTIVE: Final = {True: "mapping.is_active", False: "NOT mapping.is_active"}
CONTAINS: Final = (
    "strpos(lower(concat_ws(' ', mapping.canonical_id, mapping.name)),"
    " lower(CAST(:containing AS text))) > 0"
)


def list_of(*predicates: str, limited: bool = False) -> TextClause:
    """The statement for the mappings that all of these predicates hold for, by canonical id."""
    where = " AND ".join(predicates) or "true"
    limit = "LIMIT :limit" if limited else ""
    return text(f"{READ_MAPPINGS} WHERE {where} ORDER BY mapping.canonical_id {limit}")


READ_VALUES = """
jsonb_to_record(CAST(:mapping AS jsonb)) AS new (
    canonical_id text, name text, betpawa_id text, sportybet_id text, bet9ja_key text, priority integer,
    line_rule jsonb, outcome_mapping jsonb
)
"""

CREATE = text(f"""
INSERT INTO user_market_mappings (
    canonical_id, name, betpawa_id, sportybet_id, bet9ja_key, priority, line_rule, outcome_mapping, is_active,
    created_by
)
SELECT new.*, :is_active, :actor FROM {READ_VALUES}
ON CONFLICT ON CONSTRAINT uq_user_market_mappings_canonical_id DO NOTHING
RETURNING id
""")  # noqa: S608  (constants)

UPDATE = text(f"""
UPDATE user_market_mappings AS current
SET
    canonical_id = new.canonical_id,
    name = new.name,
    betpawa_id = new.betpawa_id,
    sportybet_id = new.sportybet_id,
    bet9ja_key = new.bet9ja_key,
    priority = new.priority,
    line_rule = new.line_rule,
    outcome_mapping = new.outcome_mapping,
    is_active = coalesce(:is_active, current.is_active)
FROM {READ_VALUES}
WHERE current.id = :id
""")  # noqa: S608  (constants)

SET_ACTIVE = text("UPDATE user_market_mappings SET is_active = :is_active WHERE id = :id")

DELETE = text("DELETE FROM user_market_mappings WHERE id = :id")
