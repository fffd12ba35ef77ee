-- A worker counts what it takes up and what it does not; everybody may know.
DO $$
DECLARE
    grantee text;
    privileges text;
BEGIN
    FOR grantee, privileges IN VALUES
        ('worker', 'SELECT, INSERT, UPDATE ON unmapped_overflow'),
        ('editor', 'SELECT ON unmapped_overflow'),
        ('reader', 'SELECT ON unmapped_overflow')
    LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'marketmap_' || grantee) THEN
            EXECUTE 'GRANT ' || privileges || ' TO marketmap_' || grantee;
        END IF;
    END LOOP;
END
$$
