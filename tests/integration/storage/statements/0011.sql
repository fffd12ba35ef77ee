-- some rows of []
SAVEPOINT sa_savepoint_1;

-- 1 rows of ["ada", "first import"]
SELECT set_config('marketmap.actor', $1, true), set_config('marketmap.reason', $2, true);

-- 2 rows of ["ada", "[{\"canonical_id\": \"btts\", \"name\": \"Name\", \"betpawa_id\": null, \"sportybet_id\": \"30\", \"bet9ja_key\": null, \"priority\": 0, \"line_rule\": null, \"outcome_mapping\": [{\"canonical_id\": \"yes\", \"betpawa_name\": null, \"sportybet_desc\": \"Yes\", \"bet9ja_suffix\": \"Y\", \"position\": 0}], \"is_active\": true}, {\"canonical_id\": \"1x2\", \"name\": \"Name\", \"betpawa_id\": null, \"sportybet_id\": \"1\", \"bet9ja_key\": null, \"priority\": 0, \"line_rule\": null, \"outcome_mapping\": [{\"canonical_id\": \"yes\", \"betpawa_name\": null, \"sportybet_desc\": \"Yes\", \"bet9ja_suffix\": \"Y\", \"position\": 0}], \"is_active\": true}]"]
INSERT INTO user_market_mappings AS current (
    canonical_id, name, betpawa_id, sportybet_id, bet9ja_key, priority, line_rule, outcome_mapping, is_active,
    created_by
)
SELECT
    new.canonical_id, new.name, new.betpawa_id, new.sportybet_id, new.bet9ja_key, new.priority, new.line_rule,
    new.outcome_mapping, new.is_active, $1
