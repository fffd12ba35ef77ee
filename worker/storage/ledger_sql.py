"""The statements of the ledger, one for each operation; those of watermarks alone are in `watermarks_sql`.

Every statement that writes rows locks them in the order of their whole key. A transaction locks watermarks
first, then quotas, then misses. So two transactions that touch the same rows wait for each other and do not
deadlock. Misses are sorted by bytes (COLLATE "C"), as Python sorts, whatever the locale of the database.
"""

from sqlalchemy import text

from worker.domain.books.registry import ID_COLUMNS
from worker.storage.tables import sells_further
from worker.storage.watermarks_sql import FOUND

# A known market keeps its id: with a default, every conflict would use up a value of the sequence, and the
# integer ids would be exhausted within weeks. xmax is 0 on a row that was inserted, not updated.
# A MAPPED row becomes NEW if it is missed under its version or a later one. A late record of an older version
# says nothing about the mapping. An observation from the future adds no more heat than one of now.
# Most events were seen before: if no added hash is new and below the 32nd, nothing is sorted.
_ADDED = """
added AS (
    INSERT INTO unmapped_market_log AS known (
        id, source, external_market_id, market_name, sample_outcomes, reason, mapping_version,
        first_seen_at, last_seen_at, occurrence_count, event_hashes, heat
    )
    SELECT
        coalesce(existing.id, nextval(pg_get_serial_sequence('unmapped_market_log', 'id'))),
        miss.source,
        miss.external_market_id,
        miss.market_name,
        CAST(miss.sample_outcomes AS jsonb),
        miss.reason,
        miss.mapping_version,
        miss.first_seen_at,
        miss.last_seen_at,
        miss.occurrence_count,
        CAST(miss.event_hashes AS integer[]),
        marketmap_heat_v1(miss.occurrence_count, least(miss.last_seen_at, now()))
    FROM unnest(
        CAST(:source AS text[]),
        CAST(:external_market_id AS text[]),
        CAST(:market_name AS text[]),
        CAST(:sample_outcomes AS text[]),
        CAST(:reason AS text[]),
        CAST(:mapping_version AS bigint[]),
        CAST(:first_seen_at AS timestamptz[]),
        CAST(:last_seen_at AS timestamptz[]),
        CAST(:occurrence_count AS integer[]),
        CAST(:event_hashes AS text[])
    ) AS miss (
        source, external_market_id, market_name, sample_outcomes, reason, mapping_version,
        first_seen_at, last_seen_at, occurrence_count, event_hashes
    )
    LEFT JOIN unmapped_market_log AS existing USING (source, external_market_id)
    {condition}
    ORDER BY miss.source COLLATE "C", miss.external_market_id COLLATE "C"
    ON CONFLICT ON CONSTRAINT uq_unmapped_source_market DO UPDATE SET
        occurrence_count = known.occurrence_count + excluded.occurrence_count,
        first_seen_at = least(known.first_seen_at, excluded.first_seen_at),
        last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at),
        market_name = CASE
            WHEN excluded.last_seen_at >= known.last_seen_at
            THEN coalesce(excluded.market_name, known.market_name)
            ELSE coalesce(known.market_name, excluded.market_name)
        END,
        sample_outcomes = CASE
            WHEN excluded.last_seen_at >= known.last_seen_at THEN excluded.sample_outcomes
            ELSE known.sample_outcomes
        END,
        reason = CASE
            WHEN excluded.last_seen_at >= known.last_seen_at THEN excluded.reason
            ELSE known.reason
        END,
        mapping_version = CASE
            WHEN excluded.last_seen_at >= known.last_seen_at THEN excluded.mapping_version
            ELSE known.mapping_version
        END,
        event_hashes = CASE
            WHEN excluded.event_hashes[
                1 : coalesce(width_bucket(known.event_hashes[32], excluded.event_hashes), 32)
            ] <@ known.event_hashes
            THEN known.event_hashes
            ELSE marketmap_add_events_v1(known.event_hashes, excluded.event_hashes)
        END,
        heat = marketmap_add_heat_v1(
            coalesce(known.heat, marketmap_heat_v1(known.occurrence_count, known.last_seen_at)), excluded.heat
        ),
        status = CASE
            WHEN known.status = 'MAPPED' AND excluded.mapping_version >= known.mapped_version THEN 'NEW'
            WHEN known.status = 'IGNORED' AND (
                known.occurrence_count + excluded.occurrence_count >= known.ignored_until_count
                OR excluded.last_seen_at >= known.ignored_until
                OR marketmap_rate_v1(
                    marketmap_add_heat_v1(
                        coalesce(known.heat, marketmap_heat_v1(known.occurrence_count, known.last_seen_at)),
                        excluded.heat
                    ),
                    least(greatest(known.last_seen_at, excluded.last_seen_at), now())
                ) >= known.ignored_until_rate
            )
            THEN 'NEW'
            ELSE known.status
        END
    RETURNING xmax = 0 AS is_first_sighting
)"""

