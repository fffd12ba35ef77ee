-- One audit row for each row changed. A new canonical id is two: the old name ends, the new one begins, because
-- whoever keeps mappings by canonical id would keep the old one for ever.
-- It runs with its owner's rights, so that an editor needs none on the audit log. So it must call nothing that
-- an editor can create: it searches no schema but Postgres's own, and says which operators it means.
-- The actor is what the transaction claims; the login is who connected, and no setting changes it.
CREATE FUNCTION marketmap_audit_mapping_v2() RETURNS trigger
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
    version integer;
BEGIN
    IF old_name IS DISTINCT FROM new_name AND before IS NOT NULL THEN
        INSERT INTO public.mapping_audit_log (
            mapping_id, canonical_id, action, old_value, reason, created_at, created_by, login
        )
        VALUES (NEW.id, OLD.canonical_id, 'DELETE', before, why, clock_timestamp(), left(actor, 100), who)
        RETURNING id INTO version;
    END IF;
    IF after IS NOT NULL THEN
        INSERT INTO public.mapping_audit_log (
            mapping_id, canonical_id, action, old_value, new_value, reason, created_at, created_by, login
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
            who
        )
        RETURNING id INTO version;
    END IF;
    PERFORM set_config('marketmap.version', CAST(version AS text), true);
    RETURN NULL;
END
$$