FROM ROWS FROM (
    jsonb_to_recordset(CAST($2 AS jsonb)) AS (
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
RETURNING canonical_id, xmax = 0 AS is_new;

-- some rows of []
RELEASE SAVEPOINT sa_savepoint_1;

-- some rows of []
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
ORDER BY mapping.id;

-- 0 rows of []
COMMIT;

-- 2 rows of ["workers", ["c29tZS10b3BpYy1pZF8tMQ", "c29tZS10b3BpYy1pZF8tMQ"], ["observations", "observations"], [0, 1]]
INSERT INTO ingest_watermark (consumer_group, topic_id, partition, topic, next_offset)
SELECT CAST($1 AS text), asked.topic_id, asked.partition, asked.topic, 0
FROM unnest(
    CAST($2 AS text[]), CAST($3 AS text[]), CAST($4 AS integer[])
) AS asked (topic_id, topic, partition)
WHERE NOT EXISTS (
    SELECT FROM ingest_watermark AS known
    WHERE known.consumer_group = CAST($1 AS text)
        AND known.topic_id = asked.topic_id
        AND known.partition = asked.partition
)
ORDER BY asked.topic_id, asked.partition
ON CONFLICT (consumer_group, topic_id, partition) DO NOTHING;

-- 2 rows of [["c29tZS10b3BpYy1pZF8tMQ", "c29tZS10b3BpYy1pZF8tMQ"], [0, 1], "workers"]
SELECT watermark.topic_id, watermark.partition, watermark.next_offset
FROM ingest_watermark AS watermark
JOIN unnest(CAST($1 AS text[]), CAST($2 AS integer[])) AS asked (topic_id, partition)
    USING (topic_id, partition)
WHERE watermark.consumer_group = $3;

-- 0 rows of []
COMMIT;

-- 1 rows of [["c29tZS10b3BpYy1pZF8tMQ"], [0], [0], [4], "workers"]
WITH found AS (
    SELECT
        watermark.topic_id,
        watermark.partition,
        watermark.next_offset,
        watermark.next_offset = move.expected AS as_expected,
        move.next_offset AS moved_to
    FROM ingest_watermark AS watermark
    JOIN unnest(
        CAST($1 AS text[]),
        CAST($2 AS integer[]),
        CAST($3 AS bigint[]),
        CAST($4 AS bigint[])
    ) AS move (topic_id, partition, expected, next_offset)
        USING (topic_id, partition)
    WHERE watermark.consumer_group = $5
    ORDER BY watermark.topic_id, watermark.partition
    FOR UPDATE OF watermark
), moved AS (
    UPDATE ingest_watermark AS watermark
    SET next_offset = found.moved_to, updated_at = now()
    FROM found
    WHERE watermark.consumer_group = $5
        AND watermark.topic_id = found.topic_id
        AND watermark.partition = found.partition
        AND found.as_expected
)
SELECT topic_id, partition, next_offset, as_expected FROM found;

-- 1 rows of [["sportybet", "sportybet"], ["29", "800"], ["Player To Be Booked", "Player To Be Booked"], ["[{\"label\": \"Yes\"}]", "[{\"label\": \"Yes\"}]"], ["UNKNOWN_MARKET", "UNKNOWN_MARKET"], [2, 2], [{"moment": "2026-11-22T12:00:00+00:00"}, {"moment": "2026-11-22T12:00:00+00:00"}], [{"moment": "2026-11-22T12:00:00+00:00"}, {"moment": "2026-11-22T12:00:00+00:00"}], [2, 1], ["{5,7}", "{5,7}"]]
WITH added AS (
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
        CAST($1 AS text[]),
        CAST($2 AS text[]),
        CAST($3 AS text[]),
        CAST($4 AS text[]),
        CAST($5 AS text[]),
        CAST($6 AS bigint[]),
        CAST($7 AS timestamptz[]),
        CAST($8 AS timestamptz[]),
        CAST($9 AS integer[]),
        CAST($10 AS text[])
    ) AS miss (
        source, external_market_id, market_name, sample_outcomes, reason, mapping_version,
        first_seen_at, last_seen_at, occurrence_count, event_hashes
    )
    LEFT JOIN unmapped_market_log AS existing USING (source, external_market_id)
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
        event_hashes = marketmap_add_events_v1(known.event_hashes, excluded.event_hashes),
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
)
SELECT count(*) FILTER (WHERE is_first_sighting) FROM added;

-- 0 rows of []
COMMIT;

-- 1 rows of [["c29tZS10b3BpYy1pZF8tMQ"], [1], [0], [6], "workers"]
WITH found AS (
    SELECT
        watermark.topic_id,
        watermark.partition,
        watermark.next_offset,
        watermark.next_offset = move.expected AS as_expected,
        move.next_offset AS moved_to
    FROM ingest_watermark AS watermark
    JOIN unnest(
        CAST($1 AS text[]),
        CAST($2 AS integer[]),
        CAST($3 AS bigint[]),
        CAST($4 AS bigint[])
    ) AS move (topic_id, partition, expected, next_offset)
        USING (topic_id, partition)
    WHERE watermark.consumer_group = $5
    ORDER BY watermark.topic_id, watermark.partition
    FOR UPDATE OF watermark
), moved AS (
    UPDATE ingest_watermark AS watermark
    SET next_offset = found.moved_to, updated_at = now()
    FROM found
    WHERE watermark.consumer_group = $5
        AND watermark.topic_id = found.topic_id
        AND watermark.partition = found.partition
        AND found.as_expected
)
SELECT topic_id, partition, next_offset, as_expected FROM found;

-- 1 rows of [["bet9ja", "sportybet", "sportybet"], ["S_NEW", "29", "800"], ["Player To Be Booked", "Player To Be Booked", "Player To Be Booked"], ["[{\"label\": \"Yes\"}]", "[{\"label\": \"Yes\"}]", "[{\"label\": \"Yes\"}]"], ["UNKNOWN_MARKET", "UNKNOWN_MARKET", "UNKNOWN_MARKET"], [2, 2, 2], [{"moment": "2026-11-22T12:00:00+00:00"}, {"moment": "2026-11-22T12:00:00+00:00"}, {"moment": "2026-11-22T12:00:00+00:00"}], [{"moment": "2026-11-22T12:00:00+00:00"}, {"moment": "2026-11-22T12:00:00+00:00"}, {"moment": "2026-11-22T12:00:00+00:00"}], [2, 1, 2], ["{5,7}", "{5,7}", "{5,7}"]]
WITH added AS (
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
        CAST($1 AS text[]),
        CAST($2 AS text[]),
        CAST($3 AS text[]),
        CAST($4 AS text[]),
        CAST($5 AS text[]),
        CAST($6 AS bigint[]),
        CAST($7 AS timestamptz[]),
        CAST($8 AS timestamptz[]),
        CAST($9 AS integer[]),
        CAST($10 AS text[])
    ) AS miss (
        source, external_market_id, market_name, sample_outcomes, reason, mapping_version,
        first_seen_at, last_seen_at, occurrence_count, event_hashes
    )
    LEFT JOIN unmapped_market_log AS existing USING (source, external_market_id)
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
        event_hashes = marketmap_add_events_v1(known.event_hashes, excluded.event_hashes),
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
)
SELECT count(*) FILTER (WHERE is_first_sighting) FROM added;

-- 0 rows of []
COMMIT;

-- 1 rows of [["c29tZS10b3BpYy1pZF8tMQ"], [1], [6], [8], "workers"]
WITH found AS (
    SELECT
        watermark.topic_id,
        watermark.partition,
        watermark.next_offset,
        watermark.next_offset = move.expected AS as_expected,
        move.next_offset AS moved_to
    FROM ingest_watermark AS watermark
    JOIN unnest(
        CAST($1 AS text[]),
        CAST($2 AS integer[]),
        CAST($3 AS bigint[]),
        CAST($4 AS bigint[])
    ) AS move (topic_id, partition, expected, next_offset)
        USING (topic_id, partition)
    WHERE watermark.consumer_group = $5
    ORDER BY watermark.topic_id, watermark.partition
    FOR UPDATE OF watermark
), moved AS (
    UPDATE ingest_watermark AS watermark
    SET next_offset = found.moved_to, updated_at = now()
    FROM found
    WHERE watermark.consumer_group = $5
        AND watermark.topic_id = found.topic_id
        AND watermark.partition = found.partition
        AND found.as_expected
)
SELECT topic_id, partition, next_offset, as_expected FROM found;

