"""The statements of what changes did to misses."""

from typing import Final

from sqlalchemy import text

from worker.storage.misses_sql import EVENTS_PER_DAY, LINES_ON_EVENTS, PER_HOUR

# The change set that is applied in this transaction, if mappings were changed in it.
_MADE: Final = """
SELECT one.id FROM change_set AS one
WHERE one.applied_in = CAST(CAST(pg_current_xact_id() AS text) AS bigint) AND one.decided_at = now()
"""
BEGIN = text(f"""
INSERT INTO change_effect (change_set_id) {_MADE}
ON CONFLICT (change_set_id) DO NOTHING
""")

# As the rows are now: settling them has locked them, so nobody counts in between. The lines on an event are
# those of the examples that the insight process keeps of a miss until it is mapped.
RECORD = text(f"""
INSERT INTO change_effect_miss
    (change_set_id, source, external_market_id, is_covered, occurrences, per_hour, comparisons_per_day)
SELECT
    made.id, unmapped_market_log.source, unmapped_market_log.external_market_id, asked.is_covered,
    unmapped_market_log.occurrence_count, {PER_HOUR},
    {EVENTS_PER_DAY} * greatest(1, coalesce(seen.lines, 1)) * asked.carriers
FROM ({_MADE}) AS made
CROSS JOIN unnest(
    CAST(:sources AS text[]), CAST(:external_market_ids AS text[]), CAST(:are_covered AS boolean[]),
    CAST(:carriers AS integer[])
) AS asked (source, external_market_id, is_covered, carriers)
JOIN unmapped_market_log
    ON unmapped_market_log.source = asked.source
    AND unmapped_market_log.external_market_id = asked.external_market_id
LEFT JOIN LATERAL (
    {LINES_ON_EVENTS.format(source="asked.source", market="asked.external_market_id")}
) AS seen ON true
ON CONFLICT (change_set_id, source, external_market_id) DO NOTHING
""")  # noqa: S608  (constants)

# Of a change of very many misses some alone are read where many changes are shown: then `is_whole` is false.
# A watermark that was set back since has counted occurrences again that were there before.
OF_SETS = text("""
SELECT
    effect.change_set_id,
    effect.created_at,
    extract(epoch FROM now() - effect.created_at) / 3600 AS hours,
    count(*) FILTER (WHERE touched.is_covered) AS covered,
    count(*) FILTER (WHERE NOT touched.is_covered) AS reopened,
    coalesce(sum(touched.per_hour) FILTER (WHERE touched.is_covered), 0) AS per_hour,
    coalesce(sum(touched.since) FILTER (WHERE touched.is_covered), 0) AS since,
    coalesce(sum(touched.since) FILTER (WHERE NOT touched.is_covered), 0) AS reopened_since,
    count(*) FILTER (WHERE touched.is_covered AND touched.status = 'MAPPED') AS still_mapped,
    coalesce(sum(touched.comparisons_per_day) FILTER (WHERE touched.is_covered), 0) AS comparisons_per_day,
    count(touched.source) < :most AS is_whole,
    EXISTS (
        SELECT FROM watermark_change AS moved
        WHERE moved.new_offset < moved.old_offset AND moved.created_at >= effect.created_at
    ) OR coalesce(
        bool_or(touched.since IS NULL OR touched.since < 0) FILTER (WHERE touched.source IS NOT NULL), false
    ) AS is_counted_again
FROM change_effect AS effect
LEFT JOIN LATERAL (
    SELECT one.*, miss.status, miss.occurrence_count - one.occurrences AS since
    FROM (
        SELECT * FROM change_effect_miss AS one WHERE one.change_set_id = effect.change_set_id LIMIT :most
    ) AS one
    LEFT JOIN unmapped_market_log AS miss
        ON miss.source = one.source AND miss.external_market_id = one.external_market_id
) AS touched ON touched.source IS NOT NULL
WHERE effect.change_set_id = ANY (CAST(:change_set_ids AS bigint[]))
GROUP BY effect.change_set_id
""")

# Each miss of one change set, those that were missed most first.
MISSES = text("""
SELECT
    one.source, one.external_market_id, miss.market_name, one.is_covered, one.occurrences, one.per_hour,
    one.comparisons_per_day, miss.status, miss.occurrence_count - one.occurrences AS since, miss.last_seen_at
FROM change_effect_miss AS one
LEFT JOIN unmapped_market_log AS miss
    ON miss.source = one.source AND miss.external_market_id = one.external_market_id
WHERE one.change_set_id = :change_set_id
ORDER BY one.per_hour DESC, one.source, one.external_market_id
LIMIT :limit
""")

# A market counts once, for the newest change that mapped it, and only while it is mapped.
UNLOCKED_SINCE = text("""
WITH recent AS (
    SELECT one.source, one.external_market_id, one.comparisons_per_day, effect.created_at
    FROM change_effect AS effect
    JOIN change_effect_miss AS one ON one.change_set_id = effect.change_set_id
    WHERE effect.created_at >= :since AND one.is_covered
    ORDER BY effect.created_at DESC
    LIMIT :most
), newest AS (
    SELECT DISTINCT ON (source, external_market_id) *
    FROM recent
    ORDER BY source, external_market_id, created_at DESC
)
SELECT
    count(*) FILTER (WHERE newest.created_at >= :day),
    coalesce(sum(newest.comparisons_per_day) FILTER (WHERE newest.created_at >= :day), 0),
    count(*),
    coalesce(sum(newest.comparisons_per_day), 0),
    (SELECT count(*) FROM recent) < :most
FROM newest
JOIN unmapped_market_log AS miss
    ON miss.source = newest.source AND miss.external_market_id = newest.external_market_id
WHERE miss.status = 'MAPPED'
""")
