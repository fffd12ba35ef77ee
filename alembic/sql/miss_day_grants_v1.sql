-- The insight process has the rights of a worker. Rows are never changed.
DO $$
DECLARE
    grantee text;
    privileges text;
BEGIN
    FOR grantee, privileges IN VALUES
        ('worker', 'SELECT, INSERT, DELETE ON miss_day'),
        ('editor', 'SELECT ON miss_day'),
        ('reader', 'SELECT ON miss_day')
    LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'marketmap_' || grantee) THEN
            EXECUTE 'GRANT ' || privileges || ' TO marketmap_' || grantee;
        END IF;
    END LOOP;
END
$$