-- 1 rows of [["sportybet"], ["29"], ["Player To Be Booked"], ["[{\"label\": \"Yes\"}]"], ["UNKNOWN_MARKET"], [2], [{"moment": "2026-11-22T12:00:00+00:00"}], [{"moment": "2026-11-22T12:00:00+00:00"}], [1], ["{5,7}"]]
WITH added AS (
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
        CAST($1 AS text[]),
        CAST($2 AS text[]),
        CAST($3 AS text[]),
        CAST($4 AS text[]),
        CAST($5 AS text[]),
        CAST($6 AS bigint[]),
        CAST($7 AS timestamptz[]),
        CAST($8 AS timestamptz[]),
        CAST($9 AS integer[]),
        CAST($10 AS text[])
    ) AS miss (
        source, external_market_id, market_name, sample_outcomes, reason, mapping_version,
        first_seen_at, last_seen_at, occurrence_count, event_hashes
    )
    LEFT JOIN unmapped_market_log AS existing USING (source, external_market_id)
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
        event_hashes = marketmap_add_events_v1(known.event_hashes, excluded.event_hashes),
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
)
SELECT count(*) FILTER (WHERE is_first_sighting) FROM added;

-- 0 rows of []
COMMIT;

-- 2 rows of ["workers", ["observations"]]
SELECT topic, topic_id, partition, next_offset
FROM ingest_watermark
WHERE consumer_group = $1 AND topic = ANY (CAST($2 AS text[]))
ORDER BY topic, topic_id, partition;

-- 0 rows of []
COMMIT;

-- 1 rows of [7203511896340012]
SELECT pg_try_advisory_xact_lock($1), set_config('idle_in_transaction_session_timeout', '120s', true);

-- 3 rows of [10]
SELECT
    id, source, external_market_id, market_name, CAST(sample_outcomes AS text), reason, mapping_version,
    first_seen_at, last_seen_at, occurrence_count
FROM unmapped_market_log
WHERE announced_at IS NULL
ORDER BY id
LIMIT $1;

-- 3 rows of [[1, 2, 3]]
WITH touched AS (
    SELECT market.id, market.source, nullif(marketmap_market_name_v1(market.market_name), '') AS name
    FROM unmapped_market_log AS market
    WHERE market.id = ANY (CAST($1 AS integer[]))
        OR marketmap_market_name_v1(market.market_name) IN (
            SELECT nullif(marketmap_market_name_v1(announced.market_name), '')
            FROM unmapped_market_log AS announced
            WHERE announced.id = ANY (CAST($1 AS integer[]))
        )
    ORDER BY market.source COLLATE "C", market.external_market_id COLLATE "C"
    FOR UPDATE
), offered AS (
    SELECT touched.name, touched.source AS platform
    FROM touched
    UNION
    SELECT touched.name, sold.platform
    FROM touched
    JOIN user_market_mappings AS mapping ON marketmap_market_name_v1(mapping.name) = touched.name
    CROSS JOIN LATERAL (
        VALUES
            ('betpawa', mapping.betpawa_id),
            ('sportybet', mapping.sportybet_id),
            ('bet9ja', mapping.bet9ja_key)
    ) AS sold (platform, market_id)
    WHERE sold.market_id IS NOT NULL
)
UPDATE unmapped_market_log AS market
SET
    announced_at = CASE
        WHEN market.id = ANY (CAST($1 AS integer[])) THEN coalesce(market.announced_at, now())
        ELSE market.announced_at
    END,
    other_books = (
        SELECT count(*) FROM offered WHERE offered.name = touched.name AND offered.platform <> touched.source
    )
FROM touched
WHERE market.id = touched.id;

-- 0 rows of []
COMMIT;

-- 1 rows of [8, "workers", "c29tZS10b3BpYy1pZF8tMQ", 1, 6, "ada", "count again"]
WITH found AS (
    SELECT
        watermark.topic_id,
        watermark.topic,
        watermark.partition,
        watermark.next_offset,
        watermark.next_offset = $1 AS as_expected
    FROM ingest_watermark AS watermark
    WHERE watermark.consumer_group = $2
        AND watermark.topic_id = $3
        AND watermark.partition = $4
    FOR UPDATE OF watermark
), moved AS (
    UPDATE ingest_watermark AS watermark
    SET next_offset = $5, updated_at = now()
    FROM found
    WHERE watermark.consumer_group = $2
        AND watermark.topic_id = found.topic_id
        AND watermark.partition = found.partition
        AND found.as_expected
), recorded AS (
    INSERT INTO watermark_change (
        consumer_group, topic_id, topic, partition, old_offset, new_offset, actor, reason
    )
    SELECT
        $2, found.topic_id, found.topic, found.partition, found.next_offset, $5,
        $6, $7
    FROM found
    WHERE found.as_expected
)
SELECT topic_id, partition, next_offset, as_expected FROM found;

