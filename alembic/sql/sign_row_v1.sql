-- The actor of a new row is what the transaction claims; the login is who connected, and no setting changes it.
CREATE FUNCTION marketmap_sign_row_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.actor := left(coalesce(nullif(current_setting('marketmap.actor', true), ''), session_user), 100);
    NEW.login := left(CAST(session_user AS text), 100);
    NEW.created_at := now();
    RETURN NEW;
END
$$
