-- The insight process has the rights of a worker. Editors decide about alarms, and write nothing else of it.
DO $$
DECLARE
    grantee text;
    privileges text;
BEGIN
    FOR grantee, privileges IN VALUES
        ('worker', 'SELECT, INSERT, UPDATE, DELETE ON watched_event, mapping_evidence, suggestion, evidence_sample'),
        ('worker', 'SELECT, INSERT, UPDATE ON alarm'),
        ('worker', 'USAGE ON SEQUENCE alarm_id_seq'),
        ('editor', 'SELECT ON watched_event, mapping_evidence, suggestion, evidence_sample, alarm'),
        ('editor', 'UPDATE (status) ON alarm'),
        ('reader', 'SELECT ON watched_event, mapping_evidence, suggestion, evidence_sample, alarm')
    LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'marketmap_' || grantee) THEN
            EXECUTE 'GRANT ' || privileges || ' TO marketmap_' || grantee;
        END IF;
    END LOOP;
END
$$