-- 0 rows of []
COMMIT;

-- 1 rows of [6, "workers", "c29tZS10b3BpYy1pZF8tMQ", 1, 8, "ada", "lost"]
WITH found AS (
    SELECT
        watermark.topic_id,
        watermark.topic,
        watermark.partition,
        watermark.next_offset,
        watermark.next_offset = $1 AS as_expected
    FROM ingest_watermark AS watermark
    WHERE watermark.consumer_group = $2
        AND watermark.topic_id = $3
        AND watermark.partition = $4
    FOR UPDATE OF watermark
), moved AS (
    UPDATE ingest_watermark AS watermark
    SET next_offset = $5, updated_at = now()
    FROM found
    WHERE watermark.consumer_group = $2
        AND watermark.topic_id = found.topic_id
        AND watermark.partition = found.partition
        AND found.as_expected
), recorded AS (
    INSERT INTO watermark_change (
        consumer_group, topic_id, topic, partition, old_offset, new_offset, actor, reason
    )
    SELECT
        $2, found.topic_id, found.topic, found.partition, found.next_offset, $5,
        $6, $7
    FROM found
    WHERE found.as_expected
)
SELECT topic_id, partition, next_offset, as_expected FROM found;

-- 0 rows of []
COMMIT;

-- 1 rows of []
SELECT pg_advisory_xact_lock(hashtextextended('marketmap.mappings', 0));

-- 1 rows of ["ada", "because"]
SELECT set_config('marketmap.actor', $1, true), set_config('marketmap.reason', $2, true);

-- 1 rows of [true, "ada", "{\"canonical_id\": \"new\", \"name\": \"Name\", \"betpawa_id\": null, \"sportybet_id\": null, \"bet9ja_key\": \"S_OTHER\", \"priority\": 0, \"line_rule\": null, \"outcome_mapping\": [{\"canonical_id\": \"yes\", \"betpawa_name\": null, \"sportybet_desc\": \"Yes\", \"bet9ja_suffix\": \"Y\", \"position\": 0}]}"]
INSERT INTO user_market_mappings (
    canonical_id, name, betpawa_id, sportybet_id, bet9ja_key, priority, line_rule, outcome_mapping, is_active,
    created_by
)
SELECT new.*, $1, $2 FROM 
jsonb_to_record(CAST($3 AS jsonb)) AS new (
    canonical_id text, name text, betpawa_id text, sportybet_id text, bet9ja_key text, priority integer,
    line_rule jsonb, outcome_mapping jsonb
)

ON CONFLICT ON CONSTRAINT uq_user_market_mappings_canonical_id DO NOTHING
RETURNING id;

-- 1 rows of ["new"]
SELECT
    mapping.id, mapping.canonical_id, mapping.name, mapping.betpawa_id, mapping.sportybet_id,
    mapping.bet9ja_key, mapping.priority, mapping.line_rule, mapping.outcome_mapping, mapping.is_active,
    mapping.created_at, mapping.updated_at, mapping.created_by,
    coalesce(
        (SELECT max(log.id) FROM mapping_audit_log AS log WHERE log.canonical_id = mapping.canonical_id), 0
    ) AS version
FROM user_market_mappings AS mapping
 WHERE mapping.canonical_id = $1;

-- 1 rows of ["new"]
SELECT
    mapping.id, mapping.canonical_id, mapping.name, mapping.betpawa_id, mapping.sportybet_id,
    mapping.bet9ja_key, mapping.priority, mapping.line_rule, mapping.outcome_mapping, mapping.is_active,
    mapping.created_at, mapping.updated_at, mapping.created_by,
    coalesce(
        (SELECT max(log.id) FROM mapping_audit_log AS log WHERE log.canonical_id = mapping.canonical_id), 0
    ) AS version
FROM user_market_mappings AS mapping
 WHERE mapping.canonical_id = $1;

-- 1 rows of [null, "{\"canonical_id\": \"new\", \"name\": \"Name\", \"betpawa_id\": null, \"sportybet_id\": null, \"bet9ja_key\": \"S_ANOTHER\", \"priority\": 0, \"line_rule\": null, \"outcome_mapping\": [{\"canonical_id\": \"yes\", \"betpawa_name\": null, \"sportybet_desc\": \"Yes\", \"bet9ja_suffix\": \"Y\", \"position\": 0}]}", 3]
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
    is_active = coalesce($1, current.is_active)
