-- The insight process has the rights of a worker.
DO $$
DECLARE
    grantee text;
    privileges text;
BEGIN
    FOR grantee, privileges IN VALUES
        ('worker', 'SELECT, INSERT, UPDATE, DELETE ON mapping_hour'),
        ('editor', 'SELECT ON mapping_hour'),
        ('reader', 'SELECT ON mapping_hour')
    LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'marketmap_' || grantee) THEN
            EXECUTE 'GRANT ' || privileges || ' TO marketmap_' || grantee;
        END IF;
    END LOOP;
END
$$
