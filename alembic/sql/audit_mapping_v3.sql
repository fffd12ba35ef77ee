-- One audit row for each row changed. A new canonical id is two: the old name ends, the new one begins, because
-- whoever keeps mappings by canonical id would keep the old one for ever.
-- Every change belongs to a change set: to the approved one that is applied in this transaction, or else to one of
-- its own, which is recorded here. What an approved change set does not hold is refused, and where four eyes are
-- required, so is every change without one.
-- It runs with its owner's rights, so that an editor needs none on the audit log. So it must call nothing that
-- an editor can create: it searches no schema but Postgres's own, and says which operators it means.
-- The actor is what the transaction claims; the login is who connected, and no setting changes it.
CREATE FUNCTION marketmap_audit_mapping_v3() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    actor CONSTANT text := coalesce(nullif(current_setting('marketmap.actor', true), ''), session_user);
    why CONSTANT text := nullif(current_setting('marketmap.reason', true), '');
    who CONSTANT text := left(CAST(session_user AS text), 100);
    before CONSTANT jsonb := to_jsonb(OLD);
    after CONSTANT jsonb := to_jsonb(NEW);
    old_name CONSTANT text := before OPERATOR(pg_catalog.->>) 'canonical_id';
    new_name CONSTANT text := after OPERATOR(pg_catalog.->>) 'canonical_id';
    switched CONSTANT text[] := ARRAY['is_active', 'updated_at'];
    own CONSTANT text[] := ARRAY['id', 'is_active', 'created_at', 'updated_at', 'created_by'];
    applied record;
    version integer;
BEGIN
    SELECT found.id, found.is_direct, found.decided_by INTO applied
    FROM public.change_set AS found
    WHERE found.applied_in OPERATOR(pg_catalog.=) CAST(CAST(pg_current_xact_id() AS text) AS bigint)
        AND found.decided_at OPERATOR(pg_catalog.=) now();
    IF coalesce(applied.is_direct, true) AND (
        SELECT policy.four_eyes
        FROM public.review_policy AS policy
        ORDER BY policy.id DESC
        LIMIT 1
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'four eyes are required: a mapping is changed by a change set that somebody else has approved';
    END IF;
    IF applied.id IS NULL THEN
        INSERT INTO public.change_set (is_direct, reason, state, applied_in, decided_at)
        VALUES (
            true, why, 'APPROVED', CAST(CAST(pg_current_xact_id() AS text) AS bigint), now()
        )
        RETURNING id, is_direct, decided_by INTO applied;
    ELSIF NOT applied.is_direct AND NOT EXISTS (
        SELECT
        FROM public.change_draft AS draft
        WHERE draft.change_set_id OPERATOR(pg_catalog.=) applied.id
            AND draft.canonical_id OPERATOR(pg_catalog.=) coalesce(old_name, new_name)
            AND CASE
                WHEN after IS NULL THEN draft.action OPERATOR(pg_catalog.=) 'DELETE'
                WHEN before IS NULL THEN draft.action OPERATOR(pg_catalog.=) 'CREATE'
                ELSE draft.action OPERATOR(pg_catalog.=) ANY (ARRAY['UPDATE', 'ACTIVATE', 'DEACTIVATE'])
            END
            AND CASE
                WHEN after IS NULL THEN true
                WHEN draft.mapping IS NULL
                    THEN (before OPERATOR(pg_catalog.-) switched) OPERATOR(pg_catalog.=)
                        (after OPERATOR(pg_catalog.-) switched)
                ELSE jsonb_strip_nulls(after OPERATOR(pg_catalog.-) own)
                    OPERATOR(pg_catalog.=) jsonb_strip_nulls(draft.mapping)
            END
            AND (
                after IS NULL
                OR coalesce(draft.is_active, CAST(before OPERATOR(pg_catalog.->>) 'is_active' AS boolean), true)
                    OPERATOR(pg_catalog.=) CAST(after OPERATOR(pg_catalog.->>) 'is_active' AS boolean)
            )
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = concat('change set ', applied.id, ' does not hold this change of ', coalesce(old_name, new_name));
    END IF;
    IF old_name IS DISTINCT FROM new_name AND before IS NOT NULL THEN
        INSERT INTO public.mapping_audit_log (
            mapping_id, canonical_id, action, old_value, reason, created_at, created_by, login, change_set_id,
            approved_by
        )
        VALUES (
            NEW.id, OLD.canonical_id, 'DELETE', before, why, clock_timestamp(), left(actor, 100), who, applied.id,
            applied.decided_by
        )
        RETURNING id INTO version;
    END IF;
    IF after IS NOT NULL THEN
        INSERT INTO public.mapping_audit_log (
            mapping_id, canonical_id, action, old_value, new_value, reason, created_at, created_by, login,
            change_set_id, approved_by
        )
        VALUES (
            NEW.id,
            NEW.canonical_id,
            CASE
                WHEN old_name IS DISTINCT FROM new_name THEN 'CREATE'
                WHEN (before OPERATOR(pg_catalog.-) switched)
                    OPERATOR(pg_catalog.<>) (after OPERATOR(pg_catalog.-) switched) THEN 'UPDATE'
                WHEN NEW.is_active THEN 'ACTIVATE'
                ELSE 'DEACTIVATE'
            END,
            CASE WHEN old_name OPERATOR(pg_catalog.=) new_name THEN before END,
            after,
            why,
            clock_timestamp(),
            left(actor, 100),
            who,
            applied.id,
            applied.decided_by
        )
        RETURNING id INTO version;
    END IF;
    PERFORM set_config('marketmap.version', CAST(version AS text), true);
    RETURN NULL;
END
$$
