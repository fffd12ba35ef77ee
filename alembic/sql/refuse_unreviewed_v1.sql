-- Where four eyes are required, nothing is committed that changed a mapping without an approved change set. It runs at the
-- commit, and asks what was done in the transaction, never how the transaction describes itself: so a dry run can make
-- a change to see what it does, and has to take it back.
-- The audit trigger gives each direct change a change set that is marked as direct; nobody can take the mark away.
-- It runs with its owner's rights, and searches no schema but Postgres's own, as audit_mapping does.
CREATE FUNCTION marketmap_refuse_unreviewed_v1() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF (
        SELECT policy.four_eyes
        FROM public.review_policy AS policy
        ORDER BY policy.id DESC
        LIMIT 1
    ) AND EXISTS (
        SELECT
        FROM public.change_set AS made
        WHERE made.applied_in OPERATOR(pg_catalog.=) CAST(CAST(pg_current_xact_id() AS text) AS bigint)
            AND made.decided_at OPERATOR(pg_catalog.=) now()
            AND made.is_direct
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'four eyes are required: a mapping is changed by a change set that somebody else has approved';
    END IF;
    RETURN NULL;
END
$$
