-- One audit row for each row changed. A new canonical id is two: the old name ends, the new one begins, because
-- whoever keeps mappings by canonical id would keep the old one for ever.
-- It runs with its owner's rights, so that an editor needs none on the audit log; session_user is who logged in.
CREATE FUNCTION marketmap_audit_mapping_v1() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
    actor CONSTANT text := coalesce(nullif(current_setting('marketmap.actor', true), ''), session_user);
    why CONSTANT text := nullif(current_setting('marketmap.reason', true), '');
    before CONSTANT jsonb := to_jsonb(OLD);
    after CONSTANT jsonb := to_jsonb(NEW);
    switched CONSTANT text[] := ARRAY['is_active', 'updated_at'];
    version integer;
BEGIN
    IF before ->> 'canonical_id' IS DISTINCT FROM after ->> 'canonical_id' AND before IS NOT NULL THEN
        INSERT INTO mapping_audit_log (
            mapping_id, canonical_id, action, old_value, reason, created_at, created_by
        )
        VALUES (NEW.id, OLD.canonical_id, 'DELETE', before, why, clock_timestamp(), left(actor, 100))
        RETURNING id INTO version;
    END IF;
    IF after IS NOT NULL THEN
        INSERT INTO mapping_audit_log (
            mapping_id, canonical_id, action, old_value, new_value, reason, created_at, created_by
        )
        VALUES (
            NEW.id,
            NEW.canonical_id,
            CASE
                WHEN before ->> 'canonical_id' IS DISTINCT FROM NEW.canonical_id THEN 'CREATE'
                WHEN before - switched <> after - switched THEN 'UPDATE'
                WHEN NEW.is_active THEN 'ACTIVATE'
                ELSE 'DEACTIVATE'
            END,
            CASE WHEN before ->> 'canonical_id' = NEW.canonical_id THEN before END,
            after,
            why,
            clock_timestamp(),
            left(actor, 100)
        )
        RETURNING id INTO version;
    END IF;
    PERFORM set_config('marketmap.version', version::text, true);
    RETURN NULL;
END
$$
