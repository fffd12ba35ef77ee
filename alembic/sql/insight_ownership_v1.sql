-- As ownership_v3, for the tables of evidence.
DO $$
DECLARE
    object text;
BEGIN
    FOR object IN
        SELECT oid::regclass::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname IN (
            'watched_event', 'mapping_evidence', 'suggestion', 'evidence_sample', 'alarm'
        )
    LOOP
        EXECUTE 'ALTER TABLE ' || object || ' OWNER TO marketmap_owner';
    END LOOP;
END
$$
