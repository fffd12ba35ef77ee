-- A change of status is a legal one or refused, names who made it, and takes away what only the old status had.
-- The actor is what the transaction claims; the login is who connected, and no setting changes it.
-- A market that is counted again after it was mapped has regressed: its case says so, and sleeps no longer. Counting
-- a market whose status stays does not come here.
-- It runs with its owner's rights, so that a worker needs none on cases. So it must call nothing that anybody else
-- can create: it searches no schema but Postgres's own, and says which operators it means.
CREATE FUNCTION marketmap_change_status_v3() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.status OPERATOR(pg_catalog.=) 'MAPPED' AND NEW.status OPERATOR(pg_catalog.<>) 'NEW' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = concat(
                NEW.source, ' ', NEW.external_market_id, ' is MAPPED and cannot become ', NEW.status,
                ': reopen it first'
            );
    END IF;
    IF OLD.status OPERATOR(pg_catalog.=) 'MAPPED'
        AND NEW.occurrence_count OPERATOR(pg_catalog.>) OLD.occurrence_count THEN
        INSERT INTO public.miss_case AS known (source, external_market_id, regressed_at, regressed_from)
        VALUES (NEW.source, NEW.external_market_id, now(), OLD.mapped_version)
        ON CONFLICT (source, external_market_id) DO UPDATE SET
            regressed_at = excluded.regressed_at,
            regressed_from = excluded.regressed_from,
            snoozed_until = NULL;
    END IF;
    NEW.status_changed_at := now();
    NEW.status_actor := left(coalesce(nullif(current_setting('marketmap.actor', true), ''), session_user), 100);
    NEW.status_login := left(CAST(session_user AS text), 100);
    IF NEW.status OPERATOR(pg_catalog.=) 'MAPPED' THEN
        NEW.mapped_version := coalesce(
            NEW.mapped_version, (SELECT max(id) FROM public.mapping_audit_log), 0
        );
    ELSE
        NEW.mapped_version := NULL;
    END IF;
    IF NEW.status OPERATOR(pg_catalog.<>) 'IGNORED' THEN
        NEW.ignored_until_count := NULL;
        NEW.ignored_until_rate := NULL;
        NEW.ignored_until := NULL;
    END IF;
    RETURN NEW;
END
$$
