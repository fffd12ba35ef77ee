-- A change of status is a legal one or refused, names who made it, and takes away what only the old status had.
-- The actor is what the transaction claims; the login is who connected, and no setting changes it.
CREATE FUNCTION marketmap_change_status_v2() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.status = 'MAPPED' AND NEW.status <> 'NEW' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = NEW.source || ' ' || NEW.external_market_id || ' is MAPPED and cannot become '
                || NEW.status || ': reopen it first';
    END IF;
    NEW.status_changed_at := now();
    NEW.status_actor := left(coalesce(nullif(current_setting('marketmap.actor', true), ''), session_user), 100);
    NEW.status_login := left(CAST(session_user AS text), 100);
    IF NEW.status = 'MAPPED' THEN
        NEW.mapped_version := coalesce(
            NEW.mapped_version, (SELECT max(id) FROM public.mapping_audit_log), 0
        );
    ELSE
        NEW.mapped_version := NULL;
    END IF;
    IF NEW.status <> 'IGNORED' THEN
        NEW.ignored_until_count := NULL;
        NEW.ignored_until_rate := NULL;
        NEW.ignored_until := NULL;
    END IF;
    RETURN NEW;
END
$$
