-- What a change did to misses is recorded in the transaction of the change, and never afterwards: nobody adds an
-- effect to a change that others have read about.
-- The operators of Postgres alone are found: no other schema is searched.
CREATE FUNCTION marketmap_change_effect_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM public.change_set AS made
        WHERE made.id = NEW.change_set_id
            AND made.applied_in = CAST(CAST(pg_current_xact_id() AS text) AS bigint)
            AND made.decided_at = now()
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = concat('change set ', NEW.change_set_id, ' was not applied in this transaction');
    END IF;
    RETURN NEW;
END
$$
