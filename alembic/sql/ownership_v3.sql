-- Everything of this project belongs to marketmap_owner, so that whoever migrates need not be an administrator
-- and triggers do not run with an administrator's rights.
DO $$
DECLARE
    kind text;
    object text;
BEGIN
    EXECUTE 'GRANT USAGE, CREATE ON SCHEMA public TO marketmap_owner';
    FOR kind, object IN
        SELECT 'TABLE', oid::regclass::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname IN (
            'user_market_mappings', 'mapping_audit_log', 'unmapped_market_log', 'ingest_watermark',
            'relay_cursor', 'watermark_change', 'replay_run', 'unmapped_overflow', 'alembic_version'
        )
        UNION ALL
        SELECT 'FUNCTION', oid::regprocedure::text FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, 'marketmap_')
    LOOP
        EXECUTE 'ALTER ' || kind || ' ' || object || ' OWNER TO marketmap_owner';
    END LOOP;
END
$$
