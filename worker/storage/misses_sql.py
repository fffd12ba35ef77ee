"""The statements of the work queue.

Rows are locked in the order of the whole key by its bytes, as the ledger does: in the order of the database's
language two that touch the same rows would deadlock.
"""

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

# The score as of now: every row loses the same share of it in an hour without a sighting.
READ = """
SELECT
    id, source, external_market_id, market_name, sample_outcomes, first_seen_at, last_seen_at,
    occurrence_count, status, notes, reason, mapping_version, mapped_version, status_actor,
    status_changed_at, ignored_until_count, ignored_until_rate, ignored_until, event_count, other_books,
    status_login,
    marketmap_rate_v1(
        coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at)), now()
    ) AS occurrences_per_hour,
    marketmap_rate_v1(priority, now()) AS score
FROM unmapped_market_log
"""

# A band holds the priorities between two whole numbers, so the order is that of the priority. The index has
# the bands alone: Postgres reads the highest ones and sorts each.
ORDERS = {
    "priority": "priority_band DESC, priority DESC, id",
    "occurrences": "occurrence_count DESC, id",
    "last_seen": "last_seen_at DESC, id",
    "first_seen": "first_seen_at, id",
}

FILTERS = """
WHERE status = ANY (CAST(:statuses AS text[]))
    AND (CAST(:source AS text) IS NULL OR source = :source)
    AND (CAST(:reason AS text) IS NULL OR reason = :reason)
    AND occurrence_count >= :min_occurrences
    AND strpos(lower(concat_ws(' ', external_market_id, market_name)), lower(:containing)) > 0
"""

LISTS = {
    order: text(f"{READ} {FILTERS} ORDER BY {columns} LIMIT :limit").columns(sample_outcomes=JSONB)
    for order, columns in ORDERS.items()
}

COUNT = text(f"SELECT count(*) FROM unmapped_market_log {FILTERS}")  # noqa: S608  (constants)

MARKET_IDS = text("""
SELECT external_market_id
FROM unmapped_market_log
WHERE source = :source
    AND starts_with(external_market_id, :prefix)
    AND status = ANY (CAST(:statuses AS text[]))
ORDER BY external_market_id
LIMIT :limit
""")

ASKED = """
unnest(CAST(:sources AS text[]), CAST(:external_market_ids AS text[])) AS asked (source, external_market_id)
"""

GET = text(
    f"{READ} JOIN {ASKED} USING (source, external_market_id) ORDER BY source, external_market_id"
).columns(sample_outcomes=JSONB)

# A specifier in the id (`8?goalnr=2`) is another market with the same platform id.
READ_MARKETS = text(f"""
{READ}
WHERE id IN (
    SELECT id
    FROM unmapped_market_log
    JOIN {ASKED} USING (source, external_market_id)
    UNION
    SELECT id
    FROM unmapped_market_log AS market
    JOIN {ASKED}
        ON asked.source = market.source
        AND asked.external_market_id = split_part(market.external_market_id, '?', 1)
    WHERE strpos(market.external_market_id, '?') > 0
)
ORDER BY source, external_market_id
""").columns(sample_outcomes=JSONB)  # noqa: S608  (constants)

LOCKED = f"""
WITH locked AS (
    SELECT id
    FROM unmapped_market_log
    JOIN {ASKED} USING (source, external_market_id)
    ORDER BY source COLLATE "C", external_market_id COLLATE "C"
    FOR UPDATE OF unmapped_market_log
)
UPDATE unmapped_market_log AS market
"""  # noqa: S608  (constants)

CHANGED = "RETURNING market.source, market.external_market_id"

ACKNOWLEDGE = text(f"""
{LOCKED}
SET status = 'ACKNOWLEDGED', notes = coalesce(:notes, market.notes)
FROM locked
WHERE market.id = locked.id AND market.status <> 'ACKNOWLEDGED'
{CHANGED}
""")

IGNORE = text(f"""
{LOCKED}
SET
    status = 'IGNORED',
    notes = coalesce(:notes, market.notes),
    ignored_until_count = :until_count,
    ignored_until_rate = :until_rate,
    ignored_until = :until
FROM locked
WHERE market.id = locked.id
{CHANGED}
""")

REOPEN = text(f"""
{LOCKED}
SET status = 'NEW', notes = coalesce(:notes, market.notes)
FROM locked
WHERE market.id = locked.id AND market.status <> 'NEW'
{CHANGED}
""")

# One statement for both, because a second one would lock rows out of their order. A row that was already
# missed under this version is left out: the mapping does not cover it. A row that is already MAPPED takes the
# later version, so late records of the versions in between do not reopen it. A row that an editor ignores
# stays ignored: a mapping that happens to cover it does not decide for them. Only a MAPPED row is reopened,
# and not one that a later version covers.
SETTLE = text(f"""
WITH locked AS (
    SELECT market.id, asked.is_covered
    FROM unmapped_market_log AS market
    JOIN unnest(
        CAST(:sources AS text[]), CAST(:external_market_ids AS text[]), CAST(:are_covered AS boolean[])
    ) AS asked (source, external_market_id, is_covered) USING (source, external_market_id)
    ORDER BY source COLLATE "C", external_market_id COLLATE "C"
    FOR UPDATE OF market
)
UPDATE unmapped_market_log AS market
SET
    status = CASE WHEN locked.is_covered THEN 'MAPPED' ELSE 'NEW' END,
    mapped_version = CASE
        WHEN locked.is_covered THEN greatest(market.mapped_version, CAST(:version AS bigint))
    END
FROM locked
WHERE market.id = locked.id
    AND (market.mapped_version IS NULL OR market.mapped_version < :version)
    AND CASE
        WHEN locked.is_covered THEN
            (market.mapping_version IS NULL OR market.mapping_version < :version)
            AND (
                market.status <> 'IGNORED'
                OR (market.source = :wanted_source AND market.external_market_id = :wanted_market_id)
            )
        ELSE market.status = 'MAPPED'
    END
{CHANGED}, market.status
""")  # noqa: S608  (constants)
