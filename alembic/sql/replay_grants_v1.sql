-- A replay is run by whoever may publish what a worker publishes, or by an editor after a mapping was created.
-- Its row is never deleted: it says who published a range again, and why.
DO $$
DECLARE
    grantee text;
    privileges text;
BEGIN
    FOR grantee, privileges IN VALUES
        ('worker', 'SELECT, INSERT, UPDATE ON replay_run'),
        ('editor', 'SELECT, INSERT, UPDATE ON replay_run'),
        ('reader', 'SELECT ON replay_run')
    LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'marketmap_' || grantee) THEN
            EXECUTE 'GRANT ' || privileges || ' TO marketmap_' || grantee;
        END IF;
    END LOOP;
END
$$
