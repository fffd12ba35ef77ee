-- History is not rewritten, whoever asks. The foreign key alone may let go of a mapping that is gone.
-- It runs with its owner's rights, so it must call nothing that anybody else can create: it searches no schema
-- but Postgres's own, and says which operators it means.
CREATE FUNCTION marketmap_guard_audit_v2() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone CONSTANT integer := CASE WHEN TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN OLD.mapping_id END;
BEGIN
    IF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' AND NEW.mapping_id IS NULL THEN
        OLD.mapping_id := NULL;
        IF NEW OPERATOR(pg_catalog.*=) OLD AND NOT EXISTS (
            SELECT FROM public.user_market_mappings AS mapping WHERE mapping.id OPERATOR(pg_catalog.=) gone
        ) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'insufficient_privilege',
        MESSAGE = concat('mapping_audit_log is append-only: ', TG_OP, ' refused');
END
$$
