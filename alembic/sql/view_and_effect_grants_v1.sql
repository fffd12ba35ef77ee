-- Editors keep views of the queue and record what their changes did to misses. That a watermark was set back, so that
-- occurrences were counted again, is read where occurrences since a change are shown.
DO $$
DECLARE
    grantee text;
    privileges text;
BEGIN
    FOR grantee, privileges IN VALUES
        ('editor', 'SELECT ON queue_view, change_effect, change_effect_miss, watermark_change'),
        ('editor', 'INSERT (name, query), UPDATE (query), DELETE ON queue_view'),
        ('editor', 'INSERT (change_set_id) ON change_effect'),
        ('editor', 'INSERT (change_set_id, source, external_market_id, is_covered, occurrences, per_hour,'
            ' comparisons_per_day) ON change_effect_miss'),
        ('reader', 'SELECT ON queue_view, change_effect, change_effect_miss')
    LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'marketmap_' || grantee) THEN
            EXECUTE 'GRANT ' || privileges || ' TO marketmap_' || grantee;
        END IF;
    END LOOP;
END
$$
