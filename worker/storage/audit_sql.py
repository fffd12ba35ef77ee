"""The statements that read the audit log, and the lock under which mappings change."""

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

from worker.storage.columns.json_columns import LONGEST

CHANNEL = "marketmap_mappings"

# The triggers take the same lock before a mapping changes; see alembic/sql/lock_mappings_v2.sql.
LOCK_MAPPINGS = text("SELECT pg_advisory_xact_lock(hashtextextended('marketmap.mappings', 0))")

LAST_VERSION = text("SELECT coalesce(max(id), 0) FROM mapping_audit_log")


TOO_LONG = f"a value that is longer than {LONGEST} characters"


def _bounded(column: str) -> str:
    """Return the value, or in place of one that cannot be read a text that says so: it stays on the server.

    Whoever may edit can store a gigabyte. What takes few bytes is at most 255 times as long: its length need
    not be worked out.
    """
    return f"""CASE
        WHEN pg_column_size({column}) <= {LONGEST // 255} THEN {column}
        WHEN length(CAST({column} AS text)) <= {LONGEST} THEN {column}
        WHEN {column} IS NOT NULL THEN to_jsonb(CAST('{TOO_LONG}' AS text))
    END AS {column}"""


_REASON = (
    "CASE WHEN length(reason) <= 10000 THEN reason ELSE left(reason, 10000) || '...' END AS reason"
)
AUDIT_COLUMNS = (
    f"id, mapping_id, canonical_id, action, {_bounded('old_value')}, {_bounded('new_value')}, {_REASON},"
    " created_at, created_by, login, change_set_id, approved_by"
)

# Of the last changes alone: the log may be very long.
RECENT_REASONS = text("""
SELECT newest.reason
FROM (SELECT id, reason FROM mapping_audit_log ORDER BY id DESC LIMIT 300) AS newest
WHERE newest.reason IS NOT NULL AND length(newest.reason) <= 200
GROUP BY newest.reason
ORDER BY count(*) DESC, max(newest.id) DESC
LIMIT :limit
""")

READ_AFTER = text(f"""
SELECT {AUDIT_COLUMNS}
FROM mapping_audit_log
WHERE id > :version
ORDER BY id
LIMIT :limit
""").columns(old_value=JSONB, new_value=JSONB)  # noqa: S608  (a constant)

READ_NEWEST = text(f"""
SELECT {AUDIT_COLUMNS}
FROM mapping_audit_log
ORDER BY id DESC
LIMIT :limit
""").columns(old_value=JSONB, new_value=JSONB)  # noqa: S608  (a constant)

# The first of the last rows is found by ids alone: the rows are then read in order, and never sorted.
LAST = """
SELECT {columns}
FROM mapping_audit_log
WHERE {predicate}
    AND id >= (
        SELECT min(id)
        FROM (
            SELECT id FROM mapping_audit_log WHERE {predicate} ORDER BY id DESC LIMIT CAST(:limit AS bigint)
        ) AS newest
    )
ORDER BY id
"""
OF_ONE = "canonical_id = :canonical_id"

READ_LAST = text(LAST.format(columns=AUDIT_COLUMNS, predicate="true")).columns(
    old_value=JSONB, new_value=JSONB
)

READ_LAST_OF_ONE = text(LAST.format(columns=AUDIT_COLUMNS, predicate=OF_ONE)).columns(
    old_value=JSONB, new_value=JSONB
)

# The rows at and before a place of the index of both columns, some perhaps of other mappings. With an
# equation and an order by id, Postgres may read the log from its end, until a change of this mapping comes.
_BEFORE = f"""
SELECT {AUDIT_COLUMNS}
FROM (
    SELECT {AUDIT_COLUMNS}
    FROM mapping_audit_log
    WHERE (canonical_id, id) <= (:canonical_id, CAST(:version AS bigint))
    ORDER BY canonical_id DESC, id DESC
    LIMIT {{limit}}
) AS newest
WHERE {OF_ONE}
ORDER BY id
"""  # noqa: S608  (constants)

READ_UNTIL = text(_BEFORE.format(limit="1")).columns(old_value=JSONB, new_value=JSONB)

READ_NEWEST_OF_ONE = text(_BEFORE.format(limit="CAST(:limit AS bigint)")).columns(
    old_value=JSONB, new_value=JSONB
)

COUNT = text("SELECT count(*) FROM mapping_audit_log")

COUNT_OF_ONE = text(f"SELECT count(*) FROM mapping_audit_log WHERE {OF_ONE}")  # noqa: S608  (a constant)

# The newest audit row of a mapping is its state; it is deleted if that row has no new value. Nothing is cast:
# one value that cannot be cast would make the whole version unreadable.
TABLE_AS_OF = text("""
SELECT newest.canonical_id, newest.new_value
FROM (
    SELECT DISTINCT ON (canonical_id) canonical_id, new_value
    FROM mapping_audit_log
    WHERE id <= :version
    ORDER BY canonical_id, id DESC
) AS newest
WHERE newest.new_value -> 'is_active' = 'true'
""").columns(new_value=JSONB)