FROM 
jsonb_to_record(CAST($2 AS jsonb)) AS new (
    canonical_id text, name text, betpawa_id text, sportybet_id text, bet9ja_key text, priority integer,
    line_rule jsonb, outcome_mapping jsonb
)

WHERE current.id = $3;

-- 1 rows of ["new"]
SELECT
    mapping.id, mapping.canonical_id, mapping.name, mapping.betpawa_id, mapping.sportybet_id,
    mapping.bet9ja_key, mapping.priority, mapping.line_rule, mapping.outcome_mapping, mapping.is_active,
    mapping.created_at, mapping.updated_at, mapping.created_by,
    coalesce(
        (SELECT max(log.id) FROM mapping_audit_log AS log WHERE log.canonical_id = mapping.canonical_id), 0
    ) AS version
FROM user_market_mappings AS mapping
 WHERE mapping.canonical_id = $1;

-- 1 rows of ["new"]
SELECT
    mapping.id, mapping.canonical_id, mapping.name, mapping.betpawa_id, mapping.sportybet_id,
    mapping.bet9ja_key, mapping.priority, mapping.line_rule, mapping.outcome_mapping, mapping.is_active,
    mapping.created_at, mapping.updated_at, mapping.created_by,
    coalesce(
        (SELECT max(log.id) FROM mapping_audit_log AS log WHERE log.canonical_id = mapping.canonical_id), 0
    ) AS version
FROM user_market_mappings AS mapping
 WHERE mapping.canonical_id = $1;

-- 1 rows of [false, 3]
UPDATE user_market_mappings SET is_active = $1 WHERE id = $2;

-- 1 rows of ["new"]
SELECT
    mapping.id, mapping.canonical_id, mapping.name, mapping.betpawa_id, mapping.sportybet_id,
    mapping.bet9ja_key, mapping.priority, mapping.line_rule, mapping.outcome_mapping, mapping.is_active,
    mapping.created_at, mapping.updated_at, mapping.created_by,
    coalesce(
        (SELECT max(log.id) FROM mapping_audit_log AS log WHERE log.canonical_id = mapping.canonical_id), 0
    ) AS version
FROM user_market_mappings AS mapping
 WHERE mapping.canonical_id = $1;

-- 1 rows of ["new"]
SELECT
    mapping.id, mapping.canonical_id, mapping.name, mapping.betpawa_id, mapping.sportybet_id,
    mapping.bet9ja_key, mapping.priority, mapping.line_rule, mapping.outcome_mapping, mapping.is_active,
    mapping.created_at, mapping.updated_at, mapping.created_by,
    coalesce(
        (SELECT max(log.id) FROM mapping_audit_log AS log WHERE log.canonical_id = mapping.canonical_id), 0
    ) AS version
FROM user_market_mappings AS mapping
 WHERE mapping.canonical_id = $1;

-- 1 rows of [3]
DELETE FROM user_market_mappings WHERE id = $1;

-- 0 rows of []
COMMIT;

-- 1 rows of ["1"]
SELECT
    mapping.id, mapping.canonical_id, mapping.name, mapping.betpawa_id, mapping.sportybet_id,
    mapping.bet9ja_key, mapping.priority, mapping.line_rule, mapping.outcome_mapping, mapping.is_active,
    mapping.created_at, mapping.updated_at, mapping.created_by,
    coalesce(
        (SELECT max(log.id) FROM mapping_audit_log AS log WHERE log.canonical_id = mapping.canonical_id), 0
    ) AS version
FROM user_market_mappings AS mapping
 WHERE mapping.is_active AND mapping.sportybet_id = $1 ORDER BY mapping.canonical_id;

-- 1 rows of ["x", 5]
SELECT
    mapping.id, mapping.canonical_id, mapping.name, mapping.betpawa_id, mapping.sportybet_id,
    mapping.bet9ja_key, mapping.priority, mapping.line_rule, mapping.outcome_mapping, mapping.is_active,
    mapping.created_at, mapping.updated_at, mapping.created_by,
    coalesce(
        (SELECT max(log.id) FROM mapping_audit_log AS log WHERE log.canonical_id = mapping.canonical_id), 0
    ) AS version
FROM user_market_mappings AS mapping
 WHERE strpos(lower(concat_ws(' ', mapping.canonical_id, mapping.name)), lower(CAST($1 AS text))) > 0 ORDER BY mapping.canonical_id LIMIT $2;

-- 1 rows of []
SELECT coalesce(max(id), 0) FROM mapping_audit_log;

-- 4 rows of ["new"]
SELECT id, mapping_id, canonical_id, action, old_value, new_value, reason, created_at, created_by
FROM mapping_audit_log
WHERE canonical_id = $1
ORDER BY id;

-- 6 rows of [10]
SELECT id, mapping_id, canonical_id, action, old_value, new_value, reason, created_at, created_by
FROM mapping_audit_log
ORDER BY id DESC
LIMIT $1;

-- 1 rows of []
SELECT coalesce(max(id), 0) FROM mapping_audit_log;

