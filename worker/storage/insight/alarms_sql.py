"""The statements of alarms."""

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

# The process has no transactions: what it signs with is set for its session.
SIGN_SESSION = text(
    "SELECT set_config('marketmap.actor', :actor, false), set_config('marketmap.reason', :reason, false)"
)

# A person's decision about a version of a mapping stays.
RAISE = text("""
INSERT INTO alarm AS kept
    (canonical_id, platform, version, kind, present, better, events, canonical_id_instead, outcomes_instead,
        reason)
VALUES (:canonical_id, :platform, :version, :kind, :present, :better, :events, :canonical_id_instead,
    CAST(:outcomes_instead AS jsonb), :reason)
ON CONFLICT (canonical_id, platform, version) DO UPDATE SET
    kind = excluded.kind,
    present = excluded.present,
    better = excluded.better,
    events = excluded.events,
    canonical_id_instead = excluded.canonical_id_instead,
    outcomes_instead = excluded.outcomes_instead,
    reason = excluded.reason,
    status = CASE
        WHEN kept.status = 'CLOSED' AND kept.status_actor = :actor THEN 'OPEN'
        ELSE kept.status
    END,
    updated_at = now()
WHERE (kept.kind, kept.present, kept.better, kept.events, kept.canonical_id_instead, kept.outcomes_instead)
    IS DISTINCT FROM (excluded.kind, excluded.present, excluded.better, excluded.events,
        excluded.canonical_id_instead, excluded.outcomes_instead)
    OR (kept.status = 'CLOSED' AND kept.status_actor = :actor)
RETURNING id, (xmax = 0) AS is_new
""")

CLOSE_OTHERS = text("""
UPDATE alarm
SET status = 'CLOSED', updated_at = now()
WHERE status <> 'CLOSED'
    AND CAST(:versions AS jsonb) -> canonical_id IS DISTINCT FROM to_jsonb(version)
RETURNING id
""")

CLOSE_AGREEING = text("""
UPDATE alarm
SET status = 'CLOSED', updated_at = now()
FROM unnest(CAST(:canonical_ids AS text[]), CAST(:platforms AS text[])) AS given (canonical_id, platform)
WHERE status <> 'CLOSED'
    AND alarm.canonical_id = given.canonical_id
    AND alarm.platform = given.platform
RETURNING id
""")

_ALARM = """
SELECT id, canonical_id, platform, version, kind, present, better, events, canonical_id_instead,
    outcomes_instead, reason, status, raised_at, updated_at, status_actor, status_reason, status_changed_at,
    status_login
FROM alarm
"""
_FILTERED = """
WHERE status = ANY (CAST(:statuses AS text[]))
    AND (CAST(:platform AS text) IS NULL OR platform = :platform)
    AND strpos(lower(canonical_id), lower(:containing)) > 0
"""
LIST = text(f"{_ALARM} {_FILTERED} ORDER BY raised_at DESC, id DESC LIMIT :limit").columns(
    outcomes_instead=JSONB
)
COUNT = text(f"SELECT count(*) FROM alarm {_FILTERED}")  # noqa: S608  (constants)
GET = text(f"{_ALARM} WHERE id = ANY (CAST(:ids AS bigint[])) ORDER BY id").columns(
    outcomes_instead=JSONB
)

CHANGE = text("""
UPDATE alarm
SET status = :status, updated_at = now()
WHERE id = ANY (CAST(:ids AS bigint[])) AND status <> :status
RETURNING id
""")
