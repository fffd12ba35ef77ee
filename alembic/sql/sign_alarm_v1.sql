-- A change of status names who made it: the actor is what the transaction claims, the login is who connected.
-- Nothing else changes these columns.
CREATE FUNCTION marketmap_sign_alarm_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF OLD.status IS DISTINCT FROM NEW.status THEN
        NEW.status_changed_at := now();
        NEW.status_actor := left(coalesce(nullif(current_setting('marketmap.actor', true), ''), session_user), 100);
        NEW.status_reason := nullif(current_setting('marketmap.reason', true), '');
        NEW.status_login := left(CAST(session_user AS text), 100);
    ELSE
        NEW.status_changed_at := OLD.status_changed_at;
        NEW.status_actor := OLD.status_actor;
        NEW.status_reason := OLD.status_reason;
        NEW.status_login := OLD.status_login;
    END IF;
    RETURN NEW;
END
$$
