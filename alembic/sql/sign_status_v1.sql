-- Only a change of status says who changed it. A row that is inserted with an actor was signed by this login.
CREATE FUNCTION marketmap_sign_status_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.status_login := left(CAST(session_user AS text), 100);
        RETURN NEW;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'insufficient_privilege',
        MESSAGE = 'status_actor and status_login change with the status only';
END
$$
