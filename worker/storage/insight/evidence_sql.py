"""The statements of evidence from odds. To write the same again changes nothing."""

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

# The first suggestion of a market about which nobody has decided. The process deletes what it suggested for a
# mapped market at its next turn, and for an ignored one never.
UNDECIDED_FIRST = """
suggestion.rank = 1
    AND NOT EXISTS (
        SELECT FROM unmapped_market_log AS miss
        WHERE miss.source = suggestion.source
            AND miss.external_market_id = suggestion.external_market_id
            AND miss.status IN ('MAPPED', 'IGNORED')
    )
"""

READ_EVENTS = text("""
SELECT event, home, away, starts_at, seen_at, boards
FROM watched_event
WHERE books >= :books
ORDER BY seen_at DESC, event
LIMIT :limit
""")

# The newest first; of one, with its boards.
_LISTED_EVENTS = """
FROM watched_event
WHERE books >= :books
    AND strpos(lower(concat_ws(' ', event, home, away)), lower(:containing)) > 0
"""
LIST_EVENTS = text(f"""
SELECT event, home, away, starts_at, seen_at, books
{_LISTED_EVENTS}
ORDER BY seen_at DESC, event
LIMIT :limit
""")
COUNT_EVENTS = text(f"SELECT count(*) {_LISTED_EVENTS}")
GET_EVENT = text(
    "SELECT event, home, away, starts_at, seen_at, boards FROM watched_event WHERE event = :event"
)

SAVE_EVENT = text("""
INSERT INTO watched_event (event, home, away, starts_at, seen_at, books, boards)
VALUES (:event, :home, :away, :starts_at, :seen_at, :books, :boards)
ON CONFLICT (event) DO UPDATE SET
    home = excluded.home,
    away = excluded.away,
    starts_at = excluded.starts_at,
    seen_at = excluded.seen_at,
    books = excluded.books,
    boards = excluded.boards,
    updated_at = now()
WHERE watched_event.boards IS DISTINCT FROM excluded.boards
""")

READ_STATE = text(f"""
SELECT
    (SELECT count(*) FROM watched_event WHERE books > 1) AS events,
    (SELECT count(DISTINCT canonical_id) FROM mapping_evidence) AS mappings,
    (SELECT count(*) FROM suggestion WHERE {UNDECIDED_FIRST}) AS suggested,
    (SELECT count(*) FROM alarm WHERE status = 'OPEN' AND kind <> 'drift') AS alarms,
    (SELECT max(updated_at) FROM watched_event) AS stored_at,
    (SELECT max(updated_at) FROM mapping_evidence) AS judged_at,
    clock_timestamp() AS now
""")  # noqa: S608  (constants)

KEEP_EVENTS = text("DELETE FROM watched_event WHERE event <> ALL (CAST(:events AS text[]))")

# The newest change of each mapping up to a version of the table.
VERSIONS = text("""
SELECT canonical_id, max(id) AS version
FROM mapping_audit_log
WHERE id <= :version
GROUP BY canonical_id
""")

SAVE_EVIDENCE = text("""
INSERT INTO mapping_evidence AS kept
    (canonical_id, platform, against, version, events, comparisons, prices, median, p90, worst,
        last_verified_at)
SELECT canonical_id, platform, against, version, events, comparisons, prices, median, p90, worst,
    last_verified_at
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (
    canonical_id text, platform text, against text, version bigint, events integer, comparisons integer,
    prices integer, median double precision, p90 double precision, worst jsonb, last_verified_at timestamptz
)
ON CONFLICT (canonical_id, platform, against) DO UPDATE SET
    version = excluded.version,
    events = excluded.events,
    comparisons = excluded.comparisons,
    prices = excluded.prices,
    median = excluded.median,
    p90 = excluded.p90,
    worst = excluded.worst,
    -- What was verified under this version stays so when its events are gone.
    last_verified_at = CASE
        WHEN kept.version = excluded.version THEN greatest(kept.last_verified_at, excluded.last_verified_at)
        ELSE excluded.last_verified_at
    END,
    updated_at = now()
WHERE (kept.version, kept.events, kept.comparisons, kept.prices, kept.median, kept.p90, kept.worst)
    IS DISTINCT FROM (excluded.version, excluded.events, excluded.comparisons, excluded.prices,
        excluded.median, excluded.p90, excluded.worst)
""")

# Evidence about a version that is no longer in use says nothing.
DROP_OLD_EVIDENCE = text("""
DELETE FROM mapping_evidence
WHERE CAST(:versions AS jsonb) -> canonical_id IS DISTINCT FROM to_jsonb(version)
""")

DROP_SUGGESTIONS = text("""
DELETE FROM suggestion
WHERE source = :source AND external_market_id = :external_market_id AND rank > :ranks
""")

