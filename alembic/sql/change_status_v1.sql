-- A change of status is a legal one or refused, names who made it, and takes away what only the old status had.
CREATE FUNCTION marketmap_change_status_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
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
    IF NEW.status = 'MAPPED' THEN
        NEW.mapped_version := coalesce(NEW.mapped_version, (SELECT max(id) FROM mapping_audit_log), 0);
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
