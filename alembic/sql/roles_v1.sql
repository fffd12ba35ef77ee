-- Groups to put logins into; they belong to the server, not to one database, so another one may have made them.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['marketmap_owner', 'marketmap_worker', 'marketmap_editor', 'marketmap_reader']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE 'CREATE ROLE ' || quote_ident(wanted) || ' NOLOGIN';
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    NULL;
                WHEN insufficient_privilege THEN
                    RAISE WARNING USING MESSAGE = 'role ' || wanted || ' is not there and may not be created: '
                        || 'let an administrator run `marketmap roles`';
            END;
        END IF;
    END LOOP;
END
$$
