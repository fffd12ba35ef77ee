-- What is recorded stays as it was written, whoever asks.
CREATE FUNCTION marketmap_append_only_v2() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'insufficient_privilege',
        MESSAGE = concat(TG_TABLE_NAME, ' is append-only: ', TG_OP, ' refused');
END
$$
