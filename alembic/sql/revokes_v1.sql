DO $$
DECLARE
    grantee text;
BEGIN
    FOR grantee IN SELECT rolname FROM pg_roles
        WHERE rolname IN ('marketmap_worker', 'marketmap_editor', 'marketmap_reader')
    LOOP
        EXECUTE 'REVOKE ALL ON user_market_mappings, mapping_audit_log, unmapped_market_log, ingest_watermark,'
            ' relay_cursor FROM ' || grantee;
        EXECUTE 'REVOKE ALL ON SEQUENCE unmapped_market_log_id_seq, user_market_mappings_id_seq FROM ' || grantee;
    END LOOP;
END
$$
