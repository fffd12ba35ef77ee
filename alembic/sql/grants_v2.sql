-- What each group needs and nothing more. The audit log is written by its trigger with the owner's rights, so
-- nobody is given more than reading it. A group that is not there is left out.
DO $$
DECLARE
    grantee text;
    privileges text;
BEGIN
    FOR grantee, privileges IN VALUES
        ('worker', 'SELECT ON user_market_mappings, mapping_audit_log'),
        ('worker', 'SELECT, INSERT, UPDATE ON unmapped_market_log, ingest_watermark, relay_cursor'),
        ('worker', 'SELECT, INSERT ON watermark_change'),
        ('worker', 'USAGE ON SEQUENCE unmapped_market_log_id_seq, watermark_change_id_seq'),
        ('editor', 'SELECT, INSERT, UPDATE, DELETE ON user_market_mappings'),
        ('editor', 'USAGE ON SEQUENCE user_market_mappings_id_seq'),
        ('editor', 'SELECT ON mapping_audit_log, unmapped_market_log'),
        ('editor', 'UPDATE (status, notes, mapped_version, ignored_until_count, ignored_until_rate, ignored_until)'
            ' ON unmapped_market_log'),
        ('reader', 'SELECT ON user_market_mappings, mapping_audit_log, unmapped_market_log, ingest_watermark,'
            ' relay_cursor, watermark_change')
    LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'marketmap_' || grantee) THEN
            EXECUTE 'GRANT ' || privileges || ' TO marketmap_' || grantee;
        END IF;
    END LOOP;
END
$$
