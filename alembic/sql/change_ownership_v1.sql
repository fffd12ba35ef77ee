-- As ownership_v3, for change sets and cases.
DO $$
DECLARE
    object text;
BEGIN
    FOR object IN
        SELECT oid::regclass::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname IN (
            'change_set', 'change_draft', 'change_comment', 'review_policy', 'miss_case'
        )
    LOOP
        EXECUTE 'ALTER TABLE ' || object || ' OWNER TO marketmap_owner';
    END LOOP;
END
$$
