-- One notification for each statement, not for each row. Postgres sends it at the commit, in the order of the
-- commits, and the same one only once; a statement that changed nothing says nothing new.
CREATE FUNCTION marketmap_announce_mappings_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    version CONSTANT text := nullif(current_setting('marketmap.version', true), '');
BEGIN
    IF version IS NOT NULL THEN
        PERFORM pg_notify('marketmap_mappings', version);
    END IF;
    RETURN NULL;
END
$$