-- 2 rows of [6]
SELECT newest.new_value
FROM (
    SELECT DISTINCT ON (canonical_id) canonical_id, new_value
    FROM mapping_audit_log
    WHERE id <= $1
    ORDER BY canonical_id, id DESC
) AS newest
WHERE CAST(newest.new_value ->> 'is_active' AS boolean)
ORDER BY CAST(newest.new_value ->> 'id' AS integer);

-- 0 rows of []
COMMIT;

-- 3 rows of [["NEW", "ACKNOWLEDGED"], null, null, 1, "", 50]
SELECT
    id, source, external_market_id, market_name, sample_outcomes, first_seen_at, last_seen_at,
    occurrence_count, status, notes, reason, mapping_version, mapped_version, status_actor,
    status_changed_at, ignored_until_count, ignored_until_rate, ignored_until, event_count, other_books,
    marketmap_rate_v1(
        coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at)), now()
    ) AS occurrences_per_hour,
    marketmap_rate_v1(priority, now()) AS score
FROM unmapped_market_log
 
WHERE status = ANY (CAST($1 AS text[]))
    AND (CAST($2 AS text) IS NULL OR source = $2)
    AND (CAST($3 AS text) IS NULL OR reason = $3)
    AND occurrence_count >= $4
    AND strpos(lower(concat_ws(' ', external_market_id, market_name)), lower($5)) > 0
 ORDER BY priority DESC, id LIMIT $6;

-- 3 rows of [["NEW", "ACKNOWLEDGED"], null, null, 1, "", 50]
SELECT
    id, source, external_market_id, market_name, sample_outcomes, first_seen_at, last_seen_at,
    occurrence_count, status, notes, reason, mapping_version, mapped_version, status_actor,
    status_changed_at, ignored_until_count, ignored_until_rate, ignored_until, event_count, other_books,
    marketmap_rate_v1(
        coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at)), now()
    ) AS occurrences_per_hour,
    marketmap_rate_v1(priority, now()) AS score
FROM unmapped_market_log
 
WHERE status = ANY (CAST($1 AS text[]))
    AND (CAST($2 AS text) IS NULL OR source = $2)
    AND (CAST($3 AS text) IS NULL OR reason = $3)
    AND occurrence_count >= $4
    AND strpos(lower(concat_ws(' ', external_market_id, market_name)), lower($5)) > 0
 ORDER BY occurrence_count DESC, id LIMIT $6;

-- 3 rows of [["NEW", "ACKNOWLEDGED"], null, null, 1, "", 50]
SELECT
    id, source, external_market_id, market_name, sample_outcomes, first_seen_at, last_seen_at,
    occurrence_count, status, notes, reason, mapping_version, mapped_version, status_actor,
    status_changed_at, ignored_until_count, ignored_until_rate, ignored_until, event_count, other_books,
    marketmap_rate_v1(
        coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at)), now()
    ) AS occurrences_per_hour,
    marketmap_rate_v1(priority, now()) AS score
FROM unmapped_market_log
 
WHERE status = ANY (CAST($1 AS text[]))
    AND (CAST($2 AS text) IS NULL OR source = $2)
    AND (CAST($3 AS text) IS NULL OR reason = $3)
    AND occurrence_count >= $4
    AND strpos(lower(concat_ws(' ', external_market_id, market_name)), lower($5)) > 0
 ORDER BY last_seen_at DESC, id LIMIT $6;

-- 3 rows of [["NEW", "ACKNOWLEDGED"], null, null, 1, "", 50]
SELECT
    id, source, external_market_id, market_name, sample_outcomes, first_seen_at, last_seen_at,
    occurrence_count, status, notes, reason, mapping_version, mapped_version, status_actor,
    status_changed_at, ignored_until_count, ignored_until_rate, ignored_until, event_count, other_books,
    marketmap_rate_v1(
        coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at)), now()
    ) AS occurrences_per_hour,
    marketmap_rate_v1(priority, now()) AS score
FROM unmapped_market_log
 
WHERE status = ANY (CAST($1 AS text[]))
    AND (CAST($2 AS text) IS NULL OR source = $2)
    AND (CAST($3 AS text) IS NULL OR reason = $3)
    AND occurrence_count >= $4
    AND strpos(lower(concat_ws(' ', external_market_id, market_name)), lower($5)) > 0
 ORDER BY first_seen_at, id LIMIT $6;

-- 1 rows of [["sportybet"], ["800"]]
SELECT
    id, source, external_market_id, market_name, sample_outcomes, first_seen_at, last_seen_at,
    occurrence_count, status, notes, reason, mapping_version, mapped_version, status_actor,
    status_changed_at, ignored_until_count, ignored_until_rate, ignored_until, event_count, other_books,
    marketmap_rate_v1(
        coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at)), now()
    ) AS occurrences_per_hour,
    marketmap_rate_v1(priority, now()) AS score
FROM unmapped_market_log
 JOIN 
