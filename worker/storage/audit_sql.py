"""The statements that read the audit log, and the lock under which mappings change."""

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

CHANNEL = "marketmap_mappings"

# The triggers take the same lock before a mapping changes; see alembic/sql/lock_mappings_v2.sql.
LOCK_MAPPINGS = text("SELECT pg_advisory_xact_lock(hashtextextended('marketmap.mappings', 0))")

LAST_VERSION = text("SELECT coalesce(max(id), 0) FROM mapping_audit_log")

AUDIT_COLUMNS = (
    "id, mapping_id, canonical_id, action, old_value, new_value, reason, created_at, created_by,"
    " login"
)

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

COUNT = text("SELECT count(*) FROM mapping_audit_log")

READ_HISTORY = text(f"""
SELECT {AUDIT_COLUMNS}
FROM mapping_audit_log
WHERE canonical_id = :canonical_id
ORDER BY id
""").columns(old_value=JSONB, new_value=JSONB)  # noqa: S608  (a constant)

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
