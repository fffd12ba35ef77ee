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

# An alarm that says what the mapping is instead stays: it says more.
RAISE_PROOF = text("""
INSERT INTO alarm AS kept (canonical_id, platform, version, kind, events, reason)
VALUES (:canonical_id, :platform, :version, 'proof', :events, :reason)
ON CONFLICT (canonical_id, platform, version) DO UPDATE SET
    kind = excluded.kind,
    present = NULL,
    better = NULL,
    events = excluded.events,
    canonical_id_instead = NULL,
    outcomes_instead = NULL,
    reason = excluded.reason,
    status = CASE
        WHEN kept.status = 'CLOSED' AND kept.status_actor = :actor THEN 'OPEN'
        ELSE kept.status
    END,
    updated_at = now()
WHERE kept.kind = 'proof' AND (kept.events, kept.reason) IS DISTINCT FROM (excluded.events, excluded.reason)
    OR (kept.status = 'CLOSED' AND kept.status_actor = :actor)
RETURNING id, (xmax = 0) AS is_new
""")

CLOSE_OTHERS = text("""
UPDATE alarm
SET status = 'CLOSED', updated_at = now()
WHERE status <> 'CLOSED'
    AND kind <> 'drift'
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
    AND (alarm.kind = 'proof') = CAST(:is_proof AS boolean)
RETURNING id
""")

_ALARM = """
SELECT id, canonical_id, platform, version, kind, present, better, events, canonical_id_instead,
    outcomes_instead, reason, status, raised_at, updated_at, status_actor, status_reason, status_changed_at,
    status_login, sign, first_hour, last_hour
FROM alarm
"""
_FILTERED = """
WHERE status = ANY (CAST(:statuses AS text[]))
    AND (CAST(:platform AS text) IS NULL OR platform = :platform)
    AND (CAST(:kind AS text) IS NULL OR kind = :kind)
    AND strpos(lower(coalesce(canonical_id, sign)), lower(:containing)) > 0
"""
LIST = text(f"{_ALARM} {_FILTERED} ORDER BY raised_at DESC, id DESC LIMIT :limit").columns(
    outcomes_instead=JSONB
)
COUNT = text(f"SELECT count(*) FROM alarm {_FILTERED}")  # noqa: S608  (constants)
COUNT_OPEN = text("""
SELECT count(*) FILTER (WHERE kind <> 'drift') AS mappings, count(*) FILTER (WHERE kind = 'drift') AS drift
FROM alarm
WHERE status = 'OPEN'
""")
GET = text(f"{_ALARM} WHERE id = ANY (CAST(:ids AS bigint[])) ORDER BY id").columns(
    outcomes_instead=JSONB
)

CHANGE = text("""
UPDATE alarm
SET status = :status, updated_at = now()
WHERE id = ANY (CAST(:ids AS bigint[])) AND status <> :status
RETURNING id
""")

# What one bookmaker's alarms of this kind say of the past.
LIST_DRIFT = text("""
SELECT sign, first_hour, last_hour,
    status <> 'CLOSED' AS is_open,
    status = 'CLOSED' AND status_actor IS DISTINCT FROM CAST(:process AS text) AS is_settled
FROM alarm
WHERE kind = 'drift' AND platform = :platform
    AND (status <> 'CLOSED' OR last_hour >= CAST(:since AS timestamptz))
ORDER BY first_hour, sign
""")

# One that is not closed goes on. One that a person closed stays closed.
RAISE_DRIFT = text("""
WITH given AS (
    SELECT CAST(:platform AS text) AS platform, CAST(:sign AS text) AS sign,
        CAST(:hour AS timestamptz) AS hour, CAST(:events AS integer) AS events,
        CAST(:reason AS text) AS reason
), known AS (
    UPDATE alarm
    SET last_hour = greatest(alarm.last_hour, given.hour), events = given.events, reason = given.reason,
        updated_at = now()
    FROM given
    WHERE alarm.kind = 'drift' AND alarm.status <> 'CLOSED'
        AND (alarm.platform, alarm.sign) = (given.platform, given.sign)
        AND (alarm.last_hour, alarm.events, alarm.reason)
            IS DISTINCT FROM (greatest(alarm.last_hour, given.hour), given.events, given.reason)
)
INSERT INTO alarm AS kept (platform, kind, sign, first_hour, last_hour, events, reason)
SELECT platform, 'drift', sign, hour, hour, events, reason
FROM given
WHERE NOT EXISTS (
    SELECT FROM alarm
    WHERE kind = 'drift' AND status <> 'CLOSED'
        AND (alarm.platform, alarm.sign) = (given.platform, given.sign)
)
ON CONFLICT (platform, sign, first_hour) DO UPDATE SET
    last_hour = excluded.last_hour,
    events = excluded.events,
    reason = excluded.reason,
    status = 'OPEN',
    updated_at = now()
WHERE kept.status_actor = CAST(:process AS text)
RETURNING id
""")

CLOSE_DRIFT = text("""
UPDATE alarm
SET status = 'CLOSED', updated_at = now()
WHERE kind = 'drift' AND platform = :platform AND status <> 'CLOSED'
    AND sign = ANY (CAST(:signs AS text[])) AND last_hour < CAST(:hour AS timestamptz)
RETURNING id
""")