unnest(CAST($1 AS text[]), CAST($2 AS text[])) AS asked (source, external_market_id)
 USING (source, external_market_id) ORDER BY source, external_market_id;

-- 1 rows of [["sportybet"], ["29"]]
SELECT
    id, source, external_market_id, market_name, sample_outcomes, first_seen_at, last_seen_at,
    occurrence_count, status, notes, reason, mapping_version, mapped_version, status_actor,
    status_changed_at, ignored_until_count, ignored_until_rate, ignored_until, event_count, other_books,
    marketmap_rate_v1(
        coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at)), now()
    ) AS occurrences_per_hour,
    marketmap_rate_v1(priority, now()) AS score
FROM unmapped_market_log

WHERE (source, split_part(external_market_id, '?', 1)) IN (SELECT * FROM 
unnest(CAST($1 AS text[]), CAST($2 AS text[])) AS asked (source, external_market_id)
)
ORDER BY source, external_market_id;

-- 1 rows of [["sportybet"], ["800"]]
SELECT
    id, source, external_market_id, market_name, sample_outcomes, first_seen_at, last_seen_at,
    occurrence_count, status, notes, reason, mapping_version, mapped_version, status_actor,
    status_changed_at, ignored_until_count, ignored_until_rate, ignored_until, event_count, other_books,
    marketmap_rate_v1(
        coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at)), now()
    ) AS occurrences_per_hour,
    marketmap_rate_v1(priority, now()) AS score
FROM unmapped_market_log
 JOIN 
unnest(CAST($1 AS text[]), CAST($2 AS text[])) AS asked (source, external_market_id)
 USING (source, external_market_id) ORDER BY source, external_market_id;

-- 1 rows of ["ada", "asking"]
SELECT set_config('marketmap.actor', $1, true), set_config('marketmap.reason', $2, true);

-- 1 rows of [["sportybet"], ["800"], "asking"]
WITH locked AS (
    SELECT id
    FROM unmapped_market_log
    JOIN 
unnest(CAST($1 AS text[]), CAST($2 AS text[])) AS asked (source, external_market_id)
 USING (source, external_market_id)
    ORDER BY source, external_market_id
    FOR UPDATE OF unmapped_market_log
)
UPDATE unmapped_market_log AS market

SET status = 'ACKNOWLEDGED', notes = coalesce($3, market.notes)
FROM locked
WHERE market.id = locked.id AND market.status <> 'ACKNOWLEDGED'
RETURNING market.source, market.external_market_id;

-- 1 rows of [["sportybet"], ["800"]]
SELECT
    id, source, external_market_id, market_name, sample_outcomes, first_seen_at, last_seen_at,
    occurrence_count, status, notes, reason, mapping_version, mapped_version, status_actor,
    status_changed_at, ignored_until_count, ignored_until_rate, ignored_until, event_count, other_books,
    marketmap_rate_v1(
        coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at)), now()
    ) AS occurrences_per_hour,
    marketmap_rate_v1(priority, now()) AS score
FROM unmapped_market_log
 JOIN 
unnest(CAST($1 AS text[]), CAST($2 AS text[])) AS asked (source, external_market_id)
 USING (source, external_market_id) ORDER BY source, external_market_id;

-- 1 rows of ["ada", ""]
SELECT set_config('marketmap.actor', $1, true), set_config('marketmap.reason', $2, true);

-- 1 rows of [["sportybet"], ["800"], null]
WITH locked AS (
    SELECT id
    FROM unmapped_market_log
    JOIN 
unnest(CAST($1 AS text[]), CAST($2 AS text[])) AS asked (source, external_market_id)
 USING (source, external_market_id)
    ORDER BY source, external_market_id
    FOR UPDATE OF unmapped_market_log
)
UPDATE unmapped_market_log AS market

SET status = 'NEW', notes = coalesce($3, market.notes)
FROM locked
WHERE market.id = locked.id AND market.status <> 'NEW'
RETURNING market.source, market.external_market_id;

-- 1 rows of [["sportybet"], ["800"]]
SELECT
    id, source, external_market_id, market_name, sample_outcomes, first_seen_at, last_seen_at,
    occurrence_count, status, notes, reason, mapping_version, mapped_version, status_actor,
    status_changed_at, ignored_until_count, ignored_until_rate, ignored_until, event_count, other_books,
    marketmap_rate_v1(
        coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at)), now()
    ) AS occurrences_per_hour,
    marketmap_rate_v1(priority, now()) AS score
FROM unmapped_market_log
 JOIN 
unnest(CAST($1 AS text[]), CAST($2 AS text[])) AS asked (source, external_market_id)
 USING (source, external_market_id) ORDER BY source, external_market_id;

-- 1 rows of ["ada", ""]
SELECT set_config('marketmap.actor', $1, true), set_config('marketmap.reason', $2, true);

