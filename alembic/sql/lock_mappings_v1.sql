-- Changes of mappings queue up here, from before their first row until they are committed. So the ids of the
-- audit log are in the order of the commits: whoever reads up to an id has missed nothing below it.
CREATE FUNCTION marketmap_lock_mappings_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('marketmap.mappings', 0));
    RETURN NULL;
END
$$
