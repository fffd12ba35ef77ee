-- The actor of a row is what the statement claims; the login is who connected, whatever the statement says.
-- Neither changes afterwards.
CREATE FUNCTION marketmap_sign_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.login := left(CAST(session_user AS text), 100);
    ELSIF (NEW.actor, NEW.reason, NEW.created_at, NEW.login)
        IS DISTINCT FROM (OLD.actor, OLD.reason, OLD.created_at, OLD.login) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = concat(TG_TABLE_NAME, ' keeps who asked for it, when and why: ', TG_OP, ' refused');
    END IF;
    RETURN NEW;
END
$$
