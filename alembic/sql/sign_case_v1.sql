-- Whoever takes, snoozes or returns a case signs it. A market that is missed again after it was mapped is noted by
-- the function of its status, which signs nothing.
CREATE FUNCTION marketmap_sign_case_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.owner, NEW.snoozed_until) IS NOT DISTINCT FROM (OLD.owner, OLD.snoozed_until)
        OR TG_OP = 'INSERT' AND NEW.owner IS NULL AND NEW.snoozed_until IS NULL THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.regressed_at IS DISTINCT FROM OLD.regressed_at THEN
        RETURN NEW;
    END IF;
    NEW.actor := left(coalesce(nullif(current_setting('marketmap.actor', true), ''), session_user), 100);
    NEW.login := left(CAST(session_user AS text), 100);
    NEW.reason := nullif(current_setting('marketmap.reason', true), '');
    NEW.changed_at := now();
    RETURN NEW;
END
$$