SAVE_SUGGESTIONS = text("""
INSERT INTO suggestion AS kept
    (source, external_market_id, rank, market_name, canonical_id, version, line_kind, outcomes, unmatched,
        evidence, events, likeness, confidence, is_confident, reason)
SELECT :source, :external_market_id, rank, left(:market_name, 255), canonical_id, version, line_kind,
    outcomes, unmatched, evidence, events, likeness, confidence, is_confident, reason
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (
    rank smallint, canonical_id text, version bigint, line_kind text, outcomes jsonb, unmatched jsonb,
    evidence jsonb, events integer, likeness double precision, confidence double precision,
    is_confident boolean, reason text
)
ON CONFLICT (source, external_market_id, rank) DO UPDATE SET
    market_name = excluded.market_name,
    canonical_id = excluded.canonical_id,
    version = excluded.version,
    line_kind = excluded.line_kind,
    outcomes = excluded.outcomes,
    unmatched = excluded.unmatched,
    evidence = excluded.evidence,
    events = excluded.events,
    likeness = excluded.likeness,
    confidence = excluded.confidence,
    is_confident = excluded.is_confident,
    reason = excluded.reason,
    updated_at = now()
""")

# A market that is mapped by now has nothing to be suggested.
DROP_MAPPED = text("""
WITH mapped AS (
    SELECT *
    FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS given (source, external_market_id)
), suggested AS (
    DELETE FROM suggestion USING mapped
    WHERE suggestion.source = mapped.source
        AND suggestion.external_market_id = mapped.external_market_id
)
DELETE FROM evidence_sample USING mapped
WHERE subject = 'miss'
    AND evidence_sample.source = mapped.source
    AND evidence_sample.market = mapped.external_market_id
""")

DROP_SAMPLES = text("""
DELETE FROM evidence_sample
WHERE subject = :subject
    AND source = :source
    AND market = :market
    AND event <> ALL (CAST(:events AS text[]))
""")

SAVE_SAMPLES = text("""
INSERT INTO evidence_sample
    (subject, source, market, event, home, away, starts_at, seen_at, prices, others)
SELECT :subject, :source, :market, event, home, away, starts_at, seen_at, prices, others
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (
    event text, home text, away text, starts_at timestamptz, seen_at timestamptz, prices jsonb, others jsonb
)
ON CONFLICT (subject, source, market, event) DO UPDATE SET
    home = excluded.home,
    away = excluded.away,
    starts_at = excluded.starts_at,
    seen_at = excluded.seen_at,
    prices = excluded.prices,
    others = excluded.others,
    updated_at = now()
""")

_SUGGESTION = """
SELECT source, external_market_id, rank, market_name, canonical_id, version, line_kind, outcomes, unmatched,
    evidence, events, likeness, confidence, is_confident, reason, updated_at
FROM suggestion
"""
_SUGGESTED = {"outcomes": JSONB, "unmatched": JSONB, "evidence": JSONB}

# The first of each market, the surest market first.
_LISTED = f"""
WHERE {UNDECIDED_FIRST}
    AND (CAST(:source AS text) IS NULL OR source = :source)
    AND (is_confident OR NOT :confident)
    AND (
        CAST(:containing AS text) = ''
        OR strpos(
            lower(concat_ws(' ', external_market_id, market_name, canonical_id)), lower(:containing)
        ) > 0
    )
"""
LIST_SUGGESTIONS = text(f"""
{_SUGGESTION} {_LISTED}
ORDER BY is_confident DESC, confidence DESC, source, external_market_id
LIMIT :limit
""").columns(**_SUGGESTED)
COUNT_SUGGESTIONS = text(f"SELECT count(*) FROM suggestion {_LISTED}")  # noqa: S608  (constants)

COUNT_CONFIDENT = text(
    f"SELECT count(*) FROM suggestion WHERE is_confident AND {UNDECIDED_FIRST}"  # noqa: S608  (constants)
)

READ_SUGGESTIONS = text(f"""
{_SUGGESTION}
WHERE source = :source AND external_market_id = :external_market_id
ORDER BY rank
""").columns(**_SUGGESTED)

FIRST_SUGGESTIONS = text(f"""
{_SUGGESTION}
JOIN unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS asked (source, external_market_id)
    USING (source, external_market_id)
WHERE rank = 1
""").columns(**_SUGGESTED)

READ_SAMPLES = text("""
SELECT event, home, away, starts_at, seen_at, prices, others
FROM evidence_sample
WHERE subject = :subject AND source = :source AND market = :market
ORDER BY seen_at DESC, event
""").columns(prices=JSONB, others=JSONB)

_EVIDENCE = """
SELECT canonical_id, platform, against, version, events, comparisons, prices, median, p90, worst,
    last_verified_at, updated_at
FROM mapping_evidence
"""
_FILTERED = """
WHERE (CAST(:canonical_id AS text) IS NULL OR canonical_id = :canonical_id)
    AND (CAST(:platform AS text) IS NULL OR platform = :platform)
    AND strpos(lower(canonical_id), lower(:containing)) > 0
"""
LIST_EVIDENCE = text(f"""
{_EVIDENCE} {_FILTERED}
ORDER BY canonical_id, platform, against
""").columns(worst=JSONB)
EVIDENCE_OF = text(f"""
{_EVIDENCE} WHERE canonical_id = ANY (CAST(:canonical_ids AS text[]))
ORDER BY canonical_id, platform, against
""").columns(worst=JSONB)