ADD_MISSES = text(f"""
WITH {_ADDED.format(condition="")}
SELECT count(*) FILTER (WHERE is_first_sighting) FROM added
""")  # noqa: S608  (constants)

# One statement is the whole transaction, so no lock is held while a worker is busy, frozen or slow.
# Misses are added after the verdict, which waits for all watermarks: that is the order of locks.
COUNT = text(f"""
WITH {FOUND}, {_ADDED.format(condition="WHERE (SELECT as_expected FROM verdict)")}
SELECT
    topic_id, partition, next_offset, as_expected,
    (SELECT count(*) FILTER (WHERE is_first_sighting) FROM added) AS first_sightings
FROM found
""")  # noqa: S608  (constants)

# Only a market that is not in the table needs a place. A transaction that adds one holds the row of its
# source and hour until it ends, so the next statement sees every place that was taken before.
OPEN_QUOTAS = text("""
INSERT INTO unmapped_overflow (source, hour)
SELECT asked.source, date_trunc('hour', now(), 'UTC')
FROM unnest(CAST(:sources AS text[]), CAST(:external_market_ids AS text[]))
    AS asked (source, external_market_id)
WHERE NOT EXISTS (
    SELECT FROM unmapped_market_log AS known
    WHERE known.source = asked.source AND known.external_market_id = asked.external_market_id
)
GROUP BY asked.source
ORDER BY asked.source COLLATE "C"
ON CONFLICT (source, hour) DO UPDATE SET new_markets = unmapped_overflow.new_markets
RETURNING source
""")

# Markets with many occurrences come first: one that is really new is missed in many events.
TAKE_PLACES = text("""
WITH fresh AS (
    SELECT
        asked.source,
        asked.external_market_id,
        asked.occurrences,
        row_number() OVER (
            PARTITION BY asked.source
            ORDER BY asked.occurrences DESC, asked.external_market_id COLLATE "C"
        ) AS place
    FROM unnest(
        CAST(:sources AS text[]), CAST(:external_market_ids AS text[]), CAST(:occurrences AS integer[])
    ) AS asked (source, external_market_id, occurrences)
    WHERE NOT EXISTS (
        SELECT FROM unmapped_market_log AS known
        WHERE known.source = asked.source AND known.external_market_id = asked.external_market_id
    )
), judged AS (
    SELECT
        fresh.source,
        fresh.external_market_id,
        fresh.occurrences,
        quota.hour,
        quota.new_markets + fresh.place <= CAST(:most AS integer) AS is_taken_up
    FROM fresh
    JOIN unmapped_overflow AS quota
        ON quota.source = fresh.source AND quota.hour = date_trunc('hour', now(), 'UTC')
), counted AS (
    UPDATE unmapped_overflow AS quota
    SET
        new_markets = quota.new_markets + added.new_markets,
        overflowed = quota.overflowed + added.overflowed
    FROM (
        SELECT
            source,
            hour,
            count(*) FILTER (WHERE is_taken_up) AS new_markets,
            coalesce(sum(occurrences) FILTER (WHERE NOT is_taken_up), 0) AS overflowed
        FROM judged
        GROUP BY source, hour
    ) AS added
    WHERE quota.source = added.source AND quota.hour = added.hour
)
SELECT source, external_market_id, occurrences, hour FROM judged WHERE NOT is_taken_up
""")

# Each look-up of a name asks for the order of the index of names: without sorting, only that index serves it.
# Of a table without statistics, the planner believes that a platform has few rows, and would read and sort
# them all for each name.
_BY_INDEXES = """
    set_config('enable_seqscan', 'off', true),
    set_config('enable_sort', 'off', true)
"""

USE_INDEXES = text(f"SELECT {_BY_INDEXES}")

# The publisher works inside this transaction, which locks no row, so it may idle longer than others.
TRY_TO_ANNOUNCE = text(f"""
SELECT
    pg_try_advisory_xact_lock(:lock),
    set_config('idle_in_transaction_session_timeout', '120s', true),
    {_BY_INDEXES}
""")

READ_UNANNOUNCED = text("""
SELECT
    id, source, external_market_id, market_name, CAST(sample_outcomes AS text), reason, mapping_version,
    first_seen_at, last_seen_at, occurrence_count
FROM unmapped_market_log
WHERE announced_at IS NULL
ORDER BY id
LIMIT :limit
""")