-- 1 rows of [["sportybet"], ["800"], null, 9, 1.5, {"moment": "2027-03-02T12:00:00+00:00"}]
WITH locked AS (
    SELECT id
    FROM unmapped_market_log
    JOIN 
unnest(CAST($1 AS text[]), CAST($2 AS text[])) AS asked (source, external_market_id)
 USING (source, external_market_id)
    ORDER BY source, external_market_id
    FOR UPDATE OF unmapped_market_log
)
UPDATE unmapped_market_log AS market

SET
    status = 'IGNORED',
    notes = coalesce($3, market.notes),
    ignored_until_count = $4,
    ignored_until_rate = $5,
    ignored_until = $6
FROM locked
WHERE market.id = locked.id
RETURNING market.source, market.external_market_id;

-- 1 rows of []
SELECT coalesce(max(id), 0) FROM mapping_audit_log;

-- 1 rows of [["sportybet"], ["29"], 6, false]
WITH locked AS (
    SELECT id
    FROM unmapped_market_log
    JOIN 
unnest(CAST($1 AS text[]), CAST($2 AS text[])) AS asked (source, external_market_id)
 USING (source, external_market_id)
    ORDER BY source, external_market_id
    FOR UPDATE OF unmapped_market_log
)
UPDATE unmapped_market_log AS market

SET status = 'MAPPED', mapped_version = greatest(market.mapped_version, $3)
FROM locked
WHERE market.id = locked.id
    AND (market.mapping_version IS NULL OR market.mapping_version < $3)
    AND (market.mapped_version IS NULL OR market.mapped_version < $3)
    AND (CAST($4 AS boolean) OR market.status <> 'IGNORED')
RETURNING market.source, market.external_market_id;

-- 0 rows of []
COMMIT;

-- 1 rows of ["relay"]
SELECT pg_try_advisory_lock(hashtextextended('marketmap.relay/' || $1, 0));

-- 1 rows of ["relay"]
INSERT INTO relay_cursor (name, last_audit_id) VALUES ($1, 0) ON CONFLICT (name) DO NOTHING;

-- 1 rows of ["relay"]
SELECT last_audit_id FROM relay_cursor WHERE name = $1;

-- 1 rows of [0]
SELECT count(*) AS changes, min(created_at) AS since FROM mapping_audit_log WHERE id > $1;

-- 6 rows of [0, 100]
SELECT id, mapping_id, canonical_id, action, old_value, new_value, reason, created_at, created_by
FROM mapping_audit_log
WHERE id > $1
ORDER BY id
LIMIT $2;

-- 1 rows of [6, "relay", 0]
UPDATE relay_cursor
SET last_audit_id = $1, updated_at = now()
WHERE name = $2 AND last_audit_id = $3 AND last_audit_id <= $1
RETURNING last_audit_id;

-- 0 rows of []
COMMIT;

-- 1 rows of ["r1"]
SELECT pg_try_advisory_lock(hashtextextended('marketmap.replay/' || $1, 0));

-- 1 rows of ["r1", "workers", "[{\"partition\":0}]", "{\"markets\":[]}", 6, 2.5, "ada", "because"]
INSERT INTO replay_run
    (id, consumer_group, ranges, filters, mapping_version, rate, actor, reason, state)
VALUES
    ($1, $2, CAST($3 AS jsonb), CAST($4 AS jsonb), $5, $6, $7,
     $8, 'RUNNING');

-- 1 rows of [3, 1, 0, 0, "r1"]
UPDATE replay_run
SET published = published + $1,
    passed_over = passed_over + $2,
    unreadable = unreadable + $3,
    lost = lost + $4,
    updated_at = now()
WHERE id = $5;

-- 1 rows of ["FAILED", "away", "r1"]
UPDATE replay_run
SET state = $1, error = $2, finished_at = now(), updated_at = now()
WHERE id = $3;

-- 1 rows of ["r1"]
SELECT pg_try_advisory_lock(hashtextextended('marketmap.replay/' || $1, 0));

-- 1 rows of ["r1"]
SELECT id, consumer_group, ranges, filters, mapping_version, rate, actor, reason, state, error, published, passed_over, unreadable, lost, created_at, updated_at, finished_at
FROM replay_run
WHERE id = $1;

-- 1 rows of ["r1"]
UPDATE replay_run
SET state = 'RUNNING', error = NULL, finished_at = NULL, updated_at = now()
WHERE id = $1 AND state <> 'DONE'
RETURNING id;

-- 1 rows of ["DONE", null, "r1"]
UPDATE replay_run
SET state = $1, error = $2, finished_at = now(), updated_at = now()
WHERE id = $3;

-- 1 rows of [5]
SELECT id, consumer_group, ranges, filters, mapping_version, rate, actor, reason, state, error, published, passed_over, unreadable, lost, created_at, updated_at, finished_at
FROM replay_run
ORDER BY created_at DESC, id
LIMIT $1;

-- 0 rows of []
COMMIT;

