-- History is not rewritten, whoever asks. The foreign key alone may let go of a mapping that is gone.
CREATE FUNCTION marketmap_guard_audit_v1() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    mapping_id CONSTANT integer := CASE WHEN TG_OP = 'UPDATE' THEN OLD.mapping_id END;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.mapping_id IS NULL THEN
        OLD.mapping_id := NULL;
        IF NEW *= OLD AND NOT EXISTS (SELECT FROM user_market_mappings WHERE id = mapping_id) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'insufficient_privilege',
        MESSAGE = 'mapping_audit_log is append-only: ' || TG_OP || ' refused';
END
$$
