-- As ownership_v3, for views of the queue and the effects of changes.
DO $$
DECLARE
    object text;
BEGIN
    FOR object IN
        SELECT oid::regclass::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname IN (
            'queue_view', 'change_effect', 'change_effect_miss'
        )
    LOOP
        EXECUTE 'ALTER TABLE ' || object || ' OWNER TO marketmap_owner';
    END LOOP;
END
$$