# A platform offers a market of a name if one of its misses has the name, or a mapping with one of its ids.
# ORDER BY makes the planner use the index of names. Without it, the planner may read all rows of a platform
# to find the first one of a name, because it believes that the name is common.
_SIGHTINGS = " UNION ALL ".join(
    [
        """(
            SELECT 1 FROM unmapped_market_log AS missed
            WHERE marketmap_market_name_v1(missed.market_name) = announced.name
                AND missed.source = book.platform
            ORDER BY missed.other_books
            LIMIT 1
        )""",
        *(
            f"""(
            SELECT 1 FROM user_market_mappings AS mapping
            WHERE marketmap_market_name_v1(mapping.name) = announced.name
                AND mapping.{column} IS NOT NULL
                AND book.platform = '{platform}'
            ORDER BY mapping.priority
            LIMIT 1
        )"""  # noqa: S608  (constants)
            for platform, column in ID_COLUMNS.items()
        ),
        *(
            f"""(
            SELECT 1 FROM user_market_mappings AS mapping
            WHERE marketmap_market_name_v1(mapping.name) = announced.name
                AND {sells_further(platform, "mapping.also")}
                AND book.platform = '{platform}'
            ORDER BY mapping.priority
            LIMIT 1
        )"""  # noqa: S608  (constants)
            for platform in ID_COLUMNS
        ),
    ]
)

# The rows of a name that have another number. Two ranges of the index, so rows with the same number are not
# read.
_DIFFERING = """
    unnest(CAST(:platforms AS text[])) AS book (platform)
    CROSS JOIN LATERAL (
        (
            SELECT market.id FROM unmapped_market_log AS market
            WHERE marketmap_market_name_v1(market.market_name) = offered.name
                AND market.source = book.platform
                AND market.other_books < offered.other_books
            ORDER BY market.other_books
            LIMIT :limit
        )
        UNION ALL
        (
            SELECT market.id FROM unmapped_market_log AS market
            WHERE marketmap_market_name_v1(market.market_name) = offered.name
                AND market.source = book.platform
                AND market.other_books > offered.other_books
            ORDER BY market.other_books
            LIMIT :limit
        )
    ) AS differing
"""

# A new name changes the number of the same market at the other bookmakers. The number is the same for all
# rows of a name, because the bookmaker of each row is one of those that offer it. Names without a differing
# row are left out.
#
# Each step is an index look-up that stops at its first row. So the cost depends on the number of announced
# names, not on the number of rows or mappings that share them.
READ_OTHER_BOOKS = text(f"""
WITH announced AS MATERIALIZED (
    SELECT DISTINCT marketmap_market_name_v1(market.market_name) AS name
    FROM unmapped_market_log AS market
    WHERE market.id = ANY (CAST(:ids AS bigint[]))
), offered AS MATERIALIZED (
    SELECT announced.name, CAST(greatest(count(*) - 1, 0) AS smallint) AS other_books
    FROM announced
    CROSS JOIN unnest(CAST(:platforms AS text[])) AS book (platform)
    CROSS JOIN LATERAL (SELECT 1 FROM ({_SIGHTINGS}) AS sighting LIMIT 1) AS found
    WHERE announced.name <> ''
    GROUP BY announced.name
)
SELECT offered.name, offered.other_books
FROM offered
WHERE EXISTS (SELECT FROM {_DIFFERING})
ORDER BY offered.name
""")  # noqa: S608  (constants)

# A limited number of rows in a transaction of its own, so counting waits for one part and not for all.
MOVE_OTHER_BOOKS = text(f"""
WITH part AS MATERIALIZED (
    SELECT differing.id, offered.name, offered.other_books
    FROM unnest(CAST(:names AS text[]), CAST(:other_books AS smallint[])) AS offered (name, other_books)
    CROSS JOIN {_DIFFERING}
    LIMIT :limit
), locked AS (
    SELECT market.id, part.other_books
    FROM unmapped_market_log AS market
    JOIN part ON part.id = market.id AND part.name = marketmap_market_name_v1(market.market_name)
    ORDER BY market.source COLLATE "C", market.external_market_id COLLATE "C"
    FOR UPDATE OF market
), moved AS (
    UPDATE unmapped_market_log AS market
    SET other_books = locked.other_books
    FROM locked
    WHERE market.id = locked.id
)
SELECT count(*) FROM part
""")  # noqa: S608  (constants)

# An answer proves that the session still has its lock. It also keeps the session from being idle.
STILL_HERE = text("SELECT")

MARK_ANNOUNCED = text("""
WITH locked AS (
    SELECT market.id
    FROM unmapped_market_log AS market
    WHERE market.id = ANY (CAST(:ids AS bigint[]))
    ORDER BY market.source COLLATE "C", market.external_market_id COLLATE "C"
    FOR UPDATE
)
UPDATE unmapped_market_log AS market
SET announced_at = coalesce(market.announced_at, now())
FROM locked
WHERE market.id = locked.id
""")
