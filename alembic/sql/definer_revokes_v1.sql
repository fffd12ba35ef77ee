-- Nobody may hang a function with its owner's rights on a table of their own. Migrations take the right from PUBLIC
-- when they create one, and a dump that is restored without its ACLs gives it back. Triggers need no such right.
DO $$
DECLARE
    object text;
BEGIN
    FOR object IN
        SELECT oid::regprocedure::text FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, 'marketmap_') AND prosecdef
    LOOP
        EXECUTE 'REVOKE EXECUTE ON FUNCTION ' || object || ' FROM PUBLIC';
    END LOOP;
END
$$
