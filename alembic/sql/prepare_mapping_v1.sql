-- An update that changes nothing does not happen; any other one tells its time.
CREATE FUNCTION marketmap_prepare_mapping_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.updated_at := OLD.updated_at;
    IF NEW IS NOT DISTINCT FROM OLD THEN
        RETURN NULL;
    END IF;
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END
$$
